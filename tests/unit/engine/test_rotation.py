"""A log stays bounded, and the engine that writes it notices nothing."""

from __future__ import annotations

import errno
import shutil
import threading
from typing import TYPE_CHECKING

from engine_ci.engine import process as processes
from engine_ci.engine import rotation

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.unit.engine.conftest import StandIn

LIMIT = 4096
# Until a file is there.
WRITES = """
from itertools import count, takewhile
for number in takewhile(lambda _: not os.path.exists({enough!r}), count()):
    print("line", number, flush=True)
"""


def test_what_is_too_long_is_cut_off_and_kept_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"a" * (LIMIT + 1))

    assert rotation.rotate(log, limit=LIMIT)

    assert log.read_bytes() == b""
    assert rotation.earlier(log).read_bytes() == b"a" * (LIMIT + 1)
    log.write_bytes(b"b" * (LIMIT + 2))
    assert rotation.rotate(log, limit=LIMIT)
    assert rotation.earlier(log).read_bytes() == b"b" * (LIMIT + 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log", "log.1"]


def test_what_is_short_or_not_there_is_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert not rotation.rotate(log, limit=LIMIT)
    log.write_bytes(b"a" * LIMIT)

    assert not rotation.rotate(log, limit=LIMIT)

    assert log.read_bytes() == b"a" * LIMIT
    assert not rotation.earlier(log).exists()


def test_on_a_full_disk_the_log_is_cut_off_without_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"a" * (LIMIT + 1))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)

    assert rotation.rotate(log, limit=LIMIT)

    assert log.read_bytes() == b""
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


def test_an_engine_goes_on_at_the_end_of_what_is_left(stand_in: StandIn, tmp_path: Path) -> None:
    log, enough = tmp_path / "log", tmp_path / "enough"
    process = processes.start(
        [str(stand_in(WRITES.format(enough=str(enough)))), "--port", "0"],
        cwd=tmp_path,
        env=processes.environment(tmp_path),
        log=log,
    )
    try:
        for _ in range(20):
            while not rotation.rotate(log, limit=LIMIT):
                assert not process.ended(within_s=0.001)
        # From here on nothing is cut off: what it says last has to be there.
        enough.touch()
        while "listening" not in log.read_text():
            assert not process.ended(within_s=0.001)
        said = log.read_text().splitlines()
    finally:
        process.stop(grace_s=0)

    assert "line 0" not in said
    assert "\0" not in "".join(said)
    assert said[-1].startswith("listening")


def test_a_log_is_watched_until_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, cut = tmp_path / "log", threading.Semaphore(0)
    rotate = rotation.rotate

    def seen(path: Path, *, limit: int) -> None:
        if rotate(path, limit=limit):
            cut.release()

    monkeypatch.setattr(rotation, "rotate", seen)
    with rotation.bounded(log, limit=LIMIT, every_s=0.001):
        for _ in range(2):
            log.write_bytes(b"a" * (LIMIT + 1))
            assert cut.acquire(timeout=60)
            assert log.read_bytes() == b""

    assert not [thread for thread in threading.enumerate() if thread.name == "log rotation"]
