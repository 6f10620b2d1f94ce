"""Pure. The jobs of `engine-gate.yml` that start an engine: what each asks, and where it leaves it.

Written here and not in the workflow, so that what asks and what judges the answers agree, and no
job asks less than it is there for without being told of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine_ci.records.gate import SPEED, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

GATE, AGAIN, OLDEST, METAL = "gate", "again", "oldest", "metal"
# What their artifacts are called.
ARTIFACTS: Final[Mapping[str, str]] = {
    GATE: "gate-macos-15",
    OLDEST: "gate-macos-14",
    AGAIN: "gate-again",
    METAL: "gate-metal",
}
# Speed does not come from the system's age, and what breaks with a model in use breaks with one of
# ours, which need no download. Both are asked on the newer system, of the same engine.
_SPARED: Final = frozenset({"real", SPEED})
_LEAST: Final = ("loads",)


def asks(job: str | None, suites: Iterable[str]) -> tuple[str, ...]:
    """Of an app's suites those that a job asks; None is for no job: all of them."""
    asked = tuple(suites)
    if job != OLDEST:
        return asked
    return tuple(suite for suite in asked if suite not in _SPARED) or _LEAST


def fetches(job: str | None) -> bool:
    """Whether it asks about models that do not ship with the program or the app."""
    return job != OLDEST


def leaves(job: str | None, verdict: Verdict) -> bool:
    """Whether a job ends well all the same, and leaves the verdict to `required`.

    It alone knows whether a doubt matters; a red job beside a green check would say otherwise.
    """
    return job is not None and verdict is Verdict.INCONCLUSIVE
