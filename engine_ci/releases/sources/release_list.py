"""The list of a repository's releases, read from the newest as far as it is needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine_ci.releases import ordering, reach
from engine_ci.releases.published import RELEASES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine_ci.releases.published import PublishedRelease
    from engine_ci.system.answers import Api

# A thousand releases: three months of upstream's. What is older is not worth a proposal.
MOST_PAGES: Final = 10
_PAGE: Final = 100  # the most that GitHub gives


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseList:
    """What was read.

    Attributes:
        releases: of any tag, in the list's order.
        pin: the number of the pinned build.
        whole: every newer build is among them.
    """

    releases: tuple[PublishedRelease, ...]
    pin: int
    whole: bool


def read(repository: str, *, api: Api, pin: int) -> ReleaseList:
    """Reads the list until every build newer than the pin has been seen, or it gets too long.

    Behind a first page that is as it was, the list is taken to be as it was.

    Args:
        repository: `owner/name`.
        api: of its server.
        pin: the number of the pinned build.

    Raises:
        OutsideError: GitHub refused, or did not answer.
    """
    releases: list[PublishedRelease] = []
    address = f"repos/{repository}/releases?per_page={_PAGE}"
    before: str | None = None
    for _ in range(MOST_PAGES):
        page = api.page(address, RELEASES, after=before)
        releases += page.content
        if page.next is None or reach.passed(_builds(releases), pin=pin):
            return ReleaseList(releases=tuple(releases), pin=pin, whole=True)
        address, before = page.next, page.etag
    return ReleaseList(releases=tuple(releases), pin=pin, whole=False)


def _builds(releases: Iterable[PublishedRelease]) -> set[int]:
    builds = (ordering.build(release.tag_name) for release in releases)
    return {build for build in builds if build is not None}
