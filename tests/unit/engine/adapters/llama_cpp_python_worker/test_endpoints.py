from __future__ import annotations

import struct
from base64 import b64decode
from typing import TYPE_CHECKING, Any

import pytest

from engine_ci.engine.adapters.llama_cpp_python_worker.refusals import RefusedError, refusal

if TYPE_CHECKING:
    from tests.unit.engine.adapters.llama_cpp_python_worker.conftest import Made

HELLO = [{"role": "user", "content": "Hello"}]
LOOK = {"type": "function", "function": {"name": "look"}}


def test_it_says_what_it_is(made: Made) -> None:
    endpoints, _ = made("m.gguf", n_ctx=8)

    assert endpoints.health({}) == {"status": "ok"}
    assert endpoints.props({}) == {
        "model_path": "m.gguf",
        "total_slots": 1,
        "build_info": "llama-cpp-python-0.0.1",
        "chat_template": "{messages}",
        "default_generation_settings": {"n_ctx": 8},
        "threads": 1,
    }


def test_threads_are_changed_while_it_runs(made: Made) -> None:
    endpoints, llama = made()

    assert endpoints.change({"threads": 3}) == {"threads": 3}
    assert llama.threads == 3


@pytest.mark.parametrize("wanted", [{}, {"threads": 0}, {"threads": True}, {"threads": 1, "a": 1}])
def test_nothing_else_is_changed(made: Made, wanted: dict[str, Any]) -> None:
    with pytest.raises(RefusedError, match="expected `threads`, 1 or more, and nothing else"):
        made()[0].change(wanted)


def test_a_completion_has_text_tokens_and_what_was_evaluated(made: Made) -> None:
    endpoints, llama = made()
    found = endpoints.completion({"prompt": [97, 98], "n_predict": 3, "seed": 7})

    assert (found["content"], found["tokens"]) == ("cde", [99, 100, 101])
    assert (found["stop_type"], found["truncated"]) == ("limit", False)
    assert (found["tokens_predicted"], found["timings"]) == (3, {"prompt_n": 2})
    assert found["completion_probabilities"] == []
    assert (llama.seeds, llama.asked) == ([7], [{"temp": 0.8}])


def test_a_text_is_a_prompt_that_begins_one(made: Made) -> None:
    endpoints, llama = made()
    found = endpoints.completion({"prompt": "ab", "n_predict": 1, "temperature": 0, "top_k": 1})

    assert found["tokens"] == [99]
    assert llama.held == [256, 97, 98]
    assert llama.asked == [{"temp": 0, "top_k": 1}]


def test_of_a_prompt_that_is_in_the_cache_the_rest_is_evaluated(made: Made) -> None:
    endpoints, _ = made()
    asked = {"prompt": [97, 98, 99], "n_predict": 1}
    endpoints.completion(asked)

    assert endpoints.completion(asked)["timings"] == {"prompt_n": 1}
    assert endpoints.completion(asked | {"cache_prompt": False})["timings"] == {"prompt_n": 3}


def test_a_text_may_end_by_itself(made: Made) -> None:
    endpoints, _ = made()
    asked = {"prompt": [ord("x")], "n_predict": 9}
    ended, endless = endpoints.completion(asked), endpoints.completion(asked | {"ignore_eos": True})

    assert (ended["content"], ended["tokens"], ended["stop_type"]) == ("yz", [121, 122, 257], "eos")
    assert (endless["content"][:4], endless["stop_type"]) == ("yz{|", "limit")


def test_generation_stops_where_the_context_is_full(made: Made) -> None:
    endpoints, _ = made(n_ctx=4)
    found = endpoints.completion({"prompt": [97, 98]})

    assert (found["tokens"], found["truncated"]) == ([99, 100], True)


def test_bytes_of_one_character_come_together(made: Made) -> None:
    endpoints, _ = made()
    *pieces, last = endpoints.stream({"prompt": [0xC2], "n_predict": 1})

    assert [piece["content"] for piece in pieces] == [""]
    assert (last["content"], last["stop"]) == ("\ufffd", True)


