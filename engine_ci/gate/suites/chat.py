"""Does the candidate apply templates and chat as it should?

The stable models must do so exactly, with the app's own flags.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine_ci.gate import (
    asking,
    checking,
    conversing,
    echo,
    formats,
    forms,
    jinja,
    own_formats,
    reasoning,
    speech,
    structured,
    templates,
    zoo,
)
from engine_ci.gate.api.anthropic import MESSAGES
from engine_ci.gate.api.responses import RESPONSES
from engine_ci.gate.asking import Mode, session
from engine_ci.gate.checking import Answer, Question
from engine_ci.gate.context import LocatedModel
from engine_ci.records.gate import FaultClass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from engine_ci.engine.client import Client
    from engine_ci.engine.ready_engine import Engine
    from engine_ci.gate.asking import Session
    from engine_ci.gate.context import Context, Subject
    from engine_ci.gate.echo import Echo
    from engine_ci.gate.goldens import Golden
    from engine_ci.records.gate import Check

SUITE = "chat"
# Tokens, of all slots together: prompts with the templates of models in use take up to 7,100 bytes.
_ROOM: Final = 32_768


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """One check of a model.

    Attributes:
        differences: yields in words in what an engine's answers differ.
        promise: who breaks it as the baseline does has not got worse.
        flags: an option that the engine is started with beside the app's own, and its value; a
            build without it is not asked.
    """

    name: str
    expected: str
    differences: Callable[[Client], Iterator[str]]
    fault_class: FaultClass = FaultClass.API
    promise: bool = False
    flags: tuple[str, ...] = ()


def run(context: Context) -> Iterator[Check]:
    """Two checks for each stable model with chats, five more for the first; more for others.

    Of these one has tools, one thinks before it answers, and one says again what it is given; of
    models in use there is one more that says again what it is given, in their format.
    """
    with tempfile.TemporaryDirectory() as folder:
        asked = [*_of_ours(context, Path(folder)), *_in_use(context, Path(folder))]
        starts = [
            (located, flags, tuple(alike))
            for located, kinds in asked
            for flags, alike in groupby(kinds, key=lambda kind: kind.flags)
        ]
        yield from asking.side_by_side(lambda start: _checks(context, *start), starts)


def _of_ours(context: Context, folder: Path) -> Iterator[tuple[LocatedModel, Iterable[Kind]]]:
    first = True
    for located in asking.models(context, "stable"):
        if (golden := asking.golden(context, located)).chats:
            yield located, (*_exact(golden), *(_thorough(located, golden) if first else ()))
            first = False
    for role, of_role in (
        ("tools", _calling),
        ("reasoning", _reasoning),
        ("echo", _formats),
        ("echo", partial(_language, folder)),
    ):
        for located in asking.models(context, role):
            yield located, of_role(located)


def _in_use(context: Context, folder: Path) -> Iterator[tuple[LocatedModel, Iterable[Kind]]]:
    for located in asking.models(context, "real"):
        if model := speech.echo_of(located.path):
            name = f"echo-{located.model.name}"
            path = folder / f"{name}.gguf"
            echo.write(path, seed=1, echo=model)
            named = located.model.model_copy(update={"name": name})
            yield LocatedModel(model=named, path=path), _in_its_format(model)


def _exact(golden: Golden) -> Iterator[Kind]:
    yield Kind(
        name="template",
        fault_class=FaultClass.CHAT_TEMPLATE,
        expected="the golden prompts, to the character",
        differences=partial(conversing.template, golden),
    )
    yield Kind(
        name="answers",
        expected="the golden text, finish reason and token counts",
        differences=partial(conversing.replies, golden),
    )


def _thorough(located: LocatedModel, golden: Golden) -> Iterator[Kind]:
    yield Kind(
        name="awkward",
        fault_class=FaultClass.CHAT_TEMPLATE,
        expected="awkward conversations as Jinja2 renders them",
        differences=partial(conversing.awkward, templates.load(located.path)),
    )
    yield Kind(
        name="streams",
        expected="the golden text in pieces, finish reason and usage once",
        differences=partial(conversing.streams, golden),
    )
    yield Kind(
        name="logprobs",
        expected="the golden log-probabilities, but for rounding",
        differences=partial(conversing.logprobs, golden),
    )
    yield Kind(
        name="json-schema",
        expected="the one answer that the schema allows",
        differences=structured.json_schema,
    )
    yield Kind(
        name="form",
        expected="values that fit a schema of many kinds",
        differences=forms.filled,
        promise=True,
    )


def _calling(located: LocatedModel) -> Iterator[Kind]:
    source = templates.load(located.path)
    yield Kind(
        name="template",
        fault_class=FaultClass.CHAT_TEMPLATE,
        expected="tools and their calls as Jinja2 renders them",
        differences=partial(conversing.tools, source),
    )
    yield Kind(
        name="tool-call",
        fault_class=FaultClass.CHAT_TEMPLATE,
        expected="the one call that the tool allows",
        differences=structured.tool_call,
    )
    yield Kind(
        name="tool-choice",
        fault_class=FaultClass.CHAT_TEMPLATE,
        expected="the golden text, or a call where one begins",
        differences=structured.tool_choice,
    )
    yield Kind(
        name="long-text",
        expected="a tool that takes 2,000 characters is offered",
        differences=structured.long_text,
        promise=True,
    )
    yield from _by_other_apis(
        partial(structured.told_by, source),
        "the one call that the tool allows, the tokens of the prompt",
        flags=structured.FLAGS,
    )


def _reasoning(located: LocatedModel) -> Iterator[Kind]:
    source = templates.load(located.path)
    yield Kind(
        name="template",
        fault_class=FaultClass.CHAT_TEMPLATE,
        expected="earlier thoughts, and none where none are wanted, as Jinja2 renders them",
        differences=partial(reasoning.template, source),
        promise=True,
    )
    yield Kind(
        name="reasoning",
        fault_class=FaultClass.CHAT_TEMPLATE,
        expected="the thoughts apart from the answer, or in it where told so",
        differences=reasoning.apart,
        promise=True,
    )
    yield from _by_other_apis(
        partial(reasoning.told_by, source),
        "the thoughts, then the answer, the tokens of the prompt",
        flags=reasoning.FLAGS,
    )


def _formats(_: LocatedModel) -> Iterator[Kind]:
    for path in sorted(zoo.template_folder().glob("*.jinja")):
        source = path.read_text(encoding="utf-8")
        yield Kind(
            name=path.stem,
            fault_class=FaultClass.CHAT_TEMPLATE,
            expected="thoughts, text and calls of tools as its template writes them",
            differences=partial(formats.differences, path.stem, source),
            promise=True,
            flags=("--chat-template-file", str(path)),
        )


def _language(folder: Path, _: LocatedModel) -> Iterator[Kind]:
    topics = jinja.topics()
    path = folder / "jinja.jinja"
    path.write_text(jinja.source(topics), encoding="utf-8")
    for name, topic in topics.items():
        yield Kind(
            name=f"jinja-{name}",
            fault_class=FaultClass.CHAT_TEMPLATE,
            expected="each snippet as Jinja2 renders it",
            differences=partial(jinja.differences, name, topic),
            promise=True,
            flags=("--chat-template-file", str(path)),
        )


def _in_its_format(model: Echo) -> Iterator[Kind]:
    flags = ("--ctx-size", str(_ROOM))
    yield Kind(
        name="template",
        fault_class=FaultClass.CHAT_TEMPLATE,
        expected="awkward conversations as Jinja2 renders them",
        differences=partial(own_formats.prompts, model),
        promise=True,
        flags=flags,
    )
    for name, turn in own_formats.turns(model):
        yield Kind(
            name=name,
            fault_class=FaultClass.CHAT_TEMPLATE,
            expected="what the template writes of it",
            differences=partial(own_formats.read, name, turn, model),
            promise=True,
            flags=flags,
        )


def _by_other_apis(
    differences: Callable[..., Iterator[str]], expected: str, *, flags: tuple[str, ...]
) -> Iterator[Kind]:
    for name, dialect in (("messages", MESSAGES), ("responses", RESPONSES)):
        yield Kind(
            name=name,
            expected=f"by `/v1/{name}`, whole and in pieces: {expected}",
            differences=partial(differences, dialect),
            promise=True,
            flags=flags,
        )


def _checks(
    context: Context, located: LocatedModel, flags: tuple[str, ...], kinds: Sequence[Kind]
) -> Iterator[Check]:
    # A log of its own: several engines run side by side.
    suite = f"{SUITE}-{kinds[0].name}" if flags else SUITE
    start = partial(session, context, suite=suite, located=located, mode=Mode.APP, extra=flags)
    with start(context.candidate) as opened:
        for kind in kinds:
            yield _check(context, located, kind, opened=opened, start=start)


def _check(
    context: Context,
    located: LocatedModel,
    kind: Kind,
    *,
    opened: Session,
    start: Callable[[Subject], AbstractContextManager[Session]],
) -> Check:
    question = Question(
        suite=SUITE,
        name=f"{located.model.name}/{kind.name}",
        fault_class=kind.fault_class,
        expected=kind.expected,
    )
    judge = partial(_judge, kind.differences)
    before = partial(asking.before, context, start, judge) if kind.promise else None

    def answer() -> Answer:
        for option in kind.flags[:1]:
            asking.require(context.candidate, option)
        return opened.answer(judge)

    return question.ask(answer, before=before)


def _judge(differences: Callable[[Client], Iterator[str]], engine: Engine) -> Answer:
    return checking.compared(differences(engine.client))
