"""A repository that may be written to: what it may hold, and how it is left."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tests.contract.place import MARK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.place import Place, Said
    from tests.fixtures.clients import WorkingCopy

SCRATCH: Final = re.compile(r"[\w.-]+/[\w.-]+-scratch")
MAY_HOLD: Final = re.compile(r"(?i)(readme|licen[cs]e)(\.\w+)?|\.gitignore")
_BRANCH: Final = "refs/heads/"
_PULL: Final = "refs/pull/"


def misnamed(repository: str) -> str | None:
    """Why a repository of that name must not be written to."""
    if SCRATCH.fullmatch(repository):
        return None
    return f"{repository}: expected owner/name, with a name that ends with -scratch"


def objections(place: Place, work: WorkingCopy) -> Iterator[str]:
    """Why this repository must not be written to: what it holds beside the suite's own."""
    default = str(place.get("")["default_branch"])
    for name in _references(work):
        own = name.startswith((f"{_BRANCH}{MARK}-", _PULL))
        if not own and name != f"{_BRANCH}{default}":
            yield f"{place.repository} holds {name}"
    for file in work.git("ls-tree", "--name-only", f"origin/{default}").splitlines():
        if not MAY_HOLD.fullmatch(file):
            yield f"{place.repository} holds the file {file}"
    for issue in _issues(place, "all"):
        if not str(issue["title"]).startswith(MARK):
            yield f"{place.repository} holds #{issue['number']}"


def sweep(place: Place, work: WorkingCopy) -> None:
    """Take away all that any run has made. A pull request cannot be, so it is closed."""
    for issue in list(_issues(place, "open")):
        kind = "pulls" if "pull_request" in issue else "issues"
        place.ask("PATCH", f"/{kind}/{issue['number']}", {"state": "closed"})
    for label in _labels(place):
        place.ask("DELETE", f"/labels/{label}")
    branches = _branches(work)
    if branches:
        work.git("push", "--quiet", "origin", *(f":{name}" for name in branches))


def leftovers(place: Place, work: WorkingCopy) -> list[str]:
    """What of the suite's is still there."""
    issues = (f"#{issue['number']}" for issue in _issues(place, "open"))
    return [*_branches(work), *_labels(place), *issues]


def _references(work: WorkingCopy) -> list[str]:
    lines = work.git("ls-remote", "--quiet", "origin").splitlines()
    names = (line.partition("\t")[2] for line in lines)
    return [name for name in names if name != "HEAD"]


def _branches(work: WorkingCopy) -> list[str]:
    return [name for name in _references(work) if name.startswith(f"{_BRANCH}{MARK}-")]


def _labels(place: Place) -> list[str]:
    names = (str(label["name"]) for label in _pages(place, "/labels?per_page=100"))
    return [name for name in names if name.startswith(MARK)]


def _issues(place: Place, state: str) -> Iterator[Said]:
    return _pages(place, f"/issues?state={state}&per_page=100")


def _pages(place: Place, first: str) -> Iterator[Said]:
    path: str | None = first
    while path:
        answer = place.ask("GET", path)
        yield from answer.said
        path = answer.onward
