"""Are the vectors of texts right, and does `/v1/embeddings` give them as it should; and ranks?

In strict mode vectors are held against the reference and against the baseline; with the app's own
flags, and those that a server of embeddings needs besides, against the baseline alone.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Final

from engine_ci.engine.tasks import Task
from engine_ci.errors import EngineRefusedError
from engine_ci.gate import asking, checking, modes, reference, vectors
from engine_ci.gate.api import rerank
from engine_ci.gate.api.embeddings import fields, lengths, order, packed, texts
from engine_ci.gate.asking import Mode, session
from engine_ci.gate.checking import Answer, Question
from engine_ci.gate.distance import TO_BASELINE, TO_REFERENCE, distance
from engine_ci.records.gate import FaultClass, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from engine_ci.engine.client import Client, Vector
    from engine_ci.engine.ready_engine import Engine
    from engine_ci.gate.context import Context, LocatedModel
    from engine_ci.gate.distance import Scale
    from engine_ci.gate.vectors import Passage, VectorGolden
    from engine_ci.records.gate import Check

    Differences = Callable[[VectorGolden, Client], Iterable[str]]

SUITE: Final = "embeddings"

# The statuses in which a build may say that it makes no vectors as it was started.
_REFUSALS: Final = (400, 501)


def run(context: Context) -> Iterator[Check]:
    """Nine checks for each embedding model, and one of a model that is asked for no vectors."""
    for located in asking.models(context, "embedding"):
        golden = vectors.load(context.goldens / f"{located.model.name}.json")
        yield from _strict(context, located, golden)
        yield from _app(context, located, golden)
        yield _ranked(context, located, golden)
    for located in asking.models(context, "stable")[:1]:
        yield _refusal(context, located)


def _strict(context: Context, located: LocatedModel, golden: VectorGolden) -> Iterator[Check]:
    name, mode = located.model.name, Mode.STRICT
    expected = [passage.vector for passage in golden.bare]
    start = partial(session, context, suite=SUITE, located=located, mode=mode)
    with start(context.candidate) as opened:
        found = cache(lambda: opened.answer(partial(_alone, golden.bare)))
        yield _near(f"{name}/reference", TO_REFERENCE, lambda: expected, found)
        baseline = partial(_baseline, context, located, golden, mode)
        yield _near(f"{name}/baseline-strict", TO_BASELINE, baseline, found)
        for kind, fault_class, wanted, differences in (
            ("text", FaultClass.TOKENIZER, "the golden token IDs, and their vectors", texts),
            ("base64", FaultClass.API, "the same components as in numbers", packed),
        ):
            question = _question(f"{name}/{kind}", fault_class, wanted)
            judge = partial(_judge, golden, differences)
            before = partial(asking.before, context, start, judge)
            yield question.ask(partial(opened.answer, judge), before=before)


def _app(context: Context, located: LocatedModel, golden: VectorGolden) -> Iterator[Check]:
    name, mode = located.model.name, Mode.APP
    with session(context, context.candidate, suite=SUITE, located=located, mode=mode) as opened:
        found = cache(lambda: opened.answer(partial(_alone, golden.bare)))
        baseline = partial(_baseline, context, located, golden, mode)
        yield _near(f"{name}/baseline-app", TO_BASELINE, baseline, found)
        for kind, fault_class, wanted, differences in (
            ("length", FaultClass.NUMERIC, "vectors of length 1", lengths),
            ("order", FaultClass.API, "several vectors in the order of their inputs", order),
            ("answer", FaultClass.API, "the documented fields, and right counts", fields),
        ):
            question = _question(f"{name}/{kind}", fault_class, wanted)
            yield question.ask(partial(opened.answer, partial(_judge, golden, differences)))


def _ranked(context: Context, located: LocatedModel, golden: VectorGolden) -> Check:
    question = _question(
        f"{located.model.name}/rerank", FaultClass.API, "the scores of the reference, best first"
    )
    # A log of its own: a start replaces what the one before wrote.
    start = partial(
        session,
        context,
        suite=f"{SUITE}-rerank",
        located=located,
        mode=Mode.STRICT,
        settings=replace(modes.SETTINGS[Mode.STRICT], task=Task.RANKS),
    )
    judge = partial(_judge, golden, partial(rerank.rerank, reference.load(located.path)))
    before = partial(asking.before, context, start, judge)
    with start(context.candidate) as opened:
        return question.ask(partial(opened.answer, judge), before=before)


def _question(name: str, fault_class: FaultClass, expected: str) -> Question:
    return Question(suite=SUITE, name=name, fault_class=fault_class, expected=expected)


def _near(
    name: str,
    scale: Scale,
    expected: Callable[[], Sequence[Vector]],
    found: Callable[[], Sequence[Vector]],
) -> Check:
    wanted = f"no component off by more than {scale.passes:.0e}"
    question = _question(name, FaultClass.NUMERIC, wanted)
    return question.ask(lambda: judge(expected(), found(), scale))


def judge(expected: Sequence[Vector], found: Sequence[Vector], scale: Scale) -> Answer:
    """Judges the passage whose vectors are furthest apart."""
    distances = [distance(*pair) for pair in zip(expected, found, strict=True)]
    largest = max(item.largest for item in distances)
    angle = max(item.angle for item in distances)
    return Answer(
        status=scale.status(largest),
        observed=f"largest difference {largest:.1e} in {len(distances)} vectors; "
        f"1 - cosine {angle:.1e}",
    )


def _alone(passages: Iterable[Passage], engine: Engine) -> list[Vector]:
    """The vector of each passage, asked for by itself."""
    return [vector for passage in passages for vector in engine.client.embed(passage.tokens)]


def _baseline(
    context: Context, located: LocatedModel, golden: VectorGolden, mode: Mode
) -> list[Vector]:
    opened = partial(session, context, suite=SUITE, located=located, mode=mode)
    return asking.of_baseline(context, opened, partial(_alone, golden.bare))


def _judge(golden: VectorGolden, differences: Differences, engine: Engine) -> Answer:
    return checking.compared(differences(golden, engine.client))


def _refusal(context: Context, located: LocatedModel) -> Check:
    question = _question(
        "refusal", FaultClass.API, "a model that was started without --embeddings says so"
    )
    with session(context, context.candidate, suite=SUITE, located=located, mode=Mode.APP) as opened:
        return question.ask(lambda: opened.answer(_judge_refusal))


def _judge_refusal(engine: Engine) -> Answer:
    try:
        engine.client.embed("Hello")
    except EngineRefusedError as refusal:
        good = refusal.status in _REFUSALS and bool(refusal.said)
        status = Status.PASS if good else Status.FAIL
        return Answer(status=status, observed=f"status {refusal.status}: {refusal.said}")
    return Answer(status=Status.FAIL, observed="it gave a vector")
