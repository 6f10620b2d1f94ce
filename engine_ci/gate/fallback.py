"""Pure. Does a candidate compute with less than the baseline did, without a word to the app?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine_ci.engine.backends import CPU
from engine_ci.gate.checking import Answer, NotAskedError
from engine_ci.records.gate import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine_ci.engine.backends import Backends


def judge(candidate: Backends, baseline: Backends) -> Answer:
    """Fails what lost a backend or GPU layers, warns of other instructions, says what was gained.

    Raises:
        NotAskedError: a log says nothing that could be compared.
    """
    for role, found in (("candidate", candidate), ("baseline", baseline)):
        if not found.known:
            raise NotAskedError(f"the {role}'s log does not say which backends it uses")
    lost = tuple(_lost(candidate, baseline))
    changed = tuple(_changed(candidate, baseline))
    status = Status.FAIL if lost else Status.WARN if changed else Status.PASS
    gained = tuple(f"new: {name}" for name in sorted(_missing(candidate, baseline)))
    return Answer(
        status=status,
        observed="; ".join((*lost, *changed, *gained, str(candidate))),
        detail=f"the baseline: {baseline}",
    )


def _lost(candidate: Backends, baseline: Backends) -> Iterator[str]:
    for name in sorted(_missing(baseline, candidate)):
        yield f"lost: {name}"
    before, _ = baseline.offloaded or (0, 0)
    now, _ = candidate.offloaded or (0, 0)
    if now < before:
        yield f"{now} layers on the GPU instead of {before}"


def _missing(here: Backends, there: Backends) -> frozenset[str]:
    """The backends of one log that the other, which writes such lines too, does not name."""
    named = here.loaded if there.loaded else frozenset()
    named |= here.features.keys() if there.features else frozenset()
    named |= here.devices.keys() if there.devices else frozenset()
    return named - there.names


def _changed(candidate: Backends, baseline: Backends) -> Iterator[str]:
    before, now = (found.features.get(CPU, frozenset()) for found in (baseline, candidate))
    if now and before - now:
        yield f"without {', '.join(sorted(before - now))}"
    families = [", ".join(found.families) for found in (baseline, candidate)]
    if all(families) and len(set(families)) > 1:
        yield "GPU family {} became {}".format(*families)
