from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.artifact import archive
from engine_ci.artifact.archive import Archive, Entry, Limits, Unpacked
from engine_ci.errors import OutsideError, VerificationError

if TYPE_CHECKING:
    from pathlib import Path


@given(st.integers(0, 1 << 40), st.integers(0, 1000), st.integers(1, 200), st.integers(1, 1 << 33))
def test_what_an_archive_may_become_is_bounded(
    size: int, always: int, ratio: int, total: int
) -> None:
    most = Limits(total_size=total, always=always, ratio=ratio).unpacked(size)

    assert most <= total
    assert most <= max(always, size * ratio)
    assert most in (total, always, size * ratio)


def test_a_file_is_written_once_however_it_is_called(tmp_path: Path) -> None:
    written = []

    def write(path: str) -> Unpacked:
        written.append(path)
        return Unpacked(path=tmp_path / path, size=1, sha256="0" * 64)

    files = {"a": Entry(path="a", size=1, fingerprint="x")}
    made = Archive(files, links={"b": "a"}, write=write)

    assert made.unpack("b") == made.unpack("a") == made.unpack("a")
    assert written == ["a"]
    assert made.entries["b"] == Entry(path="b", size=1, fingerprint="x", target="a")


def test_a_file_is_never_written_over_another(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("mine")

    with pytest.raises(FileExistsError):
        archive.write([b"theirs"], tmp_path / "a", executable=False)

    assert (tmp_path / "a").read_text() == "mine"


def test_damage_is_told_from_a_fault_of_this_machine() -> None:
    with (
        pytest.raises(VerificationError, match="x: the archive is truncated or damaged: no end"),
        archive.readable("x"),
    ):
        raise EOFError("no end")
    with pytest.raises(OutsideError, match="x cannot be unpacked"), archive.readable("x"):
        raise OSError(28, "No space left on device")


def test_the_name_of_a_member_is_shown_with_escapes() -> None:
    error = archive.member_refused("x", "a\x1b[2J", "it is strange")

    assert error.message == r"x: the member 'a\x1b[2J' is refused: it is strange"
