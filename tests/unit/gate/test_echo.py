from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from gguf import GGUFReader, TokenType
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine_ci.gate import echo, reference
from engine_ci.gate.vocabulary import END_OF_TURN, Vocabulary

if TYPE_CHECKING:
    from pathlib import Path

    from engine_ci.gate.networks import Model

END = echo.OURS.vocabulary.id_of(END_OF_TURN)
tokens = st.integers(0, len(echo.OURS.vocabulary) - 1).filter(lambda token: token != END)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    path = tmp_path_factory.mktemp("echo") / "echo.gguf"
    echo.write(path, seed=1)
    return reference.load(path)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    before=st.lists(tokens, max_size=300),
    said=st.lists(tokens, max_size=40),
    filler=tokens,
)
def test_it_says_what_it_is_given_whatever_that_is_and_wherever_it_stands(
    model: Model, before: list[int], said: list[int], filler: int
) -> None:
    said = [*said, END]
    prompt = [*before, *said, *[filler] * (echo.OURS.distance - len(said))]

    rows = [*reference.greedy(model, prompt, limit=len(said) + 1, until={END})]

    assert [int(row.argmax()) for row in rows] == said
    for row in rows:
        runner_up, best = sorted(row)[-2:]
        assert best - runner_up > 25


def test_it_looks_back_as_far_as_it_is_told_behind_much_else(tmp_path: Path) -> None:
    far = replace(echo.OURS, distance=1024, context=4096)
    echo.write(tmp_path / "far.gguf", seed=1, echo=far)
    said = [*range(256), END]
    prompt = [*[65] * 900, *said, *[66] * (far.distance - len(said))]

    rows = [
        *reference.greedy(reference.load(tmp_path / "far.gguf"), prompt, limit=300, until={END})
    ]

    assert [int(row.argmax()) for row in rows] == said


def test_it_has_the_vocabulary_and_the_template_that_it_is_given(tmp_path: Path) -> None:
    vocabulary = Vocabulary(
        merges=(("t", "h"),), specials=("<s>", "</s>"), tags=("<|hidden|>",), marks=("<shown>",)
    )
    told = replace(echo.OURS, vocabulary=vocabulary, template="{{ messages }}")
    echo.write(tmp_path / "model.gguf", seed=1, echo=told)

    fields = GGUFReader(tmp_path / "model.gguf").fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    assert tokens[-5:] == ["th", "<s>", "</s>", "<|hidden|>", "<shown>"]
    names = ("bos", "eos", "padding")
    ids = [fields[f"tokenizer.ggml.{name}_token_id"].contents() for name in names]
    assert [tokens[number] for number in ids] == ["<s>", "</s>", "<s>"]
    kinds = fields["tokenizer.ggml.token_type"].contents()
    assert kinds[-4:] == [TokenType.CONTROL] * 3 + [TokenType.USER_DEFINED]
    assert fields["tokenizer.chat_template"].contents() == "{{ messages }}"


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    def written(seed: int) -> bytes:
        echo.write(tmp_path / "model.gguf", seed=seed)
        return (tmp_path / "model.gguf").read_bytes()

    assert written(1) == written(1) != written(2)


def test_its_tags_are_tokens_that_engines_hide(tmp_path: Path) -> None:
    echo.write(tmp_path / "model.gguf", seed=1)

    fields = GGUFReader(tmp_path / "model.gguf").fields
    kinds = dict(
        zip(
            fields["tokenizer.ggml.tokens"].contents(),
            fields["tokenizer.ggml.token_type"].contents(),
            strict=True,
        )
    )
    assert {kinds[tag] for tag in echo.TAGS} == {TokenType.CONTROL}
    assert kinds["t"] == kinds["th"] == TokenType.NORMAL
