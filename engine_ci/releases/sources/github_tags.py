"""Which commit a tag of a GitHub repository names, and which builds are on a commit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from pydantic import BaseModel, TypeAdapter

from engine_ci.errors import GitHubError, NotThereError
from engine_ci.releases import ordering
from engine_ci.system.documents import CommitId

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine_ci.system.answers import Api

_NESTED: Final = 3
_MOST_PAGES: Final = 10


class _Object(BaseModel):
    type: Literal["commit", "tag"]
    sha: CommitId


class _Reference(BaseModel):
    ref: str
    object: _Object


class _Tag(BaseModel):
    object: _Object


_REFERENCE: Final = TypeAdapter(_Reference)
_REFERENCES: Final = TypeAdapter(tuple[_Reference, ...])
_TAG: Final = TypeAdapter(_Tag)


def commit(repository: str, tag: str, *, api: Api) -> str | None:
    """The commit that a tag names, annotated or not; None where there is no such tag.

    Args:
        repository: `owner/name`.
        tag: of a build or of a stable release.
        api: of its server.

    Raises:
        OutsideError: GitHub refused or did not answer, or the tag names no commit.
    """
    git = f"repos/{repository}/git"
    try:
        named = api.page(f"{git}/ref/tags/{tag}", _REFERENCE).content.object
    except NotThereError:
        return None
    for _ in range(_NESTED):
        if named.type == "commit":
            return named.sha
        named = api.page(f"{git}/tags/{named.sha}", _TAG).content.object
    raise GitHubError(f"{repository}: the tag {tag} names a tag that names a tag, and no commit")


def builds_on(repository: str, commit: str, *, near: int, api: Api) -> tuple[str, ...]:
    """The builds, of those with a number up to `near`, whose tags name a commit.

    Builds are numbered by commits, so that the tags worth a look begin with the same digits: those
    of at least a hundred builds up to `near` are looked at.

    Raises:
        OutsideError: GitHub refused, or did not answer.
    """
    hundreds = sorted({near // 100, max(near // 100 - 1, 1)})
    tags = (
        reference.ref.removeprefix("refs/tags/")
        for number in hundreds
        for reference in _matching(f"repos/{repository}/git/matching-refs/tags/b{number}", api)
        if (reference.object.type, reference.object.sha) == ("commit", commit)
    )
    return tuple(sorted(tag for tag in set(tags) if ordering.tag(tag) is not None))


def _matching(address: str, api: Api) -> Iterator[_Reference]:
    """References in one answer, or in a few pages where GitHub cuts it."""
    for _ in range(_MOST_PAGES):
        page = api.page(address, _REFERENCES)
        yield from page.content
        if page.next is None:
            return
        address = page.next
