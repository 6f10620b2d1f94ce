"""Many short requests of every kind that an app makes, some broken off and some unsound."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, Final

from engine_ci.errors import EngineAnswerError, EngineRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine_ci.engine.client import Client
    from engine_ci.gate.goldens import Case

    Request = Callable[[Client, Case], object]

REQUESTS: Final = 500
# One is worked on while the next are sent.
_AT_ONCE: Final = 4
_COUNT: Final = 2
# Long enough that the engine is still at it when the client leaves after the first token.
_LONG: Final = 500
_TEXT: Final = "The quick brown fox, 1234, wörld"


def _complete(client: Client, case: Case) -> object:
    return client.complete(case.prompt, count=_COUNT, cache=True)


def _stream(client: Client, case: Case) -> object:
    return list(client.stream(case.prompt, count=_COUNT))


def _chat(client: Client, _: Case) -> object:
    return client.chat([{"role": "user", "content": _TEXT}], count=_COUNT)


def _tokenize(client: Client, _: Case) -> object:
    return client.detokenize(client.tokenize(_TEXT))


def _leave(client: Client, case: Case) -> None:
    stream = client.stream(case.prompt, count=_LONG)
    next(stream)
    stream.close()


def _unsound(client: Client, _: Case) -> None:
    try:
        client.complete([1 << 30], count=_COUNT)
    except EngineRefusedError:
        return
    raise EngineAnswerError("POST /completion: a token that does not exist was accepted")


_KINDS: Final[tuple[Request, ...]] = (
    _complete,
    _chat,
    _tokenize,
    _stream,
    _complete,
    _unsound,
    _chat,
    _tokenize,
    _complete,
    _leave,
)


def differences(client: Client, case: Case, *, requests: int = REQUESTS) -> Iterator[str]:
    """What is wrong with the first and the last answer, or with the engine's health at the end.

    Raises:
        EngineAnswerError: what was wrong with one of the requests in between, with its number.
    """
    yield from _wrong(client, case, "first")
    send = partial(_send, client, case, over=Event())
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        tuple(pool.map(send, range(1, requests + 1)))
    yield from _wrong(client, case, "last")
    if not client.health():
        yield "/health says that it is not well"


def _send(client: Client, case: Case, number: int, *, over: Event) -> None:
    if over.is_set():
        return
    try:
        _KINDS[number % len(_KINDS)](client, case)
    except EngineAnswerError as problem:
        over.set()
        raise type(problem)(f"request {number}: {problem.message}", log=problem.log) from problem


def _wrong(client: Client, case: Case, which: str) -> Iterator[str]:
    found = client.complete(case.prompt, count=len(case.steps), ignore_eos=False).tokens
    if found != case.tokens:
        yield f"{which} answer: expected {list(case.tokens)}, found {list(found)}"
