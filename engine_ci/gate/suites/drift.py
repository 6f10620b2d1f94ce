"""Have the candidate's log-probabilities moved, away from mathematics or from the baseline?

In most modes the engine is held against the goldens of the reference. Strict mode is held against
the baseline besides, and the modes with flash attention, which use other kernels, against the
baseline alone. Models that cannot drop the end of a conversation from their cache are asked to go
back in it. What moved, and what did not, names the operation to suspect.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Final

from engine_ci.gate import asking, checking, divergence, modes, operations, rewinding, scales
from engine_ci.gate.asking import Mode
from engine_ci.gate.checking import Answer, NotAskedError, Question
from engine_ci.gate.modes import session
from engine_ci.gate.scales import Against
from engine_ci.gate.suspects import suspects
from engine_ci.records.gate import FaultClass, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from engine_ci.engine.ready_engine import Engine
    from engine_ci.gate.asking import Session
    from engine_ci.gate.context import Context, LocatedModel, Subject
    from engine_ci.gate.divergence import Step
    from engine_ci.gate.goldens import Case, Golden
    from engine_ci.gate.modes import Exchange
    from engine_ci.gate.operations import Marks
    from engine_ci.gate.rewinding import Kind
    from engine_ci.gate.scales import Scale
    from engine_ci.gate.suspects import Pair
    from engine_ci.records.gate import Check

    Answers = Sequence[Sequence[Step]]
    Ask = Callable[[Engine], list[Exchange]]
    Open = Callable[[Subject], AbstractContextManager[Session]]

SUITE = "drift"

_AGAINST: Final[Mapping[Mode, tuple[Against, ...]]] = {
    Mode.STRICT: (Against.REFERENCE, Against.BASELINE),
    Mode.CACHED: (Against.REFERENCE,),
    Mode.BRIM: (Against.REFERENCE,),
    Mode.BATCHES: (Against.REFERENCE,),
    Mode.SLOTS: (Against.REFERENCE,),
    Mode.FLASH: (Against.BASELINE,),
    Mode.APP: (Against.BASELINE,),
}
# What these two ask of every model, the others ask of those with a prompt that fills the context.
_OF_ALL: Final = (Mode.STRICT, Mode.APP)
_BESIDES: Final[Mapping[Mode, str]] = {
    Mode.CACHED: ", only the tail evaluated",
    Mode.BRIM: ", the context full to its end, one token more refused",
}


def run(context: Context) -> Iterator[Check]:
    """Three checks of each sensitive model, eight of those with a prompt that fills the context.

    Two more of those with a state, one more of those with a window.
    """
    moved: dict[Pair, bool] = {}
    sensitive = asking.models(context, "sensitive")
    for pair, check in asking.side_by_side(partial(_checks, context), sensitive):
        if check.status in (Status.PASS, Status.WARN, Status.FAIL):
            moved[pair] = moved.get(pair, False) or check.status is not Status.PASS
        yield check
    yield _question("suspect", "no drift").ask(lambda: name_suspects(context, moved))


def _checks(context: Context, located: LocatedModel) -> Iterator[tuple[Pair, Check]]:
    golden = asking.golden(context, located)
    for group in modes.starts(Mode if modes.filling(golden) else _OF_ALL):
        for mode, check in _in_one_start(context, located, golden, group):
            yield (located.model.name, mode), check


def _in_one_start(
    context: Context, located: LocatedModel, golden: Golden, group: Sequence[Mode]
) -> Iterator[tuple[Mode, Check]]:
    with session(context, context.candidate, suite=SUITE, located=located, mode=group[0]) as opened:
        for mode in group:
            for check in _of_one_mode(context, located, golden, mode, opened=opened):
                yield mode, check
        if Mode.STRICT in group:
            for kind in rewinding.kinds(located.model):
                yield Mode.CACHED, _gone_back(context, located, golden, kind, opened=opened)


def _of_one_mode(
    context: Context, located: LocatedModel, golden: Golden, mode: Mode, *, opened: Session
) -> Iterator[Check]:
    """The checks of a mode; each engine answers once."""
    ask_all = partial(ask, cases_of(golden, mode), mode)
    start = partial(session, context, suite=SUITE, located=located, mode=mode)
    found = cache(partial(opened.answer, ask_all))
    expected: Mapping[Against, Callable[[], Answers]] = {
        Against.REFERENCE: lambda: [exchange.case.steps for exchange in found()],
        Against.BASELINE: partial(_baseline, context, start, ask_all),
    }
    for against in _AGAINST[mode]:
        judged_by = scales.scales(located.model, against)
        limits = ", ".join(f"{scale.name} at most {scale.passes:.0e} nats" for scale in judged_by)
        name = f"{located.model.name}/{_name(mode, against)}"
        question = _question(name, limits + _BESIDES.get(mode, ""))
        # Kernels for some GPUs die of some models, and the app's engine does already.
        before = partial(_survives, context, start, ask_all)
        yield question.ask(
            partial(_judged, found, expected[against], judged_by),
            before=before if against is Against.BASELINE else None,
        )


def _gone_back(
    context: Context, located: LocatedModel, golden: Golden, kind: Kind, *, opened: Session
) -> Check:
    def judge(engine: Engine) -> Answer:
        found = kind.differences(golden.case(rewinding.CASE), engine.client)
        return checking.compared(found, right="as expected")

    def before() -> Answer:
        strict = partial(session, context, suite=SUITE, located=located, mode=Mode.STRICT)
        return asking.before(context, strict, judge)

    question = Question(
        suite=SUITE,
        name=f"{located.model.name}/{kind.name}",
        fault_class=FaultClass.KV,
        expected=kind.expected,
    )
    return question.ask(partial(opened.answer, judge), before=before if kind.promise else None)


def _question(name: str, expected: str) -> Question:
    return Question(suite=SUITE, name=name, fault_class=FaultClass.NUMERIC, expected=expected)


def _name(mode: Mode, against: Against) -> str:
    if against is Against.BASELINE:
        return f"{against}-{mode}"
    return str(against if mode is Mode.STRICT else mode)


def cases_of(golden: Golden, mode: Mode) -> Sequence[Case]:
    """All in the modes of all models; in the others those that go to the limits."""
    long = modes.filling(golden)
    if mode in _OF_ALL or long is None:
        return golden.cases
    return golden.cases[-modes.AT_ONCE :] if mode is Mode.SLOTS else (long,)


def ask(cases: Sequence[Case], mode: Mode, engine: Engine) -> list[Exchange]:
    """The answers of an engine that was started in that mode, with the likeliest tokens."""
    return modes.ask(mode, cases, engine.client, top=len(cases[0].steps[0].top))


def _survives(context: Context, start: Open, ask_all: Ask) -> Answer:
    """Whether the baseline answers at all."""
    asking.before(context, start, ask_all)
    return Answer(status=Status.PASS, observed="answers")


def _baseline(context: Context, start: Open, ask_all: Ask) -> Answers:
    return [exchange.found.steps for exchange in asking.of_baseline(context, start, ask_all)]


def _judged(
    found: Callable[[], Sequence[Exchange]],
    expected: Callable[[], Answers],
    judged_by: Sequence[Scale],
) -> Answer:
    exchanges = found()
    if amiss := [text for exchange in exchanges for text in exchange.amiss]:
        return checking.compared(amiss)
    pairs = {
        exchange.what: (steps, exchange.found.steps)
        for exchange, steps in zip(exchanges, expected(), strict=True)
    }
    drifts = {what: divergence.compare(*pair) for what, pair in pairs.items()}
    return replace(
        scales.judge(drifts, judged_by), margins=scales.margins(pairs.values(), judged_by[0])
    )


def name_suspects(context: Context, moved: Mapping[Pair, bool]) -> Answer:
    """Warns with the operations to suspect, as a hint for a person; the other checks judge.

    Args:
        context: holds the files of the models.
        moved: for each model and mode that was asked, whether a check of it warned or failed.

    Raises:
        NotAskedError: there is nothing to draw conclusions from.
    """
    if not moved:
        raise NotAskedError("no other check of this suite was made")
    hits = [f"{model} in {mode}" for (model, mode), is_hit in moved.items() if is_hit]
    if not hits:
        return Answer(status=Status.PASS, observed=f"none in {len(moved)} models and modes")
    named = suspects(moved, {model: _marks(context, model) for model, _ in moved})
    observed = f"suspect: {' or '.join(suspect.name for suspect in named)}"
    share = f"{len(hits)} of {len(named[0].reach)} models and modes that need it have moved"
    return Answer(
        status=Status.WARN, observed=f"{observed} ({share})", detail=f"moved: {', '.join(hits)}"
    )


def _marks(context: Context, name: str) -> Marks:
    located = context.models[name]
    long = {operations.LONG} if modes.filling(asking.golden(context, located)) else set()
    return operations.marks(located.path) | long
