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


def known(bundle: Bundle, *, current: Bundle, refused: Sequence[Refusal]) -> Refusal | None:
    """The refusal of a bundle whose engine is known already, byte for byte; None for a new one."""
    if bundle.tree_sha256 == current.tree_sha256:
        reason = f"its engine is byte for byte the one that is pinned ({current.version})"
        return _known(bundle, reason)
    for earlier in refused:
        if not earlier.known and bundle.tree_sha256 == earlier.tree_sha256:
            reason = f"its engine is byte for byte that of {earlier.version}, which was refused"
            return _known(bundle, reason)
    return None


def packaged_again(bundle: Bundle, *, pin: Pin) -> Refusal | None:
    """The refusal of a bundle of the pinned commit, for who wants no other package of it."""
    if bundle.commit is None or not bundle.commit.same_as(pin.commit):
        return None
    reason = f"it is the pinned commit {pin.commit} again, and `rebuilds` is `never`"
    return _known(bundle, reason)


def refused_by_gate(bundle: Bundle, result: GateResult) -> Refusal:
    """The refusal of a gated bundle, with every blocking check that failed as evidence."""
    bad = [check for check in result.checks if check.blocking and check.status in _BAD]
    return Refusal(
        version=bundle.version,
        reason=f"the gate says {result.verdict.value}: {len(bad)} of {len(result.checks)} checks",
        evidence=tuple(_evidence(check) for check in bad),
        tree_sha256=bundle.tree_sha256,
    )


def refused_unprepared(version: Version, error: EngineCIError) -> Refusal:
    """The refusal of a release whose bytes could not be verified or prepared."""
    return Refusal(version=version, reason=error.message)


def costly(refused: Sequence[Refusal]) -> int:
    """How many refusals cost a try: known bytes under another version are found out for free."""
    return sum(not refusal.known for refusal in refused)


def _known(bundle: Bundle, reason: str) -> Refusal:
    return Refusal(
        version=bundle.version, reason=reason, tree_sha256=bundle.tree_sha256, known=True
    )


def _evidence(check: Check) -> str:
    last = check.detail.strip().splitlines()[-1:] or [""]
    told = f"{check.id}: expected {check.expected}, observed {check.observed}"
    return f"{told}: {last[0]}" if last[0] and last[0] not in check.observed else told
