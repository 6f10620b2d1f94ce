from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine_ci.engine import claim_checks
from engine_ci.engine.adapters.contract import Capability
from engine_ci.engine.claims import Claim
from engine_ci.engine.client import Chunk, Client
from engine_ci.errors import EngineAnswerError

if TYPE_CHECKING:
    from tests.unit.engine.conftest import Canned

REFUSED = (501, {"error": {"type": "not_supported_error", "message": "no such endpoint"}})


@pytest.fixture
def client(canned: Canned) -> Client:
    return Client(canned.port)


def claim(**wishes: object) -> Claim:
    return Claim.model_validate({"model": Path("it"), **wishes})


def slots(*sizes: int) -> list[dict[str, Any]]:
    return [{"id": 0, "n_ctx": size, "is_processing": False} for size in sizes]


def stream(count: int) -> bytes:
    pieces = [{"tokens": [7], "stop": False, "tokens_predicted": 1}] * (count - 1)
    pieces.append({"tokens": [7], "stop": True, "tokens_predicted": count})
    return b"".join(b"data: " + json.dumps(piece).encode() + b"\n\n" for piece in pieces)


def test_of_a_claim_without_wishes_nothing_is_asked(canned: Canned, client: Client) -> None:
    assert claim_checks.shortfalls(claim(accelerator="cpu"), client) == ()
    assert canned.asked == []


@pytest.mark.parametrize(
    ("sizes", "found"),
    [
        ([512, 512], ()),
        ([512, 256], ("context: 512 tokens, and the engine's arguments give a slot 256",)),
        ([], ("context: 512 tokens, and the engine's arguments give a slot 0",)),
    ],
)
def test_every_slot_must_hold_the_context(
    canned: Canned, client: Client, sizes: list[int], found: tuple[str, ...]
) -> None:
    canned.answers["/slots"] = slots(*sizes)

    assert claim_checks.shortfalls(claim(context=512), client) == found


def test_a_feature_that_is_not_shown_is_missed(canned: Canned, client: Client) -> None:
    canned.answers["/slots"] = slots(512)
    canned.answers["/v1/embeddings"] = REFUSED
    wished = claim(features=[Capability.EMBEDDINGS, Capability.SLOTS])

    (found,) = claim_checks.shortfalls(wished, client)

    assert found.startswith("embeddings: POST /v1/embeddings: expected status 200, found 501")


def test_an_engine_that_generates_nothing_has_no_speed(canned: Canned, client: Client) -> None:
    canned.answers["/completion"] = REFUSED

    (found,) = claim_checks.shortfalls(claim(min_tokens_per_second=1), client)

    assert found.startswith("speed: POST /completion: expected status 200, found 501")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [(9.5, ()), (10.5, ("speed: 10.0 tokens per second, and 10.5 are claimed",))],
)
def test_the_speed_is_that_of_the_tokens_after_the_first(
    canned: Canned,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    wanted: float,
    found: tuple[str, ...],
) -> None:
    canned.answers["/completion"] = {"content": "a", "tokens": [7], "stop_type": "limit"}
    chunks = [Chunk(at=5.0 + number / 10, tokens=1) for number in range(32)]
    monkeypatch.setattr(Client, "stream", lambda *_, **__: iter(chunks))

    assert claim_checks.shortfalls(claim(min_tokens_per_second=wanted), client) == found


def test_the_speed_is_measured_on_what_the_engine_answers(canned: Canned, client: Client) -> None:
    canned.answers["/completion"] = stream(32)

    assert claim_checks.tokens_per_second(client) > 0
    ((_, asked),) = canned.asked
    assert (asked["n_predict"], asked["stream"]) == (32, True)


def test_what_an_engine_does_not_want_to_show_it_has_not_got(
    canned: Canned, client: Client
) -> None:
    canned.answers["/slots"] = REFUSED

    (found,) = claim_checks.shortfalls(claim(context=512), client)

    assert found.startswith("context: GET /slots: expected status 200, found 501")


def test_an_engine_that_answers_nonsense_is_no_shortfall(canned: Canned, client: Client) -> None:
    canned.answers["/slots"] = b"nonsense"

    with pytest.raises(EngineAnswerError, match="GET /slots"):
        claim_checks.shortfalls(claim(context=512), client)
