from __future__ import annotations

import base64
import json
import math
import struct
from typing import TYPE_CHECKING, Any

import pytest

from engine_ci.engine.client import Chat, Chunk, Client, Completion, Step
from engine_ci.errors import EngineAnswerError, EngineRefusedError
from engine_ci.system.http import free_port

if TYPE_CHECKING:
    from tests.unit.engine.conftest import Canned

HELLO = [{"role": "user", "content": "Hello"}]


@pytest.fixture
def client(canned: Canned) -> Client:
    return Client(canned.port, timeout_s=5)


def position(token: int, *others: int, logprob: float = -0.5) -> dict[str, Any]:
    likely = {"id": token, "logprob": logprob}
    rest = [{"id": other, "logprob": -3.0} for other in others]
    return likely | {"top_logprobs": [likely, *rest]}


def completed(*tokens: int, **changes: object) -> dict[str, Any]:
    return {"content": "ab", "tokens": list(tokens), "stop_type": "limit"} | changes


def events(*pieces: dict[str, Any]) -> bytes:
    return b"".join(b"data: " + json.dumps(piece).encode() + b"\n\n" for piece in pieces)


def piece(*tokens: int, predicted: int, stop: bool = False) -> dict[str, Any]:
    return {"tokens": list(tokens), "tokens_predicted": predicted, "stop": stop}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param({"status": "ok"}, True, id="ok"),
        pytest.param((503, {"error": {"message": "Loading model"}}), False, id="loading"),
        pytest.param({"status": "starting"}, False, id="another-status"),
        pytest.param(b"<html>ok</html>", False, id="no-json"),
    ],
)
def test_healthy_is_only_what_says_so(
    client: Client, canned: Canned, answer: object, expected: bool
) -> None:
    canned.answers["/health"] = answer

    assert client.health() is expected


def test_nobody_is_not_healthy() -> None:
    assert not Client(free_port()).health()


def test_a_health_that_is_not_ok_is_named(client: Client, canned: Canned) -> None:
    canned.answers["/health"] = {"status": "starting"}

    with pytest.raises(EngineAnswerError, match=r"^GET /health: expected `ok`, found `starting`$"):
        client.check_health()


def test_props_are_read(client: Client, canned: Canned) -> None:
    canned.answers["/props"] = {
        "model_path": "/m.gguf",
        "total_slots": 1,
        "build_info": "b1-86a2835",
        "chat_template": "{{ x }}",
    }
    props = client.props()

    assert (props.model_path, props.total_slots) == ("/m.gguf", 1)
    assert (props.build_info, props.chat_template) == ("b1-86a2835", "{{ x }}")


def test_a_completion_is_read_with_its_steps(client: Client, canned: Canned) -> None:
    canned.answers["/completion"] = completed(
        7, 8, completion_probabilities=[position(7, 9), position(8, 7)]
    )

    assert client.complete([1, 2], count=2, top=2) == Completion(
        tokens=(7, 8),
        text="ab",
        stop="limit",
        steps=(
            Step(token=7, logprob=-0.5, top=((7, -0.5), (9, -3.0))),
            Step(token=8, logprob=-0.5, top=((8, -0.5), (7, -3.0))),
        ),
    )


def test_a_completion_is_asked_for_greedily_and_without_what_carries_over(
    client: Client, canned: Canned
) -> None:
    canned.answers["/completion"] = completed(7)
    client.complete((1, 2), count=1)

    assert canned.asked == [
        (
            "/completion",
            {
                "prompt": [1, 2],
                "n_predict": 1,
                "samplers": ["top_k"],
                "top_k": 1,
                "temperature": 0,
                "seed": 0,
                "cache_prompt": False,
                "id_slot": 0,
                "return_tokens": True,
                "n_probs": 0,
                "ignore_eos": True,
                "n_keep": 0,
            },
        )
    ]


def test_what_a_caller_wants_otherwise_is_asked_for(client: Client, canned: Canned) -> None:
    canned.answers["/completion"] = completed(7)
    client.complete("text", count=5, cache=True, slot=3, ignore_eos=False, keep=8)
    asked = canned.asked[0][1]

    assert (asked["prompt"], asked["cache_prompt"]) == ("text", True)
    assert (asked["id_slot"], asked["ignore_eos"], asked["n_keep"]) == (3, False, 8)


