"""Where real engines split text otherwise than the models' own rules: exactly where we say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine_ci.engine.adapters.llama_server import LlamaServer
from engine_ci.engine.adapters.settings import Settings
from engine_ci.engine.supervisor import start
from engine_ci.gate import model_files, zoo
from fixtures.zoo import tokenizing
from fixtures.zoo.tokenised_texts import DEVIATIONS, REPAIRED

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.engine

MODELS = {model.pre_tokenizer: model for model in zoo.load_catalogue() if model.role == "tokenizer"}
NONE: frozenset[str] = frozenset()


@pytest.mark.parametrize("version", ["0.1.2", "0.1.3"])
@pytest.mark.parametrize("name", sorted({*DEVIATIONS, *REPAIRED}))
def test_texts_are_left_out_or_called_repaired_only_where_engines_differ(
    mineru: Callable[[str], Path], tmp_path: Path, version: str, name: str
) -> None:
    items = list(tokenizing.texts(MODELS[name]))
    path = model_files.locate(
        MODELS[name], cache=tmp_path, fetch=lambda wheel: tmp_path / wheel.file
    )
    server = LlamaServer(mineru(version) / "bin" / "llama-server")

    with start(server, model=path, settings=Settings(), log=tmp_path / "log") as engine:
        differing = {
            item.id
            for item in items
            if item.tokens
            != engine.client.tokenize(
                item.text, add_special=item.add_special, parse_special=item.parse_special
            )
        }

    older = REPAIRED.get(name, NONE) if version == "0.1.2" else NONE
    assert differing == DEVIATIONS.get(name, NONE) | older
