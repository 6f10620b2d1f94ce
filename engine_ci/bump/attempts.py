"""Pure. What became of a release that was tried, and whether another one is tried after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine_ci.records.candidate import Refusal
from engine_ci.records.gate import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine_ci.errors import EngineCIError
    from engine_ci.pins.model import Pin, Version
    from engine_ci.records.bundle import Bundle
    from engine_ci.records.gate import Check, GateResult

_BAD = (Status.FAIL, Status.ERROR)
_ASIDE = "only signatures, build IDs and the names of the build differ"


def pinned_again(
    bundle: Bundle,
    *,
    current: Bundle,
    elsewhere: Sequence[tuple[Bundle | None, Bundle]] = (),
    in_trouble: bool = False,
) -> Refusal | None:
    """The refusal of a release that is the pinned engine again; None for a new one.

    Args:
        bundle: the release's.
        current: of the pinned engine.
        elsewhere: the two for other platforms, current first; all must be the same, since what
            changed for one system may be what its users wait for.
        in_trouble: whether the pinned one is held, failed the gate or was withdrawn. A rebuild is
            what the app waits for then, and whether it helps is for the gate to say.
    """
    pairs = [(current, bundle), *elsewhere]
    if in_trouble or not all(_same_code(*pair) for pair in pairs):
        return None
    of = f"the one that is pinned ({current.version})"
    return _again(bundle, of, bytes_too=all(_same_bytes(*pair) for pair in pairs))


def refused_again(bundle: Bundle, *, refused: Sequence[Refusal]) -> Refusal | None:
    """The refusal of a bundle whose engine the gate refused already; None for a new one."""
    for earlier in refused:
        if not earlier.known and _same_code(earlier, bundle):
            of = f"that of {earlier.version}, which was refused"
            return _again(bundle, of, bytes_too=_same_bytes(earlier, bundle))
    return None


def packaged_again(bundle: Bundle, *, pin: Pin) -> Refusal | None:
    """The refusal of a bundle of the pinned commit, for who wants no other package of it."""
    if bundle.commit is None or not bundle.commit.same_as(pin.commit):
        return None
    return _known(bundle, f"it is the pinned commit {pin.commit} again, and `rebuilds` is `never`")


def refused_by_gate(bundle: Bundle, result: GateResult) -> Refusal:
    """The refusal of a gated bundle, with every blocking check that failed as evidence."""
    bad = [check for check in result.checks if check.blocking and check.status in _BAD]
    return Refusal(
        version=bundle.version,
        reason=f"the gate says {result.verdict.value}: {len(bad)} of {len(result.checks)} checks",
        evidence=tuple(_evidence(check) for check in bad),
        tree_sha256=bundle.tree_sha256,
        code_sha256=bundle.code_sha256,
    )


def refused_unprepared(version: Version, error: EngineCIError) -> Refusal:
    """The refusal of a release whose bytes could not be verified or prepared."""
    return Refusal(version=version, reason=error.message)


def costly(refused: Sequence[Refusal]) -> int:
    """How many refusals cost a try: known code under another version is found out for free."""
    return sum(not refusal.known for refusal in refused)


def _same_code(one: Bundle | Refusal | None, other: Bundle) -> bool:
    return one is not None and one.code_sha256 == other.code_sha256


def _same_bytes(one: Bundle | Refusal | None, other: Bundle) -> bool:
    return one is not None and one.tree_sha256 == other.tree_sha256


def _again(bundle: Bundle, of: str, *, bytes_too: bool) -> Refusal:
    what, aside = ("engine", "") if bytes_too else ("code", f": {_ASIDE}")
    return _known(bundle, f"its {what} is byte for byte {of}{aside}")


def _known(bundle: Bundle, reason: str) -> Refusal:
    return Refusal(
        version=bundle.version,
        reason=reason,
        tree_sha256=bundle.tree_sha256,
        code_sha256=bundle.code_sha256,
        known=True,
    )


def _evidence(check: Check) -> str:
    last = check.detail.strip().splitlines()[-1:] or [""]
    told = f"{check.id}: expected {check.expected}, observed {check.observed}"
    return f"{told}: {last[0]}" if last[0] and last[0] not in check.observed else told
