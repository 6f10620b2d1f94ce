"""Does the candidate split text into tokens as each kind of model does, and put it together again?

One start of each model that is there for its tokenizer, with the app's own flags.
"""

from __future__ import annotations

from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from engine_ci.gate import asking, checking, tokenisation
from engine_ci.gate.asking import Mode, session
from engine_ci.gate.checking import Answer, Question
from engine_ci.gate.zoo import Variant
from engine_ci.records.gate import FaultClass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from engine_ci.engine.client import Client
    from engine_ci.engine.ready_engine import Engine
    from engine_ci.gate.context import Context, LocatedModel
    from engine_ci.gate.tokenisation import Tokenised
    from engine_ci.gate.zoo import Model
    from engine_ci.records.gate import Check

    Differences = Callable[[Client, Iterable[Tokenised]], Iterator[str]]

SUITE = "tokenizer"
_SHOWN: Final = 20


def run(context: Context) -> Iterator[Check]:
    """Two checks for each model of that role, four where its vocabulary is met the first time.

    One more of those with texts that older engines split otherwise.
    """
    yield from asking.side_by_side(partial(_checks, context), asking.models(context, "tokenizer"))


def _checks(context: Context, located: LocatedModel) -> Iterator[Check]:
    name = located.model.name
    golden = tokenisation.load(context.goldens / SUITE / f"{name}.json")
    settled = [item for item in golden.texts if item.id not in golden.repaired]
    repaired = [item for item in golden.texts if item.id in golden.repaired]
    start = partial(session, context, suite=SUITE, located=located, mode=Mode.APP)
    with start(context.candidate) as opened:
        loads = Question(
            suite=SUITE,
            name=f"{name}/loads",
            fault_class=FaultClass.CRASH_LOAD,
            expected=f"ready with {name}",
        )
        yield loads.ask(partial(opened.answer, checking.ready))
        for kind, expected, differences in _kinds(located.model):
            question = _question(f"{name}/{kind}", expected)
            yield question.ask(partial(opened.answer, partial(_judge, settled, differences)))
        if repaired:
            question = _question(f"{name}/repaired", "the golden token IDs, or those of before")
            judge = partial(_judge, repaired, tokenize)
            before = partial(asking.before, context, start, judge)
            yield question.ask(partial(opened.answer, judge), before=before)


def _question(name: str, expected: str) -> Question:
    return Question(suite=SUITE, name=name, fault_class=FaultClass.TOKENIZER, expected=expected)


def _kinds(model: Model) -> Iterator[tuple[str, str, Differences]]:
    yield "tokenize", "the golden token IDs of all texts", tokenize
    # A variant spells its tokens as the model that it is of, which has been asked.
    if not isinstance(model.source, Variant):
        yield "detokenize", "the texts back", detokenize
        yield "pieces", "the golden token IDs, and what each spells", pieces


def _judge(texts: Iterable[Tokenised], differences: Differences, engine: Engine) -> Answer:
    return checking.compared(differences(engine.client, texts))


def tokenize(client: Client, texts: Iterable[Tokenised]) -> Iterator[str]:
    """In which texts `/tokenize` differs, in words."""
    for item in texts:
        found = client.tokenize(
            item.text, add_special=item.add_special, parse_special=item.parse_special
        )
        yield from _difference(item, found)


def detokenize(client: Client, texts: Iterable[Tokenised]) -> Iterator[str]:
    """Where the text of `/detokenize` differs, in words."""
    for item in texts:
        found = client.detokenize(item.tokens)
        if found != item.spelled:
            yield f"text {item.id}: {_apart(item.spelled, found)}"


def pieces(client: Client, texts: Iterable[Tokenised]) -> Iterator[str]:
    """In which texts the pieces of `/tokenize` differ, in words."""
    for item in texts:
        found = client.pieces(
            item.text, add_special=item.add_special, parse_special=item.parse_special
        )
        yield from _difference(item, [token for token, _ in found])
        spelled = b"".join(piece for _, piece in found)
        if spelled != item.spelled.encode():
            yield f"pieces of {item.id}: {_apart(item.spelled, spelled.decode(errors='replace'))}"


def _difference(item: Tokenised, found: Iterable[int]) -> Iterator[str]:
    """The first token of a text that differs."""
    for place, (wanted, given) in enumerate(zip_longest(item.tokens, found)):
        if wanted != given:
            yield f"text {item.id}, place {place}: expected {_token(wanted)}, found {_token(given)}"
            return


def _token(token: int | None) -> str:
    return "the end" if token is None else f"token {token}"


def _apart(expected: str, found: str) -> str:
    """Where two texts part, in words."""
    pairs = enumerate(zip_longest(expected, found))
    place = next((place for place, (one, other) in pairs if one != other), 0)
    wanted, given = (ascii(text[place : place + _SHOWN]) for text in (expected, found))
    return f"character {place}: expected {wanted}, found {given}"
