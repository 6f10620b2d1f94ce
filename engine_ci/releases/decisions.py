"""Pure. What is said of every release that is newer than the pin."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from engine_ci.records.candidate import Decision

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engine_ci.releases.model import Offer

# So many releases in a row for one reason are told one by one; more share a decision.
_FEW = 3


def told(newer: Sequence[Offer], reasons: Sequence[str], *, chosen: str | None) -> list[Decision]:
    """The decisions on releases, in their order.

    Args:
        newer: newest first.
        reasons: one for each.
        chosen: the version of the candidate.
    """
    every = [
        _decision(offer, reason, chosen=offer.version.text == chosen)
        for offer, reason in zip(newer, reasons, strict=True)
    ]
    runs = groupby(every, key=lambda each: (each.chosen, each.reason))
    return [decision for _, run in runs for decision in _together(list(run))]


def _together(run: list[Decision]) -> Iterator[Decision]:
    if len(run) <= _FEW:
        yield from run
    else:
        yield run[0].model_copy(update={"oldest": run[-1].version, "releases": len(run)})


def _decision(offer: Offer, reason: str, *, chosen: bool) -> Decision:
    version = offer.version
    return Decision(
        version=version.text,
        build=version.build,
        rebuild=version.rebuild,
        published=offer.published,
        chosen=chosen,
        reason=reason,
        flaws=offer.flaws,
    )
