from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from gguf import GGUFWriter, TokenType

from engine_ci.gate import speech
from tests.unit.gate import tiny

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATE = "<|user|>{{ messages[0]['content'] }}<call>{{ eos_token }}<plain>"
TOKENS = {
    "<unk>": TokenType.UNKNOWN,
    "<s>": TokenType.CONTROL,
    "</s>": TokenType.CONTROL,
    "<plain>": TokenType.NORMAL,
    "<|user|>": TokenType.CONTROL,
    "<call>": TokenType.USER_DEFINED,
    "<|unused|>": TokenType.CONTROL,
}


def model(
    path: Path,
    *,
    begin: int | None = 1,
    end: int | None = 2,
    kinds: bool = True,
    with_tools: str | None = None,
) -> Path:
    """A GGUF of a model that speaks so, without the model."""
    writer = GGUFWriter(path, "llama")
    writer.add_token_list([*TOKENS])
    if kinds:
        writer.add_token_types([*TOKENS.values()])
    if begin is not None:
        writer.add_bos_token_id(begin)
    if end is not None:
        writer.add_eos_token_id(end)
    writer.add_chat_template(TEMPLATE)
    if with_tools:
        writer.add_chat_template([{"name": "tool_use", "template": with_tools}])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return path


def test_an_echo_has_the_template_and_the_special_tokens_that_stand_in_it(tmp_path: Path) -> None:
    found = speech.echo_of(model(tmp_path / "model.gguf"))

    assert found is not None
    assert found.template == TEMPLATE
    assert found.vocabulary.specials == ("<s>", "</s>")
    assert found.vocabulary.tags == ("<|user|>",)
    assert found.vocabulary.marks == ("<call>",)
    assert found.tool_template is None


def test_an_echo_has_the_template_for_tools_too_and_its_special_tokens(tmp_path: Path) -> None:
    found = speech.echo_of(model(tmp_path / "model.gguf", with_tools="{{ tools }}<|unused|>"))

    assert found is not None
    assert (found.template, found.tool_template) == (TEMPLATE, "{{ tools }}<|unused|>")
    assert found.vocabulary.tags == ("<|user|>", "<|unused|>")


@pytest.mark.parametrize("begin", [None, 2], ids=["unknown", "the same"])
def test_where_no_other_token_begins_a_text_that_does_which_ends_one(
    tmp_path: Path, begin: int | None
) -> None:
    found = speech.echo_of(model(tmp_path / "model.gguf", begin=begin))

    assert found is not None
    assert found.vocabulary.specials == ("</s>",)


def test_without_kinds_of_tokens_none_is_special_but_the_two(tmp_path: Path) -> None:
    found = speech.echo_of(model(tmp_path / "model.gguf", kinds=False))

    assert found is not None
    assert (found.vocabulary.tags, found.vocabulary.marks) == ((), ())


@pytest.mark.parametrize("end", [None, 99], ids=["none", "none of its tokens"])
def test_a_model_that_ends_no_turn_has_no_chat(tmp_path: Path, end: int | None) -> None:
    assert speech.echo_of(model(tmp_path / "model.gguf", end=end)) is None


def test_a_model_without_a_header_has_no_chat(tmp_path: Path) -> None:
    path = tiny.write(tmp_path / "model.gguf")
    path.write_bytes(path.read_bytes()[:2000])

    assert speech.echo_of(path) is None