def test_each_token_comes_with_the_likeliest(made: Made) -> None:
    endpoints, _ = made()
    found = endpoints.completion({"prompt": [97], "n_predict": 2, "n_probs": 2})
    one, other = found["completion_probabilities"]

    assert (one["id"], other["id"]) == (98, 99)
    assert [likely["id"] for likely in one["top_logprobs"]] == [98, 257]
    assert one["logprob"] == one["top_logprobs"][0]["logprob"]


def test_a_schema_is_kept_to(made: Made) -> None:
    endpoints, llama = made()
    endpoints.completion({"prompt": [97], "n_predict": 1, "json_schema": {"type": "boolean"}})

    assert llama.asked == [{"temp": 0.8, "grammar": 'grammar of {"type": "boolean"}'}]


@pytest.mark.parametrize(
    ("prompt", "status", "kind"),
    [
        pytest.param([], 400, "invalid_request_error", id="nothing"),
        pytest.param([-1], 400, "invalid_request_error", id="negative"),
        pytest.param([258], 400, "invalid_request_error", id="beyond-the-vocabulary"),
        pytest.param([True], 400, "invalid_request_error", id="no-number"),
        pytest.param({}, 400, "invalid_request_error", id="no-list"),
        pytest.param([97] * 16, 400, "exceed_context_size_error", id="too-long"),
    ],
)
def test_a_prompt_that_makes_no_sense_is_refused(
    made: Made, prompt: object, status: int, kind: str
) -> None:
    with pytest.raises(RefusedError) as caught:
        made()[0].completion({"prompt": prompt, "n_predict": 1})

    assert (caught.value.status, caught.value.kind) == (status, kind)


def test_tokens_and_text_are_each_others_reverse(made: Made) -> None:
    endpoints, _ = made()

    assert endpoints.tokenize({"content": "aé"}) == {"tokens": [97, 195, 169]}
    assert endpoints.tokenize({"content": "a", "add_special": True}) == {"tokens": [256, 97]}
    assert endpoints.tokenize({"content": "aé", "with_pieces": True}) == {
        "tokens": [
            {"id": 97, "piece": "a"},
            {"id": 195, "piece": [195]},
            {"id": 169, "piece": [169]},
        ]
    }
    assert endpoints.detokenize({"tokens": [256, 97, 195, 169]}) == {"content": "<s>aé"}
    assert endpoints.detokenize({"tokens": [195]}) == {"content": "\ufffd"}


def test_a_chat_is_the_packages_with_what_was_asked_for(made: Made) -> None:
    endpoints, llama = made()
    asked = {"messages": HELLO, "max_tokens": 4, "temperature": 0, "n_probs": 3}

    assert endpoints.chat(asked) == {"choices": [{"message": {"content": "Hello"}}]}
    assert llama.asked == [
        {"messages": HELLO, "max_tokens": 4, "temperature": 0, "tools": None, "tool_choice": None}
    ]
    assert endpoints.apply_template({"messages": HELLO})["prompt"].startswith("{messages}[{")


def test_the_one_tool_that_must_be_called_is_named(made: Made) -> None:
    endpoints, llama = made()
    endpoints.chat({"messages": HELLO, "tools": [LOOK], "tool_choice": "required"})
    endpoints.chat({"messages": HELLO, "tools": [LOOK, LOOK], "tool_choice": "auto"})

    assert [asked["tool_choice"] for asked in llama.asked] == [LOOK, "auto"]


def test_a_chat_that_is_too_long_is_told_as_such(made: Made) -> None:
    with pytest.raises(ValueError, match="exceed") as caught:
        made()[0].chat({"messages": ["too long"]})

    assert refusal(caught.value).kind == "exceed_context_size_error"


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"stream": True, "logprobs": True}, "stream, logprobs in chats"),
        ({"tool_choice": "required"}, "a required call with other than one tool"),
        (
            {"tool_choice": "required", "tools": [LOOK, LOOK]},
            "a required call with other than one tool",
        ),
    ],
)
def test_what_the_package_cannot_do_in_a_chat_is_refused(
    made: Made, more: dict[str, Any], what: str
) -> None:
    with pytest.raises(RefusedError, match=f"this server does not support {what}") as caught:
        made()[0].chat({"messages": HELLO} | more)

    assert caught.value.status == 501


