from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.gate import gguf_variant, gguf_writer, reference
from tests.unit.gate import tiny

if TYPE_CHECKING:
    from pathlib import Path

PRE = "tokenizer.ggml.pre"
START = "tokenizer.ggml.add_bos_token"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write(tmp_path_factory.mktemp("base") / "base.gguf")


@given(name=st.text("abcdefgh-", min_size=1, max_size=80))
def test_a_variant_is_the_file_that_would_have_been_written_so(base: Path, name: str) -> None:
    written, varied = base.with_name("written.gguf"), base.with_name("varied.gguf")
    gguf_writer.write(
        written,
        name="tiny",
        shape=tiny.SHAPE,
        vocabulary=tiny.VOCABULARY,
        pre_tokenizer=name,
        weights=tiny.weights(),
    )

    gguf_variant.write(varied, base, facts={PRE: name})

    assert varied.read_bytes() == written.read_bytes()


@pytest.mark.parametrize("order", [1, -1])
def test_several_facts_are_changed_and_no_others(base: Path, tmp_path: Path, order: int) -> None:
    new: dict[str, gguf_variant.Fact] = {PRE: "falcon", START: True, "general.name": "é"}
    gguf_variant.write(tmp_path / "varied.gguf", base, facts=dict(list(new.items())[::order]))

    assert tiny.facts(tmp_path / "varied.gguf") == tiny.facts(base) | new


@pytest.mark.parametrize("facts", [{}, {PRE: "falcon"}])
def test_special_tokens_are_added_and_nothing_else_moves(
    base: Path, tmp_path: Path, facts: dict[str, gguf_variant.Fact]
) -> None:
    varied = tmp_path / "varied.gguf"
    gguf_variant.write(varied, base, facts=facts, tokens={"fim_pre": 7, "fim_suf": 8})

    new = {"tokenizer.ggml.fim_pre_token_id": 7, "tokenizer.ggml.fim_suf_token_id": 8}
    count = tiny.facts(base)["GGUF.kv_count"]
    assert isinstance(count, int)
    new["GGUF.kv_count"] = count + 2
    assert tiny.facts(varied) == tiny.facts(base) | facts | new
    one, other = (reference.load(path) for path in (base, varied))
    for name, value in one.weights.items():
        np.testing.assert_array_equal(other.weights[name], value)


def test_a_key_that_the_base_lacks_is_not_added(base: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyError, match=r"tokenizer\.ggml\.post"):
        gguf_variant.write(tmp_path / "varied.gguf", base, facts={"tokenizer.ggml.post": "x"})

    assert not (tmp_path / "varied.gguf").exists()
