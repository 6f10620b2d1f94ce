from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from engine_ci.engine.adapters import features
from engine_ci.engine.adapters.contract import Capability
from engine_ci.engine.client import Client
from engine_ci.errors import EngineLateError, EngineRefusedError

if TYPE_CHECKING:
    from tests.unit.engine.conftest import Canned

NOT = (501, {"error": {"code": 501, "type": "not_supported_error", "message": "no"}})
TOKEN = {"content": "a", "tokens": [1], "stop_type": "limit"}
TWELVE = {"tokens": list(range(12))}
LIKELY = {"id": 1, "logprob": -0.1}
POSITION = LIKELY | {"top_logprobs": [LIKELY, {"id": 2, "logprob": -2.0}]}
PIECES = b"".join(
    b"data: " + json.dumps(piece).encode() + b"\n\n"
    for piece in (
        {"tokens": [1], "stop": False, "tokens_predicted": 1},
        {"tokens": [2, 3], "stop": False, "tokens_predicted": 3},
        {"tokens": [], "stop": True, "tokens_predicted": 3},
    )
)
ALL_AT_ONCE = b'data: {"tokens": [1, 2, 3], "stop": true, "tokens_predicted": 3}\n\n'


def evaluated(count: int | None) -> dict[str, Any]:
    return TOKEN | {"timings": {"prompt_n": count}}


def said(count: int) -> dict[str, Any]:
    message = {"content": "Hello"}
    usage = {"prompt_tokens": 1, "completion_tokens": count}
    return {"choices": [{"message": message, "finish_reason": "length"}], "usage": usage}


def called(name: str, arguments: str) -> dict[str, Any]:
    call = {"function": {"name": name, "arguments": arguments}}
    return {"choices": [{"message": {"tool_calls": [call]}}]}


def props(slots: int) -> dict[str, Any]:
    return {"model_path": "m", "total_slots": slots, "build_info": "b", "chat_template": ""}


CHAT = "/v1/chat/completions"
ERASE = "/slots/0?action=erase"
SHOWN = "what it answers shows that it does not"
SLOT = {"id": 0, "n_ctx": 8, "is_processing": False}

# For each: answers that show it, and answers that show that it is not there, with the reason.
PROBES: dict[Capability, tuple[dict[str, Any], tuple[tuple[dict[str, Any], str], ...]]] = {
    Capability.CACHE_REUSE: (
        {"/completion": evaluated(1), "/tokenize": TWELVE},
        (
            ({"/completion": evaluated(12), "/tokenize": TWELVE}, SHOWN),
            ({"/completion": evaluated(None), "/tokenize": TWELVE}, SHOWN),
        ),
    ),
    Capability.CHAT: (
        {CHAT: said(1)},
        (({CHAT: said(2)}, SHOWN), ({CHAT: NOT}, "found 501")),
    ),
    Capability.EMBEDDINGS: (
        {"/v1/embeddings": {"data": [{"embedding": [0.0, 1.0]}]}},
        (
            ({"/v1/embeddings": {"data": [{"embedding": [0.0, 0.0]}]}}, SHOWN),
            ({"/v1/embeddings": NOT}, "found 501"),
        ),
    ),
    Capability.JSON_SCHEMA: (
        {"/completion": TOKEN | {"content": " true\n"}},
        (({"/completion": TOKEN | {"content": "Hello"}}, SHOWN),),
    ),
    Capability.LOGPROBS: (
        {"/completion": TOKEN | {"completion_probabilities": [POSITION]}},
        (({"/completion": TOKEN}, "`completion_probabilities`"),),
    ),
    Capability.METRICS: (
        {"/metrics": b"llamacpp:prompt_tokens_total 0\n"},
        (({"/metrics": b"\xff"}, SHOWN), ({"/metrics": NOT}, "found 501")),
    ),
    Capability.MULTI_SLOT: ({"/props": props(2)}, (({"/props": props(1)}, SHOWN),)),
    Capability.SLOT_ERASE: (
        {"/completion": evaluated(12), "/tokenize": TWELVE, ERASE: {"id_slot": 0}},
        (
            ({"/completion": evaluated(1), "/tokenize": TWELVE, ERASE: {"id_slot": 0}}, SHOWN),
            ({"/completion": evaluated(None), "/tokenize": TWELVE, ERASE: {"id_slot": 0}}, SHOWN),
            ({"/completion": evaluated(12), ERASE: NOT}, "found 501"),
        ),
    ),
    Capability.SLOTS: (
        {"/slots": [SLOT]},
        (
            ({"/slots": []}, SHOWN),
            ({"/slots": NOT}, "found 501"),
            ({"/slots": [{"id": 0}]}, "GET /slots: `slots.0.is_processing`"),
        ),
    ),
    Capability.STREAMING: (
        {"/completion": PIECES},
        (({"/completion": ALL_AT_ONCE}, SHOWN), ({"/completion": NOT}, "status 501")),
    ),
    Capability.TOOLS: (
        {CHAT: called("look", '{"far": true}')},
        (
            ({CHAT: called("listen", '{"far": true}')}, SHOWN),
            ({CHAT: called("look", '{"far": 1}')}, SHOWN),
            ({CHAT: called("look", "{}")}, SHOWN),
            ({CHAT: called("look", "7")}, SHOWN),
            ({CHAT: called("look", '{"far"')}, SHOWN),
            ({CHAT: said(1)}, "`choices.0.message.tool_calls`"),
        ),
    ),
}
ABSENT = [
    pytest.param(capability, answers, reason, id=f"{capability}-{number}")
    for capability, (_, absent) in PROBES.items()
    for number, (answers, reason) in enumerate(absent)
]


def test_every_capability_is_asked_for() -> None:
    assert PROBES.keys() == set(Capability)


@pytest.mark.parametrize("capability", Capability)
def test_what_it_does_right_it_can(canned: Canned, capability: Capability) -> None:
    canned.answers |= PROBES[capability][0]

    assert features.why_not(Client(canned.port), capability) is None


@pytest.mark.parametrize(("capability", "answers", "reason"), ABSENT)
def test_what_it_refuses_or_does_not_do_it_cannot(
    canned: Canned, capability: Capability, answers: dict[str, Any], reason: str
) -> None:
    canned.answers |= answers

    assert reason in str(features.why_not(Client(canned.port), capability))


def test_an_engine_that_hangs_is_no_engine_without_a_capability(canned: Canned) -> None:
    with pytest.raises(EngineLateError):
        features.why_not(Client(canned.port, timeout_s=0.0), Capability.METRICS)


def test_who_is_asked_directly_hears_the_refusal(canned: Canned) -> None:
    canned.answers |= {"/metrics": NOT}

    with pytest.raises(EngineRefusedError, match="GET /metrics"):
        features.counted(Client(canned.port))
