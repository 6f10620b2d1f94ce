"""Have the candidate's log-probabilities moved, away from mathematics or from the baseline?

In strict mode the engine is held against the goldens of the reference and against the baseline;
with the app's own flags, which use other kernels, against the baseline alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from statistics import fmean
from typing import TYPE_CHECKING, Final

from engine_ci.errors import EngineError
from engine_ci.gate import asking, divergence
from engine_ci.gate.asking import Answer, Mode, NotAskedError, Question, session
from engine_ci.records.gate import FaultClass, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from engine_ci.engine.supervisor import Engine
    from engine_ci.gate.context import Context, LocatedModel
    from engine_ci.gate.divergence import Drift, Flip, Step
    from engine_ci.gate.goldens import Golden
    from engine_ci.records.gate import Check

    Answers = Sequence[Sequence[Step]]

SUITE = "drift"

# A choice that led by more than this, in nats, is not turned over by any noise.
NEAR_TIE: Final = 0.3


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """How a drift is measured, and what it means.

    Attributes:
        passes, fails: nats up to which it passes, above which it fails; between them it warns.
    """

    measure: Callable[[Drift], float]
    name: str
    passes: float
    fails: float


# Good builds are 4e-6 to 1.4e-5 from the reference, with one thread or two, and gemma3, whose GELU
# is rounded to F16, 5e-5; a norm or a RoPE base that is off by 0.01 % gives 3.5e-4 and more. KL
# between good builds at equal flags is 0 to 2e-8.
TO_REFERENCE: Final = Scale(
    measure=lambda drift: drift.mean, name="mean difference", passes=1e-4, fails=3e-4
)
TO_BASELINE: Final = Scale(
    measure=lambda drift: drift.divergence, name="mean KL", passes=1e-5, fails=1e-3
)


def run(context: Context) -> Iterator[Check]:
    """Three checks for each sensitive model."""
    for located in asking.models(context, "sensitive"):
        golden = asking.golden(context, located)
        for mode in Mode:
            yield from _checks(context, located, golden, mode)


def _checks(context: Context, located: LocatedModel, golden: Golden, mode: Mode) -> Iterator[Check]:
    name = located.model.name
    ask = partial(_ask, golden=golden)
    with session(context, context.candidate, suite=SUITE, located=located, mode=mode) as opened:
        found = cache(lambda: opened.answer(partial(_answers, golden)))
        if mode is Mode.STRICT:
            steps = [case.steps for case in golden.cases]
            yield ask(f"{name}/reference", TO_REFERENCE, found=found, expected=lambda: steps)
        expected = partial(_baseline, context, located, golden, mode)
        yield ask(f"{name}/baseline-{mode}", TO_BASELINE, found=found, expected=expected)


def _ask(
    name: str,
    scale: Scale,
    *,
    golden: Golden,
    found: Callable[[], Answers],
    expected: Callable[[], Answers],
) -> Check:
    question = Question(
        suite=SUITE,
        name=name,
        fault_class=FaultClass.NUMERIC,
        expected=f"{scale.name} at most {scale.passes:.0e} nats",
    )

    def judged() -> Answer:
        answers = zip(golden.cases, expected(), found(), strict=True)
        return judge({case.id: divergence.compare(*pair) for case, *pair in answers}, scale)

    return question.ask(judged)


def _baseline(context: Context, located: LocatedModel, golden: Golden, mode: Mode) -> Answers:
    if context.baseline is None:
        raise NotAskedError("there is no baseline that runs")
    try:
        with session(context, context.baseline, suite=SUITE, located=located, mode=mode) as opened:
            return opened.answer(partial(_answers, golden))
    except EngineError as problem:
        raise NotAskedError(f"the baseline gave no answer: {problem}") from problem


def _answers(golden: Golden, engine: Engine) -> Answers:
    return [
        engine.client.complete(case.prompt, count=len(case.steps), top=len(case.steps[0].top)).steps
        for case in golden.cases
    ]


def judge(drifts: Mapping[str, Drift], scale: Scale) -> Answer:
    """Judges the drift of every case.

    Each case weighs the same, so that one which parts at its first step is not lost in the mean.
    """
    moved = fmean(scale.measure(drift) for drift in drifts.values())
    flips = {case: drift.flip for case, drift in drifts.items() if drift.flip}
    steps = sum(drift.steps for drift in drifts.values())
    largest = max(drift.largest for drift in drifts.values())
    return Answer(
        status=_status(moved, flips.values(), scale),
        observed=f"{scale.name} {moved:.1e} nats over {steps} steps; largest {largest:.1e}",
        detail="\n".join(_describe(case, flip) for case, flip in flips.items()),
    )


def _status(moved: float, flips: Iterable[Flip], scale: Scale) -> Status:
    if moved > scale.fails or any(flip.margin > NEAR_TIE for flip in flips):
        return Status.FAIL
    return Status.PASS if moved <= scale.passes else Status.WARN


def _describe(case: str, flip: Flip) -> str:
    return (
        f"case {case} parts at step {flip.step}: expected token {flip.expected}, "
        f"found token {flip.found} (margin {flip.margin:.2f} nats)"
    )
