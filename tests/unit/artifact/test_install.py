"""Installing, above all when somebody pulls the plug in the middle."""

from __future__ import annotations

import signal
import subprocess
import sys
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest

from engine_ci.artifact import install
from engine_ci.errors import UsageError
from engine_ci.records.bundle import RECORD

if TYPE_CHECKING:
    from pathlib import Path


def put(into: Path, content: str) -> None:
    with install.alone(into), install.replacing(into) as work:
        (work / "bundle" / "bin").mkdir(parents=True)
        (work / "bundle" / "bin" / "llama-server").write_text(content)
        (work / "bundle" / RECORD).write_text(content)


def found(into: Path) -> tuple[str, str]:
    return (into / "bin" / "llama-server").read_text(), (into / RECORD).read_text()


def beside(into: Path) -> set[str]:
    return {path.name for path in into.parent.iterdir()} - {into.name, f".{into.name}.lock"}


def test_a_bundle_is_put_into_a_new_place(tmp_path: Path) -> None:
    put(tmp_path / "a" / "bundle", "new")

    assert found(tmp_path / "a" / "bundle") == ("new", "new")
    assert beside(tmp_path / "a" / "bundle") == set()


def test_a_bundle_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    into = tmp_path / "bundle"
    put(into, "old")
    (into / "stale").touch()

    put(into, "new")

    assert found(into) == ("new", "new")
    assert not (into / "stale").exists()
    assert beside(into) == set()


def test_an_empty_folder_may_be_taken(tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()

    put(tmp_path / "bundle", "new")

    assert found(tmp_path / "bundle") == ("new", "new")


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_something_that_is_no_bundle_is_left_alone(tmp_path: Path, kind: str) -> None:
    into = tmp_path / "precious"
    precious = into / "thesis.txt" if kind == "folder" else into
    precious.parent.mkdir(exist_ok=True)
    precious.write_text("words")

    with pytest.raises(UsageError, match="no bundle"):
        put(into, "new")

    assert precious.read_text() == "words"
    assert beside(into) == set()


def test_a_failure_leaves_the_old_bundle_and_nothing_else(tmp_path: Path) -> None:
    into = tmp_path / "bundle"
    put(into, "old")

    with pytest.raises(FileNotFoundError), install.alone(into), install.replacing(into) as work:
        (work / "half" / "done").mkdir(parents=True)

    assert found(into) == ("old", "old")
    assert beside(into) == set()


def test_a_link_to_a_bundle_stays_a_link(tmp_path: Path) -> None:
    put(tmp_path / "real", "old")
    (tmp_path / "link").symlink_to("real")

    put(tmp_path / "link", "new")

    assert (tmp_path / "link").is_symlink()
    assert found(tmp_path / "real") == ("new", "new")


def test_a_second_run_waits_for_the_first(tmp_path: Path) -> None:
    into = tmp_path / "bundle"
    inside = Event()

    def second() -> None:
        inside.wait()
        put(into, "second")

    other = Thread(target=second)
    other.start()
    with install.alone(into), install.replacing(into) as work:
        inside.set()
        (work / "bundle" / "bin").mkdir(parents=True)
        (work / "bundle" / "bin" / "llama-server").write_text("first")
        (work / "bundle" / RECORD).write_text("first")
    other.join()

    assert found(into) == ("second", "second")


# Python tells an audit hook of every change to the file system just before it happens.
_KILLED = """
import os, pathlib, shutil, signal, sys
from engine_ci.artifact import install
from engine_ci.records.bundle import RECORD
steps = int(sys.argv[2])
if sys.argv[3] == "renames":
    install.exchange = lambda new, into: False
def hook(event, arguments):
    global steps
    if event in ("os.rename", "os.mkdir", "os.rmdir", "os.remove"):
        steps -= 1
        if steps < 0:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hook)
into = pathlib.Path(sys.argv[1])
with install.alone(into), install.replacing(into) as work:
    (work / "bundle" / "bin").mkdir(parents=True)
    (work / "bundle" / "bin" / "llama-server").write_text("new")
    (work / "bundle" / RECORD).write_text("new")
"""


@pytest.mark.parametrize("way", ["exchange", "renames"])
def test_a_run_killed_at_any_step_leaves_the_old_bundle_or_the_new_one(
    tmp_path: Path, way: str
) -> None:
    outcomes: list[str] = []
    status = -signal.SIGKILL
    while status == -signal.SIGKILL:
        into = tmp_path / str(len(outcomes)) / "bundle"
        put(into, "old")
        status = subprocess.run(
            [sys.executable, "-c", _KILLED, str(into), str(len(outcomes)), way], check=False
        ).returncode
        # Only between two renames is there a moment without a bundle in its place.
        there = into if way == "exchange" or into.exists() else into.with_name(".bundle.old")

        outcomes.append(found(there)[0])

        with pytest.raises(FileNotFoundError), install.alone(into), install.replacing(into):
            pass
        assert found(into)[0] == outcomes[-1]
        assert beside(into) == set()

    assert status == 0
    assert outcomes == sorted(outcomes, reverse=True)
    assert set(outcomes) == {"old", "new"}
    assert len(outcomes) > 6
