"""Two builds take turns on one host, in pairs, and each answers as itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from engine_ci.engine import supervisor
from engine_ci.engine.adapters.llama_server import LlamaServer
from engine_ci.engine.adapters.settings import Settings
from engine_ci.engine.swap import Paired, Request
from engine_ci.engine.swapping import served

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from engine_ci.engine.ready_engine import Engine

pytestmark = pytest.mark.engine

MODEL = Path(__file__).parents[2] / "fixtures" / "zoo" / "stable.gguf"


def test_builds_take_turns_in_pairs(mineru: Callable[[str], Path], tmp_path: Path) -> None:
    def launch(build: str) -> AbstractContextManager[Engine]:
        server = LlamaServer.in_folder(mineru(build))
        return supervisor.start(server, model=MODEL, settings=Settings(), log=tmp_path / build)

    requests = [
        Request(name=f"{build} {number}", engine=build, pair=str(number))
        for number in range(3)
        for build in ("0.1.2", "0.1.3")
    ]

    programs: dict[int, str] = {}
    asked = []
    for request, engine in served(requests, strategy=Paired(), launch=launch):
        alone = [pid for pid in programs if psutil.pid_exists(pid)]
        assert alone in ([], [engine.pid])
        engine.client.complete("Hello", count=1)
        programs[engine.pid] = psutil.Process(engine.pid).exe()
        asked.append(request.engine)

    assert asked == ["0.1.2", "0.1.3", "0.1.3", "0.1.2", "0.1.2", "0.1.3"]
    assert len(programs) == 4
    assert len(set(programs.values())) == 2