def test_a_completion_says_what_it_took_where_the_build_does(
    client: Client, canned: Canned
) -> None:
    canned.answers["/completion"] = completed(7, timings={"prompt_n": 3}, truncated=True)
    found = client.complete([1, 2, 3], count=1)

    assert (found.evaluated, found.truncated) == (3, True)

    canned.answers["/completion"] = completed(7)
    found = client.complete([1, 2, 3], count=1)

    assert (found.evaluated, found.truncated) == (None, False)


def test_a_context_that_is_full_may_end_a_completion(client: Client, canned: Canned) -> None:
    canned.answers["/completion"] = completed(7, 8)

    assert client.complete([1], count=5, fills=True).tokens == (7, 8)
    with pytest.raises(EngineAnswerError, match="expected 5 tokens, found 2"):
        client.complete([1], count=5)


def test_a_slot_is_saved_and_erased(client: Client, canned: Canned) -> None:
    canned.answers["/slots/2?action=save"] = {"id_slot": 2, "n_saved": 84}
    canned.answers["/slots/2?action=erase"] = (501, {"error": {"message": "no", "type": "x"}})
    client.slot("save", slot=2, file="cache")

    assert canned.asked == [("/slots/2?action=save", {"filename": "cache"})]
    with pytest.raises(EngineRefusedError) as caught:
        client.slot("erase", slot=2, file="cache")
    assert (caught.value.status, caught.value.said) == (501, "no")


def test_slots_say_what_they_hold(client: Client, canned: Canned) -> None:
    new = {"id": 0, "n_ctx": 512, "is_processing": False}
    used = {"id": 1, "is_processing": True, "id_task": 4, "n_prompt_tokens": 7}
    canned.answers["/slots"] = [new, new | used]
    one, other = client.slots()

    assert (one.id, one.n_ctx, one.is_processing) == (0, 512, False)
    assert (one.id_task, one.n_prompt_tokens) == (None, None)
    assert (other.id, other.is_processing, other.n_prompt_tokens) == (1, True, 7)


def test_slots_that_say_something_else_are_refused(client: Client, canned: Canned) -> None:
    canned.answers["/slots"] = [{"id": 0, "n_ctx": 512}]
    with pytest.raises(EngineAnswerError, match=r"GET /slots: `slots\.0\.is_processing`: expected"):
        client.slots()

    canned.answers["/slots"] = (501, {"error": {"message": "no", "type": "x"}})
    with pytest.raises(EngineRefusedError, match="GET /slots"):
        client.slots()

    canned.answers["/slots"] = {"slots": []}
    with pytest.raises(EngineAnswerError, match="GET /slots: `slots`: expected a valid list"):
        client.slots()


@pytest.mark.parametrize("smallest", [-3.4028234663852886e38, -1e30])
def test_the_smallest_float_is_a_probability_of_zero(
    client: Client, canned: Canned, smallest: float
) -> None:
    canned.answers["/completion"] = completed(
        7, completion_probabilities=[position(7, logprob=smallest)]
    )
    (step,) = client.complete([1], count=1, top=1).steps

    assert step.logprob == -math.inf
    assert step.top == ((7, -math.inf),)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(completed(7), "expected 2 tokens, found 1", id="too-few-tokens"),
        pytest.param(completed(7, 8, 9), "expected 2 tokens, found 3", id="too-many-tokens"),
        pytest.param(completed(7, 8), "found 0, or other tokens", id="no-steps"),
        pytest.param(
            completed(7, 8, completion_probabilities=[position(7, 1)]),
            "expected one for each of the 2 tokens, found 1, or other tokens",
            id="too-few-steps",
        ),
        pytest.param(
            completed(7, 8, completion_probabilities=[position(7, 1), position(9, 1)]),
            "found 2, or other tokens",
            id="steps-of-other-tokens",
        ),
        pytest.param(
            completed(7, 8, completion_probabilities=[position(7, 1), position(8)]),
            "expected 2 likeliest, found 1",
            id="too-few-likeliest",
        ),
        pytest.param(
            completed(7, 8, completion_probabilities=[position(7, 1), position(8, 1, 2)]),
            "expected 2 likeliest, found 3",
            id="too-many-likeliest",
        ),
    ],
)
def test_other_lengths_than_promised_are_an_error(
    client: Client, canned: Canned, answer: object, reason: str
) -> None:
    canned.answers["/completion"] = answer

    with pytest.raises(EngineAnswerError, match="POST /completion") as caught:
        client.complete([1], count=2, top=2)

    assert str(caught.value).endswith(reason)


