"""A file is hashed once, and again after all that may happen to it."""

from __future__ import annotations

import hashlib
import os
import time
from typing import TYPE_CHECKING

import pytest

from engine_ci.artifact.hashed import Hashed
from engine_ci.system import documents

if TYPE_CHECKING:
    from pathlib import Path

SECOND = 1_000_000_000
OLD, NEW = b"old", b"new"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "archive"
    path.write_bytes(OLD)
    return path


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files whose bytes were read, in order."""
    paths: list[Path] = []

    def sha256_of(path: Path) -> str:
        paths.append(path)
        return sha256(path.read_bytes())

    monkeypatch.setattr(documents, "sha256_of", sha256_of)
    return paths


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def later() -> int:
    return time.time_ns() + SECOND


def write_until_seen(path: Path, content: bytes) -> None:
    """Writes, and sets the time of writing back, until the file system's clock has ticked."""
    before = path.stat()
    while path.stat().st_ctime_ns == before.st_ctime_ns:
        path.write_bytes(content)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_an_untouched_file_is_read_once(file: Path, read: list[Path]) -> None:
    run = Hashed(now=later)

    assert [run.sha256(file), run.sha256(file)] == [sha256(OLD)] * 2
    assert read == [file]


def test_a_file_that_was_written_to_is_read_again_whatever_its_time_says(file: Path) -> None:
    run = Hashed(now=later)
    run.sha256(file)
    write_until_seen(file, NEW)

    assert run.sha256(file) == sha256(NEW)


def test_another_file_in_its_place_is_read(file: Path) -> None:
    run = Hashed(now=later)
    run.sha256(file)
    other = file.with_name("other")
    other.write_bytes(NEW)
    other.replace(file)

    assert run.sha256(file) == sha256(NEW)


def test_of_a_file_that_just_changed_nothing_is_remembered(file: Path, read: list[Path]) -> None:
    changed = file.stat().st_ctime_ns
    run = Hashed(now=lambda: changed + SECOND // 20)

    assert [run.sha256(file), run.sha256(file)] == [sha256(OLD)] * 2
    assert read == [file, file]


def test_of_a_file_that_changes_while_it_is_read_nothing_is_remembered(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sha256_of(path: Path) -> str:
        found = sha256(path.read_bytes())
        write_until_seen(path, NEW)
        return found

    run = Hashed(now=later)
    with monkeypatch.context() as patched:
        patched.setattr(documents, "sha256_of", sha256_of)
        run.sha256(file)

    assert run.sha256(file) == sha256(NEW)


def test_a_file_that_is_gone_has_no_hash(file: Path) -> None:
    run = Hashed(now=later)
    run.sha256(file)
    file.unlink()

    with pytest.raises(FileNotFoundError):
        run.sha256(file)
