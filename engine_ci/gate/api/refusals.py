"""How a `llama-server` refuses what it cannot do, and goes on after that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from engine_ci.gate.api import questions, shapes
from engine_ci.gate.api.questions import CHAT, COMPLETION, difference, get

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine_ci.engine.client import Client
    from engine_ci.gate.api.questions import Known

    Request = tuple[str, str, Mapping[str, Any] | bytes | None, Mapping[int, str]]

_BAD_REQUEST: Final = 400
_INVALID: Final = "invalid_request_error"
# Method, path, body; and which type of error goes with which status.
_REFUSED: Final[tuple[Request, ...]] = (
    ("GET", "/no-such-path", None, {404: "not_found_error"}),
    ("POST", COMPLETION, {"n_predict": 1}, {400: _INVALID}),
    ("POST", CHAT, {"max_tokens": 1}, {400: _INVALID}),
    ("POST", CHAT, {"messages": "no list", "max_tokens": 1}, {400: _INVALID}),
    # Builds changed here from 500 to 400; an app that sends no JSON has a bug of its own.
    ("POST", CHAT, b'{"messages": [', {400: _INVALID, 500: "server_error"}),
)


def errors(client: Client, _: Known) -> Iterator[str]:
    """What is no sound request is refused, with the status and type that an app branches on."""
    for method, path, body, allowed in _REFUSED:
        endpoint = f"{method} {path}"
        answer = client.call(method, path, body=body)
        if answer.status not in allowed:
            statuses = " or ".join(str(status) for status in allowed)
            yield f"{endpoint}: expected status {statuses}, found {answer.status}"
            continue
        found = questions.refusal(answer, shapes.Refusal, endpoint=endpoint)
        yield from difference(f"{endpoint}: error.code", answer.status, found.code)
        yield from difference(f"{endpoint}: error.type", allowed[answer.status], found.type)


def context_size(client: Client, known: Known) -> Iterator[str]:
    """A prompt past the context is refused with the numbers, also where a stream was asked for."""
    size = get(client, "/props", shapes.Sized).default_generation_settings.n_ctx
    content = "a " * (size + 1)
    long = {"messages": [{"role": "user", "content": content}], "max_tokens": 1, "stream": True}
    for path, body in (
        (COMPLETION, questions.completion(known) | {"prompt": content}),
        (CHAT, long),
    ):
        answer = client.call("POST", path, body=body)
        if answer.status != _BAD_REQUEST:
            yield f"{path}: expected status {_BAD_REQUEST}, found {answer.status}"
            continue
        found = questions.refusal(answer, shapes.TooLong, endpoint=f"POST {path}")
        yield from difference(f"{path}: error.type", "exceed_context_size_error", found.type)
        yield from difference(f"{path}: error.n_ctx", size, found.n_ctx)
        if (tokens := found.n_prompt_tokens) <= size:
            yield f"{path}: error.n_prompt_tokens: expected over {size}, found {tokens}"


def goes_on(client: Client, known: Known) -> Iterator[str]:
    """After all of that the engine is healthy and right."""
    yield from difference("status of /health", 200, client.call("GET", "/health").status)
    found = client.chat(known.messages, count=len(known.tokens))
    yield from difference("content", known.answer, found.text)
