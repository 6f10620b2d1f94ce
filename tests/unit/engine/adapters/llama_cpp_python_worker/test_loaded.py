from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from engine_ci.engine.adapters.llama_cpp_python_worker.refusals import RefusedError
from tests.unit.engine.adapters.standin_llama_cpp import END

if TYPE_CHECKING:
    from tests.unit.engine.adapters.llama_cpp_python_worker.conftest import Load


def test_a_model_is_loaded_with_types_by_their_numbers(load: Load) -> None:
    _, llama = load("m.gguf", n_ctx=8, type_k="F32")

    assert llama.model_path == "m.gguf"
    assert llama.parameters == {"n_ctx": 8, "type_k": 0}
    assert llama.chat_format == "chat_template.default"


def test_a_model_without_a_template_keeps_the_packages_form(load: Load) -> None:
    loaded, llama = load("plain")

    assert (loaded.template, llama.chat_format) == ("", "guessed")


@pytest.mark.parametrize(
    ("name", "types", "reason"),
    [
        ("broken", {}, "Failed to load model from file: broken"),
        ("model", {"type_v": "F7"}, "there is no GGML_TYPE_F7"),
    ],
)
def test_what_cannot_be_loaded_is_an_error(
    load: Load, name: str, types: dict[str, str], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        load(name, **types)


def test_tokens_and_seconds_are_counted_of_prompts_and_of_what_follows(load: Load) -> None:
    loaded, _ = load()
    with loaded.working(cache=True):
        found = loaded.generate([97, 98], endless=False, schema=None, sampling={})
        assert [next(found), next(found), next(found)] == [99, 100, 101]

    assert (loaded.requests, loaded.evaluated, loaded.generated) == (1, 2, 3)
    assert loaded.evaluating_s > 0
    assert loaded.generating_s > 0
    assert loaded.cached == 4  # the last token is told, and not evaluated


def test_without_the_cache_the_whole_prompt_is_evaluated(load: Load) -> None:
    loaded, _ = load()
    for cache in (True, True, False):
        with loaded.working(cache=cache):
            next(loaded.generate([97, 98, 99], endless=False, schema=None, sampling={}))

    assert loaded.evaluated == 3 + 1 + 3


def test_a_request_waits_for_the_one_in_work(load: Load) -> None:
    loaded, _ = load()
    entered = threading.Event()

    def work() -> None:
        with loaded.working(cache=True):
            entered.set()

    thread = threading.Thread(target=work)
    with loaded.working(cache=True):
        thread.start()
        while not loaded.waiting:
            assert not entered.wait(0.001)
        assert loaded.busy
    thread.join()

    assert entered.is_set()
    assert (loaded.waiting, loaded.busy, loaded.requests) == (0, False, 2)


def test_closing_ends_the_request_in_work_and_frees_the_model(load: Load) -> None:
    loaded, llama = load()
    closing = threading.Thread(target=loaded.close)
    with loaded.working(cache=True):
        found = loaded.generate([97], endless=True, schema=None, sampling={})
        next(found)
        closing.start()
        with pytest.raises(RefusedError, match="the server is ending"):
            list(found)
        assert not llama.closed
    closing.join()

    assert llama.closed


def test_endless_means_that_no_end_is_taken(load: Load) -> None:
    loaded, _ = load()
    with loaded.working(cache=False):
        ended = next(loaded.generate([ord("z")], endless=False, schema=None, sampling={}))
        endless = next(loaded.generate([ord("z")], endless=True, schema=None, sampling={}))

    assert loaded.ends(ended)
    assert (ended, endless) == (END, ord("{"))


def test_a_schema_becomes_a_grammar_beside_how_tokens_are_chosen(load: Load) -> None:
    loaded, llama = load()
    with loaded.working(cache=True):
        next(loaded.generate([97], endless=False, schema="{}", sampling={"temp": 0}))

    assert llama.asked == [{"temp": 0, "grammar": "grammar of {}"}]


def test_likelihoods_are_those_of_the_token_before_any_choice(load: Load) -> None:
    loaded, _ = load()
    with loaded.working(cache=True):
        next(loaded.generate([ord("z")], endless=True, schema=None, sampling={}))
        found = loaded.likelihoods(ord("{"), top=2)

    assert [token for token, _ in found.top] == [END, ord("{")]
    assert found.own == found.top[1][1] < found.top[0][1] < 0


def test_the_cache_can_be_emptied(load: Load) -> None:
    loaded, _ = load()
    with loaded.working(cache=True):
        next(loaded.generate([97, 98], endless=False, schema=None, sampling={}))

    assert loaded.erase() == 2
    assert loaded.cached == 0


def test_a_prompt_is_made_with_the_words_for_its_ends(load: Load) -> None:
    loaded, _ = load()

    assert loaded.prompt([{"role": "user"}]) == "{messages}[{'role': 'user'}]<257>"
