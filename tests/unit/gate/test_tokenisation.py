from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine_ci.errors import GoldenError
from engine_ci.gate import goldens, tokenisation, zoo
from engine_ci.gate.tokenisation import Tokenisation, Tokenised

if TYPE_CHECKING:
    from pathlib import Path

MODELS = [model for model in zoo.load_catalogue() if model.role == "tokenizer"]


def path_of(model: zoo.Model) -> Path:
    return zoo.golden_folder() / "tokenizer" / f"{model.name}.json"


def test_the_text_of_the_tokens_is_the_text_if_nothing_else_is_said() -> None:
    plain = Tokenised(id="plain", text="a", tokens=(65,))

    assert plain.spelled == "a"
    assert plain.model_copy(update={"back": " a"}).spelled == " a"
    assert plain.model_copy(update={"back": ""}).spelled == ""


def test_what_is_dumped_is_loaded_again(tmp_path: Path) -> None:
    text = Tokenised(id="é", text="é", add_special=True, tokens=(0, 1), back="<s>é")
    whole = Tokenisation(schema=1, model="tiny", sha256="0" * 64, texts=(text,))
    (tmp_path / "golden.json").write_text(goldens.dump(whole), encoding="utf-8")

    assert tokenisation.load(tmp_path / "golden.json") == whole


def test_a_file_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "golden.json").write_text('{"schema": 1, "model": "a", "sha256": "b"}')

    with pytest.raises(GoldenError, match=r"golden\.json: `sha256`: .*; `texts`: missing"):
        tokenisation.load(tmp_path / "golden.json")


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_the_committed_ones_are_dumps_of_themselves_and_of_their_models(model: zoo.Model) -> None:
    golden = tokenisation.load(path_of(model))

    assert goldens.dump(golden) == path_of(model).read_text(encoding="utf-8")
    assert (golden.model, golden.sha256) == (model.name, model.sha256)


def test_none_is_left_over_from_a_model_that_is_gone() -> None:
    found = {path.stem for path in (zoo.golden_folder() / "tokenizer").iterdir()}

    assert found == {model.name for model in MODELS}
