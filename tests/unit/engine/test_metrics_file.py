"""A file of measurements is kept up to date while an engine runs."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from engine_ci.engine import metrics_file
from engine_ci.engine.states import Stopped
from engine_ci.errors import OutsideError
from engine_ci.system import documents
from tests.unit.engine.conftest import as_runtime

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import SimpleNamespace

SOON_S = 0.01
LATE_S = 60.0


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Waits until a file was written so often since the beginning."""
    done = threading.Semaphore(0)
    write = documents.write

    def counted(path: Path, content: str | bytes) -> None:
        try:
            write(path, content)
        finally:
            done.release()

    def wait(times: int) -> None:
        for _ in range(times):
            assert done.acquire(timeout=LATE_S)

    monkeypatch.setattr(documents, "write", counted)
    return wait


def test_the_file_is_there_at_once_follows_and_tells_the_end(
    stage: SimpleNamespace, tmp_path: Path, writes: Callable[[int], None]
) -> None:
    path = tmp_path / "metrics.prom"
    with metrics_file.kept(path, as_runtime(stage), name="small", every_s=SOON_S):
        assert 'runtime_restarts_total{engine="small"} 1.0' in path.read_text()
        stage.restarts = 2
        writes(3)
        assert 'runtime_restarts_total{engine="small"} 2.0' in path.read_text()
        stage.state, stage.engine = Stopped(), None

    assert 'runtime_health{engine="small",health="down"} 1.0' in path.read_text()
    assert "runtime_resident_bytes" not in path.read_text()


def test_a_disk_that_fills_later_keeps_no_engine_from_running(
    stage: SimpleNamespace, tmp_path: Path, writes: Callable[[int], None]
) -> None:
    folder = tmp_path / "metrics"
    folder.mkdir()
    with metrics_file.kept(folder / "m.prom", as_runtime(stage), name="small", every_s=SOON_S):
        folder.rename(tmp_path / "moved")
        folder.write_text("no folder any more")
        writes(3)


def test_a_place_where_nothing_can_be_written_is_said_at_once(
    stage: SimpleNamespace, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(OutsideError),
        metrics_file.kept(tmp_path / "file" / "m.prom", as_runtime(stage), name="small"),
    ):
        pass