def test_a_text_that_may_end_has_up_to_the_tokens_asked_for(client: Client, canned: Canned) -> None:
    canned.answers["/completion"] = completed(7, stop_type="eos")

    assert client.complete([1], count=5, ignore_eos=False).stop == "eos"


@pytest.mark.parametrize("tokens", [(), (1, 2, 3)])
def test_a_text_that_may_end_has_one_token_at_least_and_no_more_than_asked_for(
    client: Client, canned: Canned, tokens: tuple[int, ...]
) -> None:
    canned.answers["/completion"] = completed(*tokens)

    with pytest.raises(EngineAnswerError, match=f"expected 1 to 2 tokens, found {len(tokens)}"):
        client.complete([1], count=2, ignore_eos=False)


def test_a_stream_counts_the_tokens_of_each_chunk_when_it_comes(
    client: Client, canned: Canned
) -> None:
    canned.answers["/completion"] = events(
        piece(7, predicted=1), piece(8, 9, predicted=3), piece(predicted=3, stop=True)
    )
    chunks = list(client.stream([1], count=3))

    assert [chunk.tokens for chunk in chunks] == [1, 2, 0]
    assert sorted(chunks, key=lambda chunk: chunk.at) == chunks
    assert isinstance(chunks[0], Chunk)
    assert canned.asked[0][1]["stream"] is True


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        pytest.param(b"", "expected 2 tokens, found None", id="nothing"),
        pytest.param(events(piece(7, predicted=1)), "found None", id="no-last-event"),
        pytest.param(
            events(piece(7, predicted=1, stop=True)), "expected 2 tokens, found 1", id="too-short"
        ),
        pytest.param(b"error: {}\n\n", r"expected `data: JSON`, found b'error: {}'", id="error"),
        pytest.param(b"data: <html>\n\n", "expected `data: JSON`", id="no-json"),
        pytest.param(b"data: " + b"[" * 100_000 + b"\n", "expected `data: JSON`", id="deep-json"),
        pytest.param(
            events({"error": {"code": 500}}),
            r"an error under status 200: {'code': 500}",
            id="error-as-data",
        ),
        pytest.param(
            events({"token": [1], "stop": False, "tokens_predicted": 1}),
            "`tokens`: expected, but found only",
            id="renamed-field",
        ),
    ],
)
def test_a_stream_that_is_none_is_an_error(
    client: Client, canned: Canned, sent: bytes, reason: str
) -> None:
    canned.answers["/completion"] = sent

    with pytest.raises(EngineAnswerError) as caught:
        list(client.stream([1], count=2))

    assert str(caught.value).startswith("POST /completion (stream): ")
    assert reason in str(caught.value)


def test_a_refused_stream_is_an_error(client: Client, canned: Canned) -> None:
    canned.answers["/completion"] = (400, {"error": "no"})

    with pytest.raises(EngineAnswerError, match="POST /completion: status 400"):
        list(client.stream("text", count=2))


def test_text_is_tokenized(client: Client, canned: Canned) -> None:
    canned.answers["/tokenize"] = {"tokens": [5, 6]}

    assert client.tokenize("ab", add_special=True, parse_special=False) == (5, 6)
    assert canned.asked == [
        ("/tokenize", {"content": "ab", "add_special": True, "parse_special": False})
    ]


def test_text_is_tokenized_with_the_bytes_of_each_token(client: Client, canned: Canned) -> None:
    canned.answers["/tokenize"] = {
        "tokens": [{"id": 5, "piece": "é"}, {"id": 6, "piece": [0xC3]}, {"id": 7, "piece": ""}]
    }

    assert client.pieces("é", add_special=True) == ((5, b"\xc3\xa9"), (6, b"\xc3"), (7, b""))
    assert canned.asked == [
        (
            "/tokenize",
            {"content": "é", "add_special": True, "parse_special": True, "with_pieces": True},
        )
    ]


@pytest.mark.parametrize("token", [5, {"id": 5}, {"id": 5, "piece": [256]}, {"id": 5, "piece": 7}])
def test_tokens_without_their_pieces_are_no_answer(
    client: Client, canned: Canned, token: object
) -> None:
    canned.answers["/tokenize"] = {"tokens": [token]}

    with pytest.raises(EngineAnswerError, match=r"POST /tokenize: `tokens\.0"):
        client.pieces("ab")


