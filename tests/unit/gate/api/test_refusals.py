from __future__ import annotations

import pytest

from engine_ci.gate.api import refusals
from tests.unit.gate.api.asked import KNOWN, Asked, answer

CHAT = "/v1/chat/completions"


def error(status: int, kind: str, **more: int) -> dict[str, object]:
    return {"error": {"code": status, "message": "no", "type": kind} | more}


def asked(status: int = 400, kind: str = "invalid_request_error") -> Asked:
    bad = answer(error(400, "invalid_request_error"), status=400)
    return Asked(
        {
            "/no-such-path": answer(error(404, "not_found_error"), status=404),
            "/completion": bad,
            CHAT: answer(error(status, kind), status=status),
        }
    )


def test_refusals_as_promised_have_no_difference() -> None:
    assert list(refusals.errors(asked(), KNOWN)) == []


def test_only_for_what_is_no_json_a_server_error_will_do() -> None:
    differences = list(refusals.errors(asked(500, "server_error"), KNOWN))

    assert differences == [f"POST {CHAT}: expected status 400, found 500"] * 2


def test_a_type_goes_with_its_status() -> None:
    differences = list(refusals.errors(asked(400, "server_error"), KNOWN))

    expected = f"POST {CHAT}: error.type: expected 'invalid_request_error', found 'server_error'"
    assert differences == [expected] * 3


@pytest.mark.parametrize(
    ("size", "tokens", "differences"),
    [
        (8, 9, []),
        (8, 8, ["error.n_prompt_tokens: expected over 8, found 8"]),
        (7, 9, ["error.n_ctx: expected 8, found 7"]),
    ],
)
def test_a_prompt_that_is_too_long_is_refused_with_true_numbers(
    size: int, tokens: int, differences: list[str]
) -> None:
    kind = "exceed_context_size_error"
    refused = answer(error(400, kind, n_prompt_tokens=tokens, n_ctx=size), status=400)
    said = {
        "/props": answer({"default_generation_settings": {"n_ctx": 8}}),
        "/completion": refused,
        CHAT: refused,
    }
    found = list(refusals.context_size(Asked(said), KNOWN))

    assert found == [f"{path}: {what}" for path in ("/completion", CHAT) for what in differences]
