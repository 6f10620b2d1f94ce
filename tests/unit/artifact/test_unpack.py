"""Unpacking, above all of archives that nobody should unpack."""

from __future__ import annotations

import contextlib
import hashlib
import stat
import warnings
import zipfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.artifact import unpack
from engine_ci.errors import Exit, OutsideError, VerificationError

if TYPE_CHECKING:
    from pathlib import Path


def archive(folder: Path, *members: tuple[zipfile.ZipInfo | str, bytes]) -> Path:
    path = folder / "toy.whl"
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        warnings.simplefilter("ignore")  # of duplicate names
        for info, content in members:
            made.writestr(info, content)
    return path


def member(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def unpack_all(path: Path, into: Path, limits: unpack.Limits | None = None) -> set[str]:
    with unpack.opened(path, into=into, limits=limits) as opened:
        for name in opened.entries:
            opened.unpack(name)
    return set(opened.entries)


def refusal(path: Path, into: Path, limits: unpack.Limits | None = None) -> str:
    with pytest.raises(VerificationError) as caught:
        unpack_all(path, into, limits)

    assert caught.value.exit_code == Exit.VERIFICATION
    return caught.value.message


def test_a_file_is_written_hashed_and_keeps_its_executable_bit(tmp_path: Path) -> None:
    path = archive(
        tmp_path,
        (member("bin/", stat.S_IFDIR | 0o755), b""),
        (member("bin/server", stat.S_IFREG | 0o755), b"run"),
        (member("bin/library", stat.S_IFREG | 0o666), b"load"),
    )

    with unpack.opened(path, into=tmp_path / "out") as opened:
        server, library = opened.unpack("bin/server"), opened.unpack("bin/library")

    assert sorted(opened.entries) == ["bin/library", "bin/server"]
    assert server.path.read_bytes() == b"run"
    assert (server.size, server.sha256) == (3, hashlib.sha256(b"run").hexdigest())
    assert stat.S_IMODE(server.path.stat().st_mode) == 0o755
    assert stat.S_IMODE(library.path.stat().st_mode) == 0o644


def test_only_what_is_asked_for_is_written_and_only_once(tmp_path: Path) -> None:
    path = archive(tmp_path, ("a", b"1"), ("b", b"2"))

    with unpack.opened(path, into=tmp_path / "out") as opened:
        first = opened.unpack("a")
        first.path.rename(tmp_path / "moved")
        second = opened.unpack("a")

    assert first == second
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    "name", ["../x", "/x", "a/../../x", "a\\x", "C:x", "a\x1bx", "../bin/llama-server"]
)
def test_a_member_that_would_land_elsewhere_is_refused_by_name(tmp_path: Path, name: str) -> None:
    path = archive(tmp_path, ("fine", b""), (name, b"evil"))

    message = refusal(path, tmp_path / "deep" / "out")

    assert ascii(name) in message
    assert not (tmp_path / "deep").exists()


def test_a_name_cut_short_by_a_null_byte_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path, ("ab_cd", b"x"))
    path.write_bytes(path.read_bytes().replace(b"ab_cd", b"ab\0cd"))

    assert "control characters" in refusal(path, tmp_path / "out")


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        (stat.S_IFLNK | 0o777, "symbolic link"),
        (stat.S_IFCHR | 0o666, "neither a file nor a folder"),
        (stat.S_IFIFO | 0o666, "neither a file nor a folder"),
        (stat.S_IFDIR | 0o755, "neither a file nor a folder"),
    ],
)
def test_only_files_are_unpacked(tmp_path: Path, mode: int, said: str) -> None:
    path = archive(tmp_path, (member("thing", mode), b"/etc/passwd"))

    assert said in refusal(path, tmp_path / "out")


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path, ("secret", b"x"))
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)

    assert "encrypted" in refusal(path, tmp_path / "out")


def test_a_rare_compression_method_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "toy.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as made:
        made.writestr("a", b"x")

    assert "compression method" in refusal(path, tmp_path / "out")


@pytest.mark.parametrize("second", ["a/b", "A/b", "a", "a/b/c"])
def test_a_member_that_hides_another_is_refused(tmp_path: Path, second: str) -> None:
    path = archive(tmp_path, ("a/b", b"1"), (second, b"2"))

    assert "hides it" in refusal(path, tmp_path / "out")


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (unpack.Limits(files=1), "2 files, expected at most 1"),
        (unpack.Limits(file_size=999), "1000 bytes, expected at most 999"),
        (unpack.Limits(total_size=1999), "2000 bytes, expected at most 1999"),
        (unpack.Limits(ratio=3), "times its own size, expected at most 3"),
    ],
)
def test_an_archive_that_would_fill_the_disk_is_refused(
    tmp_path: Path, limits: unpack.Limits, said: str
) -> None:
    path = archive(tmp_path, ("a", bytes(1000)), ("b", bytes(1000)))

    message = refusal(path, tmp_path / "out", limits)

    assert said in message
    assert not (tmp_path / "out").exists()


def test_a_page_instead_of_an_archive_is_named_as_one(tmp_path: Path) -> None:
    path = tmp_path / "toy.whl"
    path.write_bytes(b"\n<!DOCTYPE html><title>Please log in</title>")

    assert refusal(path, tmp_path) == "toy.whl: expected a zip archive, found an HTML page"


def test_something_else_than_an_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "toy.whl"
    path.write_bytes(b"\x7fELF")

    assert refusal(path, tmp_path) == "toy.whl: expected a zip archive, found something else"


def test_a_truncated_archive_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path, ("a", bytes(range(256))))
    path.write_bytes(path.read_bytes()[:-30])

    assert "truncated or damaged" in refusal(path, tmp_path / "out")


def test_a_flipped_bit_is_seen_by_the_checksum(tmp_path: Path) -> None:
    path = tmp_path / "toy.whl"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("a", b"some content")
    path.write_bytes(path.read_bytes().replace(b"some content", b"some c0ntent"))

    assert "Bad CRC-32" in refusal(path, tmp_path / "out")


def test_a_disk_that_cannot_be_written_is_not_the_archive_s_fault(tmp_path: Path) -> None:
    path = archive(tmp_path, ("a", b"x"))
    (tmp_path / "out").write_text("in the way")

    with pytest.raises(OutsideError, match=r"toy\.whl cannot be unpacked"):
        unpack_all(path, tmp_path / "out")


_sound = st.binary(max_size=200)


@given(
    content=_sound,
    edits=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=8),
    cut=st.integers(0, 400),
)
def test_damage_anywhere_is_refused_or_harmless(
    tmp_path_factory: pytest.TempPathFactory,
    content: bytes,
    edits: list[tuple[int, int]],
    cut: int,
) -> None:
    folder = tmp_path_factory.mktemp("damage")
    path = archive(folder, ("a/b", content), ("c", b"more"))
    damaged = bytearray(path.read_bytes())
    for place, value in edits:
        damaged[place % len(damaged)] = value
    path.write_bytes(damaged[: max(1, len(damaged) - max(0, cut - 200))])
    out = folder / "out"

    with contextlib.suppress(VerificationError):
        unpack_all(path, out)

    written = {file for file in folder.rglob("*") if file.is_file()} - {path}
    assert all(file.is_relative_to(out) for file in written)
