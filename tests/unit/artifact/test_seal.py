"""Is it still what was installed? Asked of a toy engine, after everything that may happen to it."""

from __future__ import annotations

import dataclasses
import os
import shutil
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from engine_ci.artifact import bundle, seal
from engine_ci.errors import UsageError
from tests.unit.artifact.wheels import Index, engine, ensured, request, wheel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine_ci.artifact.bundle import Request

SERVER = "bin/llama-server"


@pytest.fixture
def asked(index: Index, tmp_path: Path) -> Request:
    return request(tmp_path, index.publish(wheel(tmp_path, engine())))


def steps(asked: Request) -> list[str]:
    """What `ensure` had to do."""
    told: list[str] = []
    bundle.ensure(asked, phase=told.append)
    return told


def test_what_is_there_is_not_made_again(asked: Request) -> None:
    made = ensured(asked)

    assert steps(asked) == []
    assert ensured(asked) == made


def changed(into: Path) -> None:
    """One byte, the same size, the same time of change."""
    file = into / SERVER
    before = file.stat()
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def replaced_by_a_link(into: Path) -> None:
    file = into / SERVER
    file.rename(into.parent / "elsewhere")
    file.symlink_to(into.parent / "elsewhere")


def another_record(into: Path) -> None:
    changed(into)
    record = into / "bundle.json"
    record.write_text(record.read_text().replace('"why": "', '"why": "x'))


@pytest.mark.parametrize(
    "harm",
    [
        changed,
        another_record,
        replaced_by_a_link,
        lambda into: (into / SERVER).unlink(),
        lambda into: (into / SERVER).chmod(0o644),
        lambda into: (into / SERVER).chmod(0o4755),
        lambda into: (into / "lib").chmod(0o777),
        lambda into: (into / "bin" / "libextra.so").touch(),
        lambda into: (into / "bundle.json").write_text("{"),
        shutil.rmtree,
        lambda into: into.with_name(".bundle.seal").unlink(),
        lambda into: into.with_name(".bundle.seal").write_text("{}"),
    ],
    ids=[
        "changed", "changed with its record", "a link", "missing",
        "a program no more", "a set-id bit", "a folder of everybody's", "extra",
        "a broken record", "nothing there", "no seal", "a broken seal",
    ],
)  # fmt: skip
def test_what_is_not_whole_is_made_again(asked: Request, harm: Callable[[Path], object]) -> None:
    made = ensured(asked)
    harm(asked.into)

    assert steps(asked) == ["fetch", "unpack", "audit", "install"]
    assert ensured(asked) == made
    assert steps(asked) == []


def test_another_request_is_made_again(asked: Request) -> None:
    bundle.ensure(asked)

    other = dataclasses.replace(asked, keep=("__init__.py",))

    assert steps(other) != []
    assert (asked.into / "__init__.py").exists()
    assert steps(asked) != []
    assert not (asked.into / "__init__.py").exists()


def test_a_folder_that_lost_its_record_is_left_to_a_person(asked: Request) -> None:
    bundle.ensure(asked)
    (asked.into / "bundle.json").unlink()

    with pytest.raises(UsageError, match="something that is no bundle"):
        bundle.ensure(asked)


def test_a_copy_with_other_times_is_hashed_once_and_kept(asked: Request) -> None:
    bundle.ensure(asked)
    inode = (asked.into / SERVER).stat().st_ino
    shutil.copytree(asked.into, asked.into.with_name("copy"), copy_function=shutil.copyfile)
    shutil.rmtree(asked.into)
    asked.into.with_name("copy").rename(asked.into)
    (asked.into / SERVER).chmod(0o755)
    sealed = asked.into.with_name(".bundle.seal").read_text()

    assert (asked.into / SERVER).stat().st_ino != inode
    assert steps(asked) == []
    assert asked.into.with_name(".bundle.seal").read_text() != sealed


def test_two_at_once_do_the_work_once(asked: Request, index: Index) -> None:
    told: list[str] = []
    threads = [Thread(target=bundle.ensure, args=(asked,), kwargs={"phase": told.append})
               for _ in range(3)]  # fmt: skip

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert told == ["fetch", "unpack", "audit", "install"]
    assert len(index.downloads) == 1


def test_what_cannot_be_made_is_refused(asked: Request) -> None:
    with pytest.raises(UsageError):
        bundle.ensure(dataclasses.replace(asked, platform="macos-x64"))


def test_a_seal_says_nothing_of_another_request(asked: Request) -> None:
    bundle.ensure(asked)

    assert not seal.intact(asked.into, request="0" * 64)
