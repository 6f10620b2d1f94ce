"""What the pages on the runtime show is run, with a real engine."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine_ci.engine.adapters.llama_server import LlamaServer

if TYPE_CHECKING:
    from collections.abc import Callable

    Show = Callable[..., dict[str, Any]]

pytestmark = pytest.mark.engine

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "fixtures" / "zoo" / "stable.gguf"


@pytest.fixture
def show(tmp_path: Path) -> Show:
    """`show("kv.md", 0, server=…)` runs the first example of a page; all of its names come back."""

    def run(page: str, number: int, **given: object) -> dict[str, Any]:
        text = (ROOT / "docs" / page).read_text()
        example = re.findall(r"```python\n(.*?)```", text, re.DOTALL)[number]
        path = tmp_path / f"{page}-{number}.py"
        path.write_text(example)
        names = {"model": MODEL, "log": tmp_path / "log", **given}
        return runpy.run_path(str(path), names)

    return run


def test_an_app_runs_an_engine_and_hears_of_it(show: Show, mineru: Callable[[str], Path]) -> None:
    shown = show("reliability.md", 0, folder=mineru("0.1.3"))

    told = [event.to.name for event in shown["listener"]]
    assert told == ["starting", "ready", "stopping", "stopped"]
    assert not shown["engine"].alive()


def test_engines_take_turns(
    show: Show,
    mineru: Callable[[str], Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    servers = {build: LlamaServer.in_folder(mineru(build)) for build in ("0.1.2", "0.1.3")}

    show("reliability.md", 1, servers=servers, logs=tmp_path)

    asked = [" ".join(line.split()[:2]) for line in capsys.readouterr().out.splitlines() if line]
    assert asked == ["0.1.2 1", "0.1.2 2", "0.1.3 1", "0.1.3 2"]


def test_a_shared_cache_is_asked_for_room_first(show: Show, mineru: Callable[[str], Path]) -> None:
    shown = show("kv.md", 0, server=LlamaServer.in_folder(mineru("0.1.3")))

    seen = shown["admitting"].snapshot()
    assert len(shown["found"].tokens) == 128
    assert shown["grant"].answer == tuple(shown["answer"]["tokens"])
    assert (seen.decisions, seen.corrected) == ({"admitted": 2}, 0)
