"""The suite that `docs/howto/own-check.md` shows asks a real engine, and finds a fault."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from engine_ci.config import EnginePolicy, PerformancePolicy
from engine_ci.engine.adapters.llama_server import LlamaServer
from engine_ci.gate import zoo
from engine_ci.gate.context import Context, LocatedModel, Subject
from engine_ci.records.gate import EngineFacts, Status
from tests.docs.console import DOCS
from tests.faults import proxy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.engine


@pytest.fixture
def suite(tmp_path: Path) -> dict[str, Any]:
    """The names of the page's file."""
    page = (DOCS / "howto" / "own-check.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(text, tmp_path / "texts.py", "exec"), names)  # noqa: S102 - it is a page of this project
    return names


@pytest.mark.parametrize(
    ("fault", "status"), [("none", Status.PASS), ("detokenizer-altered", Status.FAIL)]
)
def test_it_passes_an_honest_engine_and_fails_one_that_spells_otherwise(
    suite: dict[str, Any],
    mineru: Callable[[str], Path],
    tmp_path: Path,
    fault: str,
    status: Status,
) -> None:
    sound = LlamaServer.in_folder(mineru("0.1.3")).program
    folder = proxy.plant(tmp_path / "engine", server=sound, fault=fault, argument="")
    (bpe,) = (model for model in zoo.load_catalogue() if model.name == "bpe")
    path = zoo.data_root() / "fixtures" / "zoo" / "bpe.gguf"
    facts = EngineFacts(
        pin="test",
        version="0.1.3",
        tree_sha256="0" * 64,
        adapter="llama-server",
        platform="ubuntu-x64",
    )
    server = LlamaServer.in_folder(folder)
    context = Context(
        candidate=Subject(server=server, facts=facts, app_argv=EnginePolicy().argv),
        baseline=None,
        models={"bpe": LocatedModel(model=bpe, path=path)},
        logs=tmp_path / "logs",
        goldens=zoo.golden_folder(),
        performance=PerformancePolicy(),
        seed=1,
    )

    (check,) = suite["run"](context)

    assert (check.id, check.status) == ("texts/come-back", status), check.detail
