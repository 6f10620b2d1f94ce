"""Have the candidate's log-probabilities moved, away from mathematics or from the baseline?

In strict mode the engine is held against the goldens of the reference and against the baseline;
with the app's own flags, which use other kernels, against the baseline alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from statistics import fmean, median
from typing import TYPE_CHECKING, Final

from engine_ci.errors import EngineError
from engine_ci.gate import asking, divergence
from engine_ci.gate.asking import Answer, Mode, NotAskedError, Question, session
from engine_ci.records.gate import FaultClass, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

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
        measure: of one case.
        passes, fails: nats up to which it passes, above which it fails; between them it warns.
        over: makes one number of those of all cases.
        near_tie: a choice that led by more nats than this is not turned over by any noise.
    """

    measure: Callable[[Drift], float]
    name: str
    passes: float
    fails: float
    over: Callable[[Iterable[float]], float] = fmean
    near_tie: float = NEAR_TIE


# Good builds are 4e-6 to 1.4e-5 from the reference, with one thread or two, and gemma3, whose GELU
# is rounded to F16, 5e-5; a norm or a RoPE base that is off by 0.01 % gives 3.5e-4 and more. KL
# between good builds at equal flags is 0 to 2e-8.
TO_REFERENCE: Final = Scale(
    measure=lambda drift: drift.mean, name="mean difference", passes=1e-4, fails=3e-4
)
TO_BASELINE: Final = Scale(
    measure=lambda drift: drift.divergence, name="mean KL", passes=1e-5, fails=1e-3
)

# Engines round what they multiply quantised weights by. Where the last bit of a float turns a
# rounding over, log-probabilities jump by up to 0.33, in up to a quarter of the cases. So the
# median over the cases judges: good builds are at 5e-6, a tensor that is 1 % off at 7e-3 and more.
# What spoils fewer than half of the cases is left to the mean: good builds are below 1e-2.
_ROUNDED: Final = (
    Scale(
        measure=lambda drift: drift.median,
        name="median difference",
        passes=1e-4,
        fails=2e-3,
        over=median,
        near_tie=2 * NEAR_TIE,
    ),
    Scale(
        measure=lambda drift: drift.mean,
        name="mean difference",
        passes=2e-2,
        fails=3e-2,
        near_tie=2 * NEAR_TIE,
    ),
)
# A rounding to F16 is turned over at almost every step, and each time by little: good builds are at
# 7e-4, a tensor that is 1 % off at 1.1e-2.
_HALVES: Final = (
    Scale(
        measure=lambda drift: drift.median,
        name="median difference",
        passes=2e-3,
        fails=5e-3,
        over=median,
    ),
)


def scales(weights: str, exact: Scale) -> tuple[Scale, ...]:
    """What a model whose weights are of that mix of types is judged by; `exact` where it is F32."""
    return {"F32": (exact,), "F16": _HALVES}.get(weights, _ROUNDED)


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
        judged_by = partial(scales, located.model.weights)
        if mode is Mode.STRICT:
            steps = [case.steps for case in golden.cases]
            yield ask(
                f"{name}/reference", judged_by(TO_REFERENCE), found=found, expected=lambda: steps
            )
        expected = partial(_baseline, context, located, golden, mode)
        yield ask(f"{name}/baseline-{mode}", judged_by(TO_BASELINE), found=found, expected=expected)


def _ask(
    name: str,
    judged_by: Sequence[Scale],
    *,
    golden: Golden,
    found: Callable[[], Answers],
    expected: Callable[[], Answers],
) -> Check:
    question = Question(
        suite=SUITE,
        name=name,
        fault_class=FaultClass.NUMERIC,
        expected=", ".join(f"{scale.name} at most {scale.passes:.0e} nats" for scale in judged_by),
    )

    def judged() -> Answer:
        answers = zip(golden.cases, expected(), found(), strict=True)
        return judge({case.id: divergence.compare(*pair) for case, *pair in answers}, judged_by)

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


def judge(drifts: Mapping[str, Drift], judged_by: Sequence[Scale]) -> Answer:
    """Judges the drift of every case; where there are several scales, the worst counts.

    Each case weighs the same, so that one which parts at its first step is not lost in the mean.
    """
    moved = [scale.over(scale.measure(drift) for drift in drifts.values()) for scale in judged_by]
    read = list(zip(judged_by, moved, strict=True))
    flips = {case: drift.flip for case, drift in drifts.items() if drift.flip}
    steps = sum(drift.steps for drift in drifts.values())
    largest = max(drift.largest for drift in drifts.values())
    told = ", ".join(f"{scale.name} {value:.1e}" for scale, value in read)
    return Answer(
        status=_status(read, flips.values()),
        observed=f"{told} nats over {steps} steps; largest {largest:.1e}",
        detail="\n".join(_describe(case, flip) for case, flip in flips.items()),
    )


def _status(read: Iterable[tuple[Scale, float]], flips: Collection[Flip]) -> Status:
    """The worst of what the scales read."""
    found = {_on_one(scale, moved, flips) for scale, moved in read}
    return next(status for status in (Status.FAIL, Status.WARN, Status.PASS) if status in found)


def _on_one(scale: Scale, moved: float, flips: Iterable[Flip]) -> Status:
    if moved > scale.fails or any(flip.margin > scale.near_tie for flip in flips):
        return Status.FAIL
    return Status.PASS if moved <= scale.passes else Status.WARN


def _describe(case: str, flip: Flip) -> str:
    return (
        f"case {case} parts at step {flip.step}: expected token {flip.expected}, "
        f"found token {flip.found} (margin {flip.margin:.2f} nats)"
    )
