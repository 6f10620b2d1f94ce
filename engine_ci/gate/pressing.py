"""Asks one engine what presses on its cache, and yields in words what was not as expected."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from engine_ci.engine.adapters.options import SHIFTS, SLOT_FILES
from engine_ci.errors import EngineRefusedError
from engine_ci.gate import pressure, reference
from engine_ci.gate.asking import BEYOND
from engine_ci.gate.checking import NotAskedError
from engine_ci.gate.pressure import Exchange

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from engine_ci.engine.client import Client
    from engine_ci.gate.goldens import Case
    from engine_ci.gate.pressure import Reply

_TURN: Final = 200
_ANY_SLOT: Final = -1
_FILE: Final = "kv-pressure"
# Enough of an answer for a context of 256 to be full three times.
_ROOM: Final = 8
_KEPT: Final = 160
_ANSWER: Final = 96


def reuse(case: Case, client: Client) -> Iterator[str]:
    """A prompt asked twice, and one that begins like an earlier one on another slot."""
    part = 2 * len(case.prompt) // 3
    yield from pressure.unexpected(
        [
            exchange("asked first", case, client),
            exchange("asked again", case, client, evaluated=range(1, 2)),
        ]
    )
    client.complete(case.prompt[:part], count=1, cache=True, slot=1)
    new = range(1, len(case.prompt) - part + 1)
    tail = exchange("another end", case, client, evaluated=new, slot=1)
    yield from pressure.unexpected([tail])


def exchange(
    what: str,
    case: Case,
    client: Client,
    *,
    evaluated: range | None = None,
    slot: int = 0,
    said: int = 0,
    count: int | None = None,
) -> Exchange:
    """A case by way of the cache, with the first `said` tokens of its answer in the prompt.

    Without `evaluated`, as many tokens may be worked on as there are; without `count`, the whole
    answer is asked for.
    """
    prompt, expected = case.prompt + case.tokens[:said], case.steps[said:][:count]
    return Exchange(
        what=what,
        found=client.complete(prompt, count=len(expected), top=1, cache=True, slot=slot),
        expected=expected,
        evaluated=evaluated or range(1, len(prompt) + 1),
    )


def turns(case: Case, client: Client) -> Iterator[str]:
    """A conversation that grows to its golden, then goes on with parts of its own answer."""
    new = range(1, _TURN + 1)
    for end in range(_TURN, len(case.prompt), _TURN):
        found = client.complete(case.prompt[:end], count=len(case.tokens), cache=True)
        turn = Exchange(what=f"turn to {end}", found=found, expected=None, evaluated=new)
        yield from pressure.unexpected([turn])
    yield from pressure.unexpected([exchange("last turn", case, client, evaluated=new)])
    for said in (len(case.tokens) // 3, 2 * len(case.tokens) // 3):
        again = exchange(f"after {said} tokens", case, client, evaluated=range(1, 2), said=said)
        yield from pressure.unexpected([again])


def too_long(case: Case, client: Client) -> Iterator[str]:
    """A prompt of twice the length, refused while another slot works on the case."""
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(client.complete, case.prompt, count=len(case.tokens))
        yield from pressure.not_refused(reply(client, case.prompt * 2, slot=1))
        yield from pressure.wrong("meanwhile", case.tokens, other.result())


def reply(client: Client, prompt: Sequence[int], *, slot: int, count: int = 1) -> Reply:
    """What becomes of a prompt that may be refused."""
    try:
        return client.complete(prompt, count=count, slot=slot, ignore_eos=False)
    except EngineRefusedError as refusal:
        return refusal


def slots(case: Case, offered: Callable[[], frozenset[str]], client: Client) -> Iterator[str]:
    """What a slot has cached: saved, erased, restored."""
    if SLOT_FILES not in offered():
        raise NotAskedError(f"this build has no {SLOT_FILES}")
    length = len(case.prompt)
    client.complete(case.prompt, count=1, cache=True)
    client.slot("save", slot=0, file=_FILE)
    client.slot("erase", slot=0, file=_FILE)
    erased = exchange("erased", case, client, evaluated=range(length, length + 1))
    client.slot("erase", slot=0, file=_FILE)
    client.slot("restore", slot=0, file=_FILE)
    restored = exchange("restored", case, client, evaluated=range(1, 2))
    yield from pressure.unexpected([erased, restored])


def brim(case: Case, context: int, client: Client) -> Iterator[str]:
    """An answer that goes on until the context is full."""
    full = client.complete(case.prompt, count=context, cache=True, fills=True)
    yield from pressure.not_full(case, full, context=context)
    afterwards = client.complete(case.prompt, count=len(case.tokens))
    yield from pressure.wrong("afterwards", case.tokens, afterwards)


def shift(
    case: Case, context: int, model: Path, offered: Callable[[], frozenset[str]], client: Client
) -> Iterator[str]:
    """An answer that goes on past the end of the context, while what was said before is forgotten.

    No golden knows it: the reference says how likely the tokens are that the engine chose.
    """
    if SHIFTS not in offered():
        raise NotAskedError(f"this build has no {SHIFTS}")
    prompt, known = case.prompt[: context - _ROOM], reference.load(model)
    found = client.complete(prompt, count=_ANSWER, top=1, keep=_KEPT)
    if max(found.tokens) >= known.vocabulary:
        yield f"expected token IDs under {known.vocabulary}, found {max(found.tokens)}"
        return
    text = prompt + found.tokens[:-1]
    rows = reference.overflowing(known, text, context=context, keep=_KEPT)[len(prompt) - 1 :]
    expected = [float(row[token]) for row, token in zip(rows, found.tokens, strict=True)]
    yield from pressure.astray("past the context", expected, found)


def together(cases: Sequence[Case], at_once: int, client: Client, *, room: bool) -> Iterator[str]:
    """Several cases at the same time, and one alone afterwards; `room` as for `mixed_up`."""

    def ask(case: Case) -> Reply:
        return reply(client, case.prompt, slot=_ANY_SLOT, count=len(case.tokens) + BEYOND)

    with ThreadPoolExecutor(at_once) as pool:
        replies = list(pool.map(ask, cases))
    yield from pressure.mixed_up(cases, replies, room=room)
    yield from pressure.mixed_up(cases[:1], [ask(cases[0])], room=True)
