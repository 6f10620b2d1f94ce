"""Processes that work for this one, and end when it does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from engine_ci.cli import workers
from engine_ci.errors import Exit

if TYPE_CHECKING:
    from collections.abc import Iterator


def doubled(number: int) -> int:
    return 2 * number


def waiting(folder: Path) -> None:
    """Says that it has begun, and that it was undone."""
    (folder / "begun").touch()
    try:
        threading.Event().wait(60)
    finally:
        (folder / "undone").touch()


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The statuses that this process would have ended with."""
    statuses: list[int] = []
    monkeypatch.setattr(os, "_exit", statuses.append)
    return statuses


@pytest.fixture
def own_handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_what_was_worked_out_comes_back() -> None:
    with workers.pool(1) as pool:
        futures = [workers.submit(pool, doubled, number) for number in range(3)]

        assert [future.result() for future in futures] == [0, 2, 4]


def test_whoever_leaves_early_stops_what_was_begun(tmp_path: Path) -> None:
    def leave() -> None:
        with workers.pool(1) as pool:
            workers.submit(pool, waiting, tmp_path)
            until = time.monotonic() + 60
            while not (tmp_path / "begun").exists() and time.monotonic() < until:
                time.sleep(0.02)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        leave()

    assert (tmp_path / "undone").exists()


def test_workers_end_when_whoever_they_work_for_is_killed(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path\n"
        "from engine_ci.cli import workers\n"
        "from tests.unit.cli.test_workers import waiting\n"
        "if __name__ == '__main__':\n"
        "    with workers.pool(1) as pool:\n"
        f"        workers.submit(pool, waiting, Path({str(tmp_path)!r})).result()\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    root = str(Path(__file__).parents[3])
    child = subprocess.Popen([sys.executable, script], env=os.environ | {"PYTHONPATH": root})
    until = time.monotonic() + 60
    while not (tmp_path / "begun").exists() and time.monotonic() < until:
        time.sleep(0.02)
    family = psutil.Process(child.pid).children(recursive=True)
    child.kill()
    child.wait()

    _, alive = psutil.wait_procs(family, timeout=30)

    assert alive == []
    assert (tmp_path / "undone").exists()


@pytest.mark.usefixtures("own_handlers")
def test_a_worker_is_deaf_to_ctrl_c_and_leaves_when_it_is_told_to(ended: list[int]) -> None:
    reading, writing = os.pipe()

    class End:
        """The end of a pipe, as `multiprocessing` has it."""

        def recv_bytes(self) -> bytes:
            os.read(reading, 1)
            raise EOFError

    workers._begin(End())  # type: ignore[arg-type]  # the one method that is used
    signal.raise_signal(signal.SIGINT)
    assert ended == []
    os.close(writing)
    until = time.monotonic() + 10
    while not ended and time.monotonic() < until:
        time.sleep(0.01)

    assert ended == [Exit.TERMINATED]
    os.close(reading)


def test_work_that_is_stopped_ends_its_process_once_it_is_undone(ended: list[int]) -> None:
    def stopped(_: int) -> int:
        raise KeyboardInterrupt

    workers._unless_stopped(stopped, 1)

    assert workers._unless_stopped(doubled, 2) == 4
    assert ended == [Exit.TERMINATED]