def test_what_would_be_left_out_of_a_completion_is_refused(made: Made) -> None:
    endpoints, llama = made()

    with pytest.raises(RefusedError, match="does not support stop in completions"):
        endpoints.completion({"prompt": [97], "n_predict": 1, "stop": ["c"], "grammar": ""})
    assert llama.asked == []


def test_tools_on_offer_are_in_the_prompt(made: Made) -> None:
    found = made()[0].apply_template({"messages": HELLO, "tools": [LOOK]})["prompt"]

    assert "'name': 'look'" in found


def test_without_a_template_there_are_no_chats(made: Made) -> None:
    endpoints, _ = made("plain")

    for ask in (endpoints.chat, endpoints.apply_template):
        with pytest.raises(RefusedError, match="a model that has no chat template"):
            ask({"messages": HELLO})


def test_vectors_are_of_texts_in_numbers_or_packed(made: Made) -> None:
    endpoints, _ = made(embedding=True)

    def vectors(wanted: dict[str, Any]) -> list[Any]:
        return [each["embedding"] for each in endpoints.embeddings(wanted)["data"]]

    assert vectors({"input": "ab"}) == [[2.0, 0.5]]
    assert vectors({"input": ["a", "abc"]}) == [[1.0, 0.5], [3.0, 0.5]]
    (packed,) = vectors({"input": "ab", "encoding_format": "base64"})
    assert struct.unpack("<2f", b64decode(packed)) == (2.0, 0.5)


@pytest.mark.parametrize("given", [[], [1, 2], 7])
def test_what_is_no_text_has_no_vector(made: Made, given: object) -> None:
    with pytest.raises(RefusedError, match="`input`: expected texts"):
        made(embedding=True)[0].embeddings({"input": given})


def test_who_makes_vectors_makes_nothing_else_and_the_other_way_round(made: Made) -> None:
    embeds, _ = made(embedding=True)
    writes, _ = made()

    for ask in (embeds.completion, embeds.chat):
        with pytest.raises(RefusedError, match="Start it without `--embeddings`"):
            ask({"prompt": [1], "messages": HELLO})
    with pytest.raises(RefusedError, match="Start it with `--embeddings`"):
        writes.embeddings({"input": "a"})
    with pytest.raises(RefusedError, match="without pooling"):
        made("unpooled", embedding=True)[0].embeddings({"input": "a"})


def test_counters_are_told_where_that_was_asked_for(made: Made) -> None:
    endpoints, _ = made(metrics=True)
    endpoints.completion({"prompt": [97, 98], "n_predict": 3})
    told = dict(line.split() for line in endpoints.metrics({}).splitlines())

    assert told["llamacpp:prompt_tokens_total"] == "2"
    assert told["llamacpp:tokens_predicted_total"] == "3"
    with pytest.raises(RefusedError, match="Start it with `--metrics`"):
        made()[0].metrics({})


def test_tokens_of_vectors_are_counted_too(made: Made) -> None:
    endpoints, _ = made(embedding=True, metrics=True)
    endpoints.embeddings({"input": ["ab", "c"]})

    assert "llamacpp:prompt_tokens_total 3\n" in endpoints.metrics({})


def test_the_slot_says_what_it_holds_once_it_has_worked(made: Made) -> None:
    endpoints, _ = made(n_ctx=8)
    fresh = {"id": 0, "n_ctx": 8, "is_processing": False}
    assert endpoints.slots({}) == [fresh]

    stream = endpoints.stream({"prompt": [97, 98]})
    next(stream)
    assert endpoints.slots({}) == [
        fresh | {"is_processing": True, "id_task": 1, "n_prompt_tokens": 2}
    ]
    stream.close()
    assert endpoints.erase({}) == {"id_slot": 0, "n_erased": 2}
    assert endpoints.slots({}) == [fresh | {"id_task": 1, "n_prompt_tokens": 0}]


@pytest.mark.parametrize(
    ("problem", "status", "kind"),
    [
        (KeyError("prompt"), 400, "invalid_request_error"),
        (RuntimeError("llama_decode returned -1"), 500, "server_error"),
    ],
)
def test_other_problems_are_the_requests_or_the_servers(
    problem: Exception, status: int, kind: str
) -> None:
    found = refusal(problem)

    assert (found.status, found.kind) == (status, kind)
