"""Finds out what a running engine can do: one small request for each capability."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from pydantic import Field

from engine_ci.engine import answers, reading
from engine_ci.engine.adapters import counters
from engine_ci.engine.adapters.contract import Capability
from engine_ci.engine.client import GREEDY
from engine_ci.errors import EngineAnswerError, EngineLateError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine_ci.engine.client import Client

_HELLO: Final = ({"role": "user", "content": "Hello"},)
# Long enough that a cache which keeps whole pieces of a prompt only keeps one.
_TEXT: Final = "one two three four five six seven eight nine ten"
_BOOLEAN: Final = {"type": "boolean"}
_LOOK: Final = {
    "name": "look",
    "description": "Looks.",
    "parameters": {"type": "object", "properties": {"far": _BOOLEAN}, "required": ["far"]},
}
_ANSWER: Final = 16
_CALL: Final = 128
_OK: Final = 200


class _Function(answers.Shape):
    name: answers.Text
    arguments: answers.Text


class _ToolCall(answers.Shape):
    function: _Function


class _Message(answers.Shape):
    tool_calls: list[_ToolCall] = Field(min_length=1)


class _Choice(answers.Shape):
    message: _Message


class _Called(answers.Shape):
    choices: list[_Choice] = Field(min_length=1)


def why_not(client: Client, capability: Capability) -> str | None:
    """What an engine says, or does, that shows that it has not got a capability; None if it has.

    Raises:
        EngineLateError: it does not answer in time.
    """
    try:
        done = _PROBES[capability](client)
    except EngineLateError:
        raise
    except EngineAnswerError as problem:
        return problem.message
    return None if done else "what it answers shows that it does not"


def counted(client: Client) -> dict[str, float]:
    """The engine's counters.

    Raises:
        EngineRefusedError: it does not count.
    """
    answer = client.call("GET", "/metrics")
    if answer.status != _OK:
        reading.read(answer, answers.Shape, endpoint="GET /metrics")
    return counters.samples(answer.body.decode(errors="replace"))


def _reuses(client: Client) -> bool:
    client.complete(_TEXT, count=1, cache=True)
    return _evaluated(client) < len(client.tokenize(_TEXT))


def _chats(client: Client) -> bool:
    return client.chat(_HELLO, count=1).completion_tokens == 1


def _embeds(client: Client) -> bool:
    return any(client.embed("Hello")[0])


def _keeps_to_a_schema(client: Client) -> bool:
    wanted = {"prompt": "Is it so? ", "n_predict": _ANSWER, "json_schema": _BOOLEAN}
    answer = client.call("POST", "/completion", body=GREEDY | wanted)
    said = reading.read(answer, answers.Content, endpoint="POST /completion").content
    return said.strip() in ("true", "false")


def _has_likelihoods(client: Client) -> bool:
    (step,) = client.complete("Hello", count=1, top=2).steps
    return len(step.top) > 1


def _counts(client: Client) -> bool:
    return bool(counted(client))


def _has_several_slots(client: Client) -> bool:
    return client.props().total_slots > 1


def _erases(client: Client) -> bool:
    client.complete(_TEXT, count=1, cache=True)
    client.slot("erase", slot=0)
    return _evaluated(client) >= len(client.tokenize(_TEXT))


def _tells_of_slots(client: Client) -> bool:
    return bool(client.slots())


def _streams(client: Client) -> bool:
    return len(list(client.stream("Hello", count=3))) > 1


def _calls_tools(client: Client) -> bool:
    wanted: dict[str, Any] = {
        "messages": _HELLO,
        "tools": [{"type": "function", "function": _LOOK}],
        "tool_choice": "required",
        "parallel_tool_calls": False,
        "max_tokens": _CALL,
    }
    answer = client.call("POST", "/v1/chat/completions", body=GREEDY | wanted)
    found = reading.read(answer, _Called, endpoint="POST /v1/chat/completions")
    call = found.choices[0].message.tool_calls[0].function
    try:
        return call.name == _LOOK["name"] and isinstance(json.loads(call.arguments)["far"], bool)
    except (ValueError, LookupError, TypeError):
        return False


def _evaluated(client: Client) -> float:
    """Tokens of the text that were evaluated now; not a number where a build does not say."""
    found = client.complete(_TEXT, count=1, cache=True).evaluated
    return float("nan") if found is None else found


_PROBES: Final[Mapping[Capability, Callable[[Client], bool]]] = {
    Capability.CACHE_REUSE: _reuses,
    Capability.CHAT: _chats,
    Capability.EMBEDDINGS: _embeds,
    Capability.JSON_SCHEMA: _keeps_to_a_schema,
    Capability.LOGPROBS: _has_likelihoods,
    Capability.METRICS: _counts,
    Capability.MULTI_SLOT: _has_several_slots,
    Capability.SLOT_ERASE: _erases,
    Capability.SLOTS: _tells_of_slots,
    Capability.STREAMING: _streams,
    Capability.TOOLS: _calls_tools,
}
