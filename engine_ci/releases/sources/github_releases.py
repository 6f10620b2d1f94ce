"""Archives attached to the releases of a GitHub repository: what they offer to a pin."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from engine_ci.errors import NotThereError, OutsideError, VerificationError
from engine_ci.releases import ledger as ledgers
from engine_ci.releases import listing, offered, ordering, published
from engine_ci.releases.ledger import Ledger
from engine_ci.releases.sources import release_list
from engine_ci.system import documents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from engine_ci.pins.model import Pin
    from engine_ci.releases.model import Offer
    from engine_ci.releases.published import PublishedRelease
    from engine_ci.releases.sources.release_list import ReleaseList
    from engine_ci.system.answers import Api

# Of releases that were there before and are missing from the list.
_MOST_LOOKED_UP: Final = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where releases of GitHub are read.

    Attributes:
        api: of the server.
        files: the address of the server that has the releases' files, or their folder.
        ledgers: a folder that remembers which bytes they had.
        partial: some releases are here, and those that are not may be elsewhere.
    """

    api: Api
    files: str
    ledgers: Path
    partial: bool = False


def read(repository: str, pin: Pin, *, at: Place) -> ReleaseList:
    """The releases since the pinned one, as far as they are listed.

    Raises:
        OutsideError: GitHub refused, or did not answer.
        PinError: the pinned version is no tag of a build.
    """
    listed = release_list.read(repository, api=at.api, pin=listing.current(pin).build or 0)
    return replace(listed, whole=listed.whole and not at.partial)


def offers(
    listed: ReleaseList,
    repository: str,
    pin: Pin,
    *,
    at: Place,
    told: Callable[[str], None] = lambda _: None,
) -> list[Offer]:
    """The pinned build and every newer one, in no order; those that were taken away too.

    Args:
        listed: what was read of the list.
        repository: `owner/name`.
        pin: what is used now, and for which platforms.
        at: where it is asked.
        told: what a person should hear of, one sentence each.

    Raises:
        OutsideError: GitHub refused, or did not answer.
        PinError: one of the pin's files has no name of a build.
        VerificationError: the pinned build's files are not what the pin says.
    """
    file = at.ledgers / f"{repository.replace('/', '--')}--{pin.name}.json"
    ledger = _remembered(file, told=told)
    expected = [pin.version, *(ledgers.tags(ledger, after=listed.pin) if listed.whole else ())]
    missing = _missing(expected, listed.releases)
    looked_up = (_by_tag(repository, tag, at=at) for tag in missing[:_MOST_LOOKED_UP])
    releases = _since(listed.pin, [*listed.releases, *filter(None, looked_up)])
    _hold_against(pin, releases)
    found = offered.offers(releases, pin, ledger=ledger)
    lost = offered.vanished(ledger, found, pin) if listed.whole else []
    if not listed.whole:
        told(
            f"{repository}: {len(listed.releases)} releases were read, "
            f"which are not all since {pin.version}"
        )
    _note(file, ledger, releases, pin, since=listed.pin)
    return [*found, *lost]


def _missing(expected: Sequence[str], listed: Iterable[PublishedRelease]) -> list[str]:
    """The tags that the list did not show, and that have to be somewhere."""
    there = {release.tag_name for release in listed}
    return [tag for tag in expected if tag not in there]


def _by_tag(repository: str, tag: str, *, at: Place) -> PublishedRelease | None:
    """The published release of a tag; None where there is none any more."""
    try:
        return at.api.page(f"repos/{repository}/releases/tags/{tag}", published.RELEASE).content
    except NotThereError:
        return None


def _since(current: int, releases: Iterable[PublishedRelease]) -> list[PublishedRelease]:
    return [release for release in releases if (ordering.build(release.tag_name) or 0) >= current]


def _hold_against(pin: Pin, releases: Iterable[PublishedRelease]) -> None:
    """Refuses to go on where the pinned files are not those that GitHub shows now."""
    for release in releases:
        different = published.differences(release, pin) if release.tag_name == pin.version else []
        if different:
            raise VerificationError(
                f"pin {pin.name}: the files of {pin.version} were replaced: "
                + "; ".join(different),
                hint="find out who replaced them before you use either; the pin is as it was",
            )


def _remembered(file: Path, *, told: Callable[[str], None]) -> Ledger:
    if not file.exists():
        return ledgers.EMPTY
    try:
        return documents.load_json(file, Ledger, error=OutsideError)
    except OutsideError as problem:
        told(f"what was seen of releases before is lost: {problem}")
        return ledgers.EMPTY


def _note(
    file: Path, ledger: Ledger, releases: Iterable[PublishedRelease], pin: Pin, *, since: int
) -> None:
    found = [
        (release.tag_name, asset)
        for release in releases
        for asset in published.wanted(release, pin).values()
    ]
    now = ledgers.noted(ledger, found, since=since)
    if now != ledger:
        documents.write(file, documents.dump_json(now))
