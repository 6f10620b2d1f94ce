"""The adapter that `docs/adapters.md` shows is one file and one line, and runs a real engine."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine_ci.engine.adapters import kinds
from engine_ci.engine.adapters.contract import Capability, Prepared
from engine_ci.engine.adapters.settings import Settings
from engine_ci.errors import UsageError
from engine_ci.records.runtime import Grade

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.engine

ROOT = Path(__file__).parents[2]
# Stands in for a llamafile, which is some hundred megabytes: a server that insists on `--server`.
LLAMAFILE = """#!/bin/sh
test "$1" = --server || exit 3
shift
exec '{server}' "$@"
"""


@pytest.fixture
def folder(mineru: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a llamafile, when the page's adapter is one of the kinds."""
    (example,) = re.findall(
        r"```python\n(.*?)```", (ROOT / "docs/adapters.md").read_text(), re.DOTALL
    )
    module = tmp_path / "llamafile.py"
    module.write_text(example)
    monkeypatch.setattr(
        kinds, "KINDS", (*kinds.KINDS, runpy.run_path(str(module), run_name="ours")["Llamafile"])
    )
    program = tmp_path / "model.llamafile"
    program.write_text(LLAMAFILE.format(server=mineru("0.1.3") / "bin" / "llama-server"))
    program.chmod(0o755)
    return tmp_path


def test_the_example_runs_an_engine_as_the_others_do(folder: Path) -> None:
    adapter = kinds.server_in(folder, adapter="llamafile")
    model = ROOT / "fixtures" / "zoo" / "stable.gguf"
    prepared = adapter.prepare(model, settings=Settings(context=256, metrics=True))
    assert isinstance(prepared, Prepared)

    with adapter.launch(prepared, log=folder / "log") as engine:
        assert adapter.health(engine).grade is Grade.OK
        assert {Capability.CHAT, Capability.METRICS} <= adapter.capabilities(engine)
        assert adapter.metrics(engine).generated
        assert adapter.shutdown(engine).status == 0


def test_the_example_says_what_it_expected(folder: Path) -> None:
    (folder / "model.llamafile").unlink()

    with pytest.raises(UsageError, match=r"expected one `\*\.llamafile`, found 0"):
        kinds.server_in(folder, adapter="llamafile")
