"""Are the vectors of texts right, and does `/v1/embeddings` give them as it should?

In strict mode vectors are held against the reference and against the baseline; with the app's own
flags, and those that a server of embeddings needs besides, against the baseline alone.
"""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Final, Literal

from engine_ci.engine.answers import Count, Filled, Shape
from engine_ci.engine.client import EMBEDDINGS
from engine_ci.errors import EngineError, EngineRefusedError
from engine_ci.gate import asking, vectors
from engine_ci.gate.api import questions
from engine_ci.gate.asking import Answer, Mode, NotAskedError, Question, session
from engine_ci.gate.distance import Scale, distance, length
from engine_ci.records.gate import FaultClass, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from engine_ci.engine.client import Client, Vector
    from engine_ci.engine.supervisor import Engine
    from engine_ci.gate.context import Context, LocatedModel
    from engine_ci.gate.vectors import Passage, VectorGolden
    from engine_ci.records.gate import Check

    Differences = Callable[[VectorGolden, Client], Iterable[str]]

SUITE: Final = "embeddings"

# Good builds are 1.6e-6 at most from the reference; a norm or a matrix that is off by 0.1 % gives
# 8e-5 and more. Builds at equal flags are 0 to 2.6e-7 apart, flash attention on and off 2.1e-4.
TO_REFERENCE: Final = Scale(passes=1e-5, fails=3e-5)
TO_BASELINE: Final = Scale(passes=1e-5, fails=5e-4)
_LENGTH: Final = 1e-5
_SAME: Final = 1e-6
# The vectors of two passages are 0.03 apart or more, and flags move none by more than 2.1e-4.
_ANOTHER: Final = 5e-3
# The statuses in which a build may say that it makes no vectors as it was started.
_REFUSALS: Final = (400, 501)


class _Item(Shape):
    object: Literal["embedding"]
    index: Count
    embedding: list[float]


class _Usage(Shape):
    prompt_tokens: Count
    total_tokens: Count


class _Answered(Shape):
    """`POST /v1/embeddings`, as apps read it."""

    object: Literal["list"]
    model: Filled
    data: list[_Item]
    usage: _Usage


def run(context: Context) -> Iterator[Check]:
    """Eight checks for each embedding model, and one of a model that is asked for no vectors."""
    for located in asking.models(context, "embedding"):
        golden = vectors.load(context.goldens / f"{located.model.name}.json")
        yield from _strict(context, located, golden)
        yield from _app(context, located, golden)
    for located in asking.models(context, "stable")[:1]:
        yield _refusal(context, located)


def _strict(context: Context, located: LocatedModel, golden: VectorGolden) -> Iterator[Check]:
    name, mode = located.model.name, Mode.STRICT
    expected = [passage.vector for passage in golden.bare]
    with session(context, context.candidate, suite=SUITE, located=located, mode=mode) as opened:
        found = cache(lambda: opened.answer(partial(_alone, golden.bare)))
        yield _near(f"{name}/reference", TO_REFERENCE, lambda: expected, found)
        baseline = partial(_baseline, context, located, golden, mode)
        yield _near(f"{name}/baseline-strict", TO_BASELINE, baseline, found)
        for kind, fault_class, wanted, differences in (
            ("text", FaultClass.TOKENIZER, "the golden token IDs, and their vectors", texts),
            ("base64", FaultClass.API, "the same components as in numbers", packed),
        ):
            question = _question(f"{name}/{kind}", fault_class, wanted)
            yield question.ask(partial(opened.answer, partial(_judge, golden, differences)))


def _app(context: Context, located: LocatedModel, golden: VectorGolden) -> Iterator[Check]:
    name, mode = located.model.name, Mode.APP
    with session(context, context.candidate, suite=SUITE, located=located, mode=mode) as opened:
        found = cache(lambda: opened.answer(partial(_alone, golden.bare)))
        baseline = partial(_baseline, context, located, golden, mode)
        yield _near(f"{name}/baseline-app", TO_BASELINE, baseline, found)
        for kind, fault_class, wanted, differences in (
            ("length", FaultClass.NUMERIC, "vectors of length 1", lengths),
            ("order", FaultClass.API, "several vectors in the order of their inputs", order),
            ("answer", FaultClass.API, "the documented fields, and right counts", answer),
        ):
            question = _question(f"{name}/{kind}", fault_class, wanted)
            yield question.ask(partial(opened.answer, partial(_judge, golden, differences)))


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
    if context.baseline is None:
        raise NotAskedError("there is no baseline that runs")
    try:
        with session(context, context.baseline, suite=SUITE, located=located, mode=mode) as opened:
            return opened.answer(partial(_alone, golden.bare))
    except EngineError as problem:
        raise NotAskedError(f"the baseline gave no answer: {problem}") from problem


def _judge(golden: VectorGolden, differences: Differences, engine: Engine) -> Answer:
    if found := list(differences(golden, engine.client)):
        observed = f"{len(found)} differences"
        return Answer(status=Status.FAIL, observed=observed, detail=asking.listed(found))
    return Answer(status=Status.PASS, observed="the same")


def texts(golden: VectorGolden, client: Client) -> Iterator[str]:
    """In what the tokens of texts, and the vectors of texts, differ, in words."""
    for passage in golden.texts:
        content = passage.text or ""
        tokens = client.tokenize(content, add_special=True)
        yield from questions.difference(f"token IDs of {content!r}", passage.tokens, tokens)
        (vector,) = client.embed(content)
        moved = distance(passage.vector, vector).largest
        if moved > TO_REFERENCE.fails:
            yield f"vector of {content!r}: a component is off by {moved:.1e}"


def packed(golden: VectorGolden, client: Client) -> Iterator[str]:
    """In what packed vectors differ from plain ones, in words; of all passages but the longest."""
    for passage in golden.bare[:-1]:
        (plain,), (other,) = (client.embed(passage.tokens, packed=way) for way in (False, True))
        moved = distance(plain, other).largest
        if moved > _SAME:
            yield f"{passage.id}: a component is off by {moved:.1e}"


def lengths(golden: VectorGolden, client: Client) -> Iterator[str]:
    """Which vectors are not of length 1, in words."""
    for passage in golden.bare:
        (vector,) = client.embed(passage.tokens)
        found = length(vector)
        if abs(found - 1) > _LENGTH:
            yield f"{passage.id}: of length {found:.6f}"


def order(golden: VectorGolden, client: Client) -> Iterator[str]:
    """Which vectors of one request are not those of their places, in words."""
    inputs = [passage.tokens for passage in golden.bare]
    found = client.embed(*inputs)
    for passage, vector in zip(golden.bare, found, strict=True):
        moved = distance(passage.vector, vector).largest
        if moved > _ANOTHER:
            yield f"{passage.id}: a component is off by {moved:.1e} from that of its place"


def answer(golden: VectorGolden, client: Client) -> Iterator[str]:
    """In what the fields of an answer differ, in words."""
    inputs = [list(passage.tokens) for passage in golden.bare]
    found = questions.post(client, EMBEDDINGS, {"input": inputs}, _Answered)
    count = sum(map(len, inputs))
    width = len(golden.bare[0].vector)
    for what, expected, given in (
        ("indices", [*range(len(inputs))], [item.index for item in found.data]),
        ("components", {width}, {len(item.embedding) for item in found.data}),
        ("prompt tokens", count, found.usage.prompt_tokens),
        ("total tokens", count, found.usage.total_tokens),
    ):
        yield from questions.difference(what, expected, given)


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
