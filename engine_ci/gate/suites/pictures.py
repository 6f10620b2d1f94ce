"""Does a model see pictures as it should, by whatever API they come?

In strict mode what it says is held against the reference and against the baseline, with the app's
own flags against the baseline alone. Builds without `--mmproj` are not asked.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Final, TypeVar

from engine_ci.engine.adapters.options import PROJECTOR
from engine_ci.gate import asking, checking, divergence, modes, pictures, scales, showing
from engine_ci.gate.api.anthropic import MESSAGES
from engine_ci.gate.api.responses import RESPONSES
from engine_ci.gate.asking import Mode
from engine_ci.gate.checking import Answer, Question
from engine_ci.gate.context import LocatedModel
from engine_ci.gate.scales import TO_BASELINE, TO_REFERENCE_OF_PICTURES
from engine_ci.records.gate import FaultClass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from engine_ci.engine.client import Client
    from engine_ci.engine.ready_engine import Engine
    from engine_ci.gate.asking import Session
    from engine_ci.gate.context import Context, Subject
    from engine_ci.gate.divergence import Step
    from engine_ci.gate.pictures import PictureGolden
    from engine_ci.gate.scales import Scale
    from engine_ci.gate.showing import Said
    from engine_ci.records.gate import Check

    Open = Callable[[Subject], AbstractContextManager[Session]]

T = TypeVar("T")

SUITE: Final = "pictures"
# Asked in turn of one cache: a message, itself, another picture under the same words, and back.
_AGAIN: Final = (0, 0, 1, 0)


def run(context: Context) -> Iterator[Check]:
    """Nine checks of each projector."""
    for projector in asking.models(context, "projector"):
        golden = pictures.load(context.goldens / f"{projector.model.name}.json")
        language = context.models[golden.language_model]
        # By its own name: what becomes of both together says nothing of the language model alone.
        model = language.model.model_copy(update={"name": projector.model.name})
        both = LocatedModel(model=model, path=language.path)
        start = partial(asking.session, context, suite=SUITE, located=both)
        strict = replace(modes.SETTINGS[Mode.STRICT], projector=projector.path)
        yield from _strict(context, golden, partial(start, mode=Mode.STRICT, settings=strict))
        extra = (PROJECTOR, str(projector.path))
        yield from _app(context, golden, partial(start, mode=Mode.APP, extra=extra))
        yield _blind(context, golden, partial(start, mode=Mode.APP, located=language))


def _strict(context: Context, golden: PictureGolden, start: Open) -> Iterator[Check]:
    with start(context.candidate) as opened:
        question = _question(golden, "loads", FaultClass.CRASH_LOAD, "ready with the projector")
        yield question.ask(partial(_shown, context, opened, checking.ready))
        found = cache(partial(_shown, context, opened, partial(_each, golden)))
        expected = [glance.steps for glance in golden.glances]
        yield _near(golden, "reference", TO_REFERENCE_OF_PICTURES, lambda: expected, found)
        yield _near(
            golden, "baseline-strict", TO_BASELINE, partial(_before, context, golden, start), found
        )
        again = partial(_shown, context, opened, partial(_again, golden))
        steps = [expected[number] for number in _AGAIN]
        yield _near(golden, "cached", TO_REFERENCE_OF_PICTURES, lambda: steps, cache(again))
        for name, wanted, differences in (
            ("messages", "the golden text by `/v1/messages`", partial(showing.by_api, MESSAGES)),
            ("responses", "the golden text by `/v1/responses`", partial(showing.by_api, RESPONSES)),
            ("unreadable", "what is no picture is refused", showing.unreadable),
        ):
            judge = partial(_judge, partial(differences, golden))
            before = partial(asking.before, context, start, judge)
            question = _question(golden, name, FaultClass.API, wanted)
            yield question.ask(partial(_shown, context, opened, judge), before=before)


def _app(context: Context, golden: PictureGolden, start: Open) -> Iterator[Check]:
    with start(context.candidate) as opened:
        found = cache(partial(_shown, context, opened, partial(_each, golden)))
        baseline = partial(_before, context, golden, start)
        yield _near(golden, "baseline-app", TO_BASELINE, baseline, found)


def _blind(context: Context, golden: PictureGolden, start: Open) -> Check:
    question = _question(
        golden, "refusal", FaultClass.API, "a model that was started without a projector says so"
    )
    judge = partial(_judge, partial(showing.unsupported, golden))
    before = partial(asking.before, context, start, judge)
    with start(context.candidate) as opened:
        return question.ask(partial(opened.answer, judge), before=before)


def _near(
    golden: PictureGolden,
    name: str,
    scale: Scale,
    expected: Callable[[], Sequence[Sequence[Step]]],
    found: Callable[[], Sequence[Said]],
) -> Check:
    fault_class = FaultClass.KV if name == "cached" else FaultClass.NUMERIC
    wanted = f"{scale.name} at most {scale.passes:.0e} nats"
    question = _question(golden, name, fault_class, wanted)
    return question.ask(lambda: judge(found(), expected(), scale))


def judge(found: Sequence[Said], expected: Sequence[Sequence[Step]], scale: Scale) -> Answer:
    """Judges the answers to messages with pictures in them, in their order."""
    if amiss := [text for said in found for text in said.amiss]:
        return checking.compared(amiss)
    pairs = [(steps, said.steps) for steps, said in zip(expected, found, strict=True)]
    drifts = {f"{number}": divergence.compare(*pair) for number, pair in enumerate(pairs, start=1)}
    answer = scales.judge(drifts, (scale,))
    return replace(answer, margins=scales.margins(pairs, scale))


def _question(golden: PictureGolden, name: str, fault_class: FaultClass, expected: str) -> Question:
    return Question(
        suite=SUITE, name=f"{golden.model}/{name}", fault_class=fault_class, expected=expected
    )


def _shown(context: Context, opened: Session, ask: Callable[[Engine], T]) -> T:
    asking.require(context.candidate, PROJECTOR)
    return opened.answer(ask)


def _each(golden: PictureGolden, engine: Engine) -> list[Said]:
    return [showing.say(golden, glance, engine.client) for glance in golden.glances]


def _again(golden: PictureGolden, engine: Engine) -> list[Said]:
    glances = [golden.glances[number] for number in _AGAIN]
    return [showing.say(golden, glance, engine.client, cache=True) for glance in glances]


def _before(context: Context, golden: PictureGolden, start: Open) -> list[Sequence[Step]]:
    said = asking.of_baseline(context, start, partial(_each, golden))
    return [each.steps for each in said]


def _judge(differences: Callable[[Client], Iterable[str]], engine: Engine) -> Answer:
    return checking.compared(differences(engine.client))
