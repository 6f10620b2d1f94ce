from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine_ci.engine.adapters import kinds
from engine_ci.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("adapter", "file"),
    [
        ("llama-server", "bin/llama-server"),
        ("xllamacpp", "xllamacpp/__init__.py"),
        ("llama-cpp-python", "llama_cpp/__init__.py"),
    ],
)
def test_each_kind_is_found_by_its_name(tmp_path: Path, adapter: str, file: str) -> None:
    (tmp_path / file).parent.mkdir()
    (tmp_path / file).touch()

    assert kinds.server_in(tmp_path, adapter=adapter).name == adapter


def test_an_unknown_kind_is_refused_with_those_that_are_known(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        kinds.server_in(tmp_path, adapter="ollama")

    assert str(caught.value) == "there is no adapter `ollama`"
    assert caught.value.hint == "there are llama-server, xllamacpp, llama-cpp-python"