def test_tokens_are_detokenized(client: Client, canned: Canned) -> None:
    canned.answers["/detokenize"] = {"content": "ab"}

    assert client.detokenize((5, 6)) == "ab"
    assert canned.asked == [("/detokenize", {"tokens": [5, 6]})]


def test_a_template_is_applied(client: Client, canned: Canned) -> None:
    canned.answers["/apply-template"] = {"prompt": "<user>Hello"}

    assert client.apply_template(HELLO) == "<user>Hello"
    assert canned.asked == [("/apply-template", {"messages": HELLO})]


def test_a_chat_is_read(client: Client, canned: Canned) -> None:
    canned.answers["/v1/chat/completions"] = {
        "choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2},
    }

    assert client.chat(HELLO, count=8) == Chat(
        text="Hi", finish="stop", prompt_tokens=3, completion_tokens=2
    )
    assert canned.asked[0][1] == {
        "messages": HELLO,
        "max_tokens": 8,
        "samplers": ["top_k"],
        "top_k": 1,
        "temperature": 0,
        "seed": 0,
        "cache_prompt": False,
        "id_slot": 0,
    }


def test_an_answer_can_be_had_whatever_its_status_and_shape(client: Client, canned: Canned) -> None:
    canned.answers["/nowhere"] = (404, b"<html>")
    answer = client.call("POST", "/nowhere", body=b"[1]")

    assert (answer.status, answer.body) == (404, b"<html>")
    assert canned.asked == [("/nowhere", [1])]


def test_the_lines_of_a_stream_can_be_had_as_they_are(client: Client, canned: Canned) -> None:
    canned.answers["/completion"] = b"data: {}\n\ndata: [DONE]\n\n"

    assert list(client.lines("/completion", body={})) == [b"data: {}", b"data: [DONE]"]


def test_an_engine_that_is_gone_is_an_error() -> None:
    with pytest.raises(EngineAnswerError, match="GET /props: the connection was refused"):
        Client(free_port()).props()


def embeddings(*vectors: object) -> dict[str, Any]:
    data = [
        {"object": "embedding", "index": at, "embedding": item} for at, item in enumerate(vectors)
    ]
    return {"object": "list", "data": data}


PACKED = base64.b64encode(struct.pack("<2f", 0.5, -0.25)).decode()


@pytest.mark.parametrize(
    ("inputs", "sent"),
    [
        (("Hello",), "Hello"),
        (((3, 4),), [3, 4]),
        (("Hello", (3, 4)), ["Hello", [3, 4]]),
    ],
)
def test_one_input_is_sent_by_itself_and_several_as_a_list(
    client: Client, canned: Canned, inputs: tuple[Any, ...], sent: object
) -> None:
    canned.answers["/v1/embeddings"] = embeddings(*([0.6, 0.8] for _ in inputs))

    assert client.embed(*inputs) == ((0.6, 0.8),) * len(inputs)
    assert canned.asked[-1][1] == {"input": sent, "encoding_format": "float"}


def test_packed_vectors_are_unpacked(client: Client, canned: Canned) -> None:
    canned.answers["/v1/embeddings"] = embeddings(PACKED)

    assert client.embed("Hello", packed=True) == ((0.5, -0.25),)
    assert canned.asked[-1][1]["encoding_format"] == "base64"


@pytest.mark.parametrize(
    ("answer", "packed", "reason"),
    [
        (embeddings(), False, "`data`: expected 1 vectors, found 0"),
        (embeddings([0.5], [0.5]), False, "`data`: expected 1 vectors, found 2"),
        (embeddings([0.5]), True, "expected base64, found a list"),
        (embeddings(PACKED), False, "expected numbers, found a text"),
        (embeddings("?"), True, "not float32 in base64"),
        (embeddings("AAAA"), True, "not float32 in base64"),
        (embeddings(None), False, "`data.0.embedding.*found None"),
        ({"object": "list"}, False, "`data`: expected, but found only"),
    ],
)
def test_an_answer_that_holds_no_vector_as_asked_is_an_error(
    client: Client, canned: Canned, answer: object, packed: bool, reason: str
) -> None:
    canned.answers["/v1/embeddings"] = answer

    with pytest.raises(EngineAnswerError, match=reason):
        client.embed("Hello", packed=packed)
