"""What upstream shows of its stable releases: a file that names a build, else a commit."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine_ci.errors import OutsideError, VerificationError
from engine_ci.releases import ordering, stable
from engine_ci.releases.sources import github_tags
from engine_ci.releases.stable import StableMaterial
from engine_ci.system import documents, release_files
from engine_ci.system.download import download

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine_ci.releases.published import PublishedRelease, ReleaseAsset
    from engine_ci.releases.sources.github_releases import Place
    from engine_ci.releases.sources.release_list import ReleaseList

FILE: Final = "nightly-tag.txt"
# The newest ones; who is further behind proposes one of these anyway.
MOST: Final = 5
_LARGEST: Final = 64  # bytes; `b12345` and an end of line


def materials(listed: ReleaseList, repository: str, *, at: Place) -> list[StableMaterial]:
    """What there is to tell the builds of the newest stable releases by, newest first.

    Args:
        listed: what was read of the list; stable releases long before the pin are not looked for.
        repository: `owner/name`.
        at: where it is asked.

    Raises:
        OutsideError: GitHub refused, or did not answer.
    """
    found = [
        (order, release)
        for release in listed.releases
        if (order := stable.order(release.tag_name)) is not None and not release.draft
    ]
    newest = sorted(found, key=lambda each: each[0], reverse=True)[:MOST]
    return [_material(repository, release, listed.releases, at=at) for _, release in newest]


def _material(
    repository: str,
    release: PublishedRelease,
    releases: Sequence[PublishedRelease],
    *,
    at: Place,
) -> StableMaterial:
    name, published = release.tag_name, release.published_at
    asset = next((asset for asset in release.assets if asset.name == FILE), None)
    if asset is not None:
        try:
            text = _content(repository, name, asset, server=at.files)
        except (OutsideError, VerificationError) as problem:
            return StableMaterial(name=name, published=published, problem=str(problem))
        return StableMaterial(name=name, published=published, nightly_tag=text)
    commit = github_tags.commit(repository, name, api=at.api)
    near = _newest_before(release, releases)
    builds = (
        github_tags.builds_on(repository, commit, near=near, api=at.api)
        if commit is not None and near is not None
        else ()
    )
    return StableMaterial(name=name, published=published, commit=commit, builds=builds)


def _content(repository: str, tag: str, asset: ReleaseAsset, *, server: str) -> str:
    """The text of the file, held against its size and its sha256 where GitHub tells it."""
    if asset.size > _LARGEST:
        raise VerificationError(f"expected {_LARGEST} bytes at most, found {asset.size}")
    address = release_files.folder(server, repository, tag=tag)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / FILE
        download(address, FILE, into=file, size=asset.size, hosts=release_files.hosts(address))
        sha256 = documents.sha256_of(file)
        if asset.sha256 not in (None, sha256):
            raise VerificationError(f"expected sha256 {asset.sha256}, found {sha256}")
        return file.read_text(encoding="utf-8", errors="replace")


def _newest_before(release: PublishedRelease, releases: Sequence[PublishedRelease]) -> int | None:
    """The newest build that was published when a stable release was."""
    builds = [
        build
        for other in releases
        if (build := ordering.build(other.tag_name)) is not None
        and other.published_at is not None
        and release.published_at is not None
        and other.published_at <= release.published_at
    ]
    return max(builds, default=None)
