"""Zip archives and wheels, above all those that nobody should unpack."""

from __future__ import annotations

import hashlib
import stat
import zipfile
import zlib
from typing import TYPE_CHECKING

import pytest

from engine_ci.artifact import unpack
from engine_ci.artifact.archive import Entry, Limits
from engine_ci.errors import OutsideError
from tests.unit.artifact.archives import refusal, unpack_all, zip_file, zip_link, zip_member

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_is_written_hashed_and_keeps_its_executable_bit(tmp_path: Path) -> None:
    path = zip_file(
        tmp_path,
        (zip_member("bin/", stat.S_IFDIR | 0o755), b""),
        (zip_member("bin/server", stat.S_IFREG | 0o6755), b"run"),
        (zip_member("bin/library", stat.S_IFREG | 0o666), b"load"),
    )

    with unpack.opened(path, name=path.name, into=tmp_path / "out") as opened:
        server, library = opened.unpack("bin/server"), opened.unpack("bin/library")

    assert sorted(opened.entries) == ["bin/library", "bin/server"]
    assert server.path.read_bytes() == b"run"
    assert (server.size, server.sha256) == (3, hashlib.sha256(b"run").hexdigest())
    assert stat.S_IMODE(server.path.stat().st_mode) == 0o755
    assert stat.S_IMODE(library.path.stat().st_mode) == 0o644


def test_only_what_is_asked_for_is_written_and_only_once(tmp_path: Path) -> None:
    path = zip_file(tmp_path, ("a", b"1"), ("b", b"2"))

    with unpack.opened(path, name=path.name, into=tmp_path / "out") as opened:
        first = opened.unpack("a")
        first.path.rename(tmp_path / "moved")
        second = opened.unpack("a")

    assert first == second
    assert list((tmp_path / "out").iterdir()) == []


def test_a_link_stands_for_the_file_that_it_leads_to_and_is_never_created(tmp_path: Path) -> None:
    path = zip_file(
        tmp_path,
        zip_link("lib/libx.so", "libx.so.0"),
        zip_link("lib/libx.so.0", "../lib/libx.so.0.1"),
        ("lib/libx.so.0.1", b"code"),
    )

    with unpack.opened(path, name=path.name, into=tmp_path / "out") as opened:
        files = {name: opened.unpack(name) for name in opened.entries}

    real = files["lib/libx.so.0.1"]
    assert files == dict.fromkeys(files, real)
    assert opened.entries["lib/libx.so"] == Entry(
        path="lib/libx.so",
        size=4,
        fingerprint=f"{zlib.crc32(b'code'):08x}",
        target="lib/libx.so.0.1",
    )
    assert [file for file in (tmp_path / "out").rglob("*") if not file.is_dir()] == [real.path]


DEVICE = "it is neither a file nor a folder"
PLAIN = stat.S_IFREG | 0o644
HOSTILE: dict[str, tuple[list[tuple[zipfile.ZipInfo | str, bytes]], str, str]] = {
    "climbs": ([("../x", b"evil")], "../x", "leaves the folder"),
    "climbs later": ([("a/../../x", b"evil")], "a/../../x", "leaves the folder"),
    "absolute": ([("/x", b"evil")], "/x", "absolute"),
    "backslash": ([("a\\x", b"evil")], "a\\x", "a backslash or a colon"),
    "drive": ([("C:x", b"evil")], "C:x", "a backslash or a colon"),
    "control": ([("a\x1bx", b"evil")], "a\x1bx", "control characters"),
    "link out": ([zip_link("a", "../x")], "a", "a link out of the archive"),
    "absolute link": ([zip_link("a", "/etc/passwd")], "a", "the absolute path '/etc/passwd'"),
    "broken link": ([zip_link("a.so", "a.so.0")], "a.so", "a broken link: 'a.so.0'"),
    "circle": ([zip_link("a", "b"), zip_link("b", "a")], "a", "a link in a circle"),
    "through a link": ([zip_link("a", "fine"), ("a/x", b"evil")], "a/x", "hides it"),
    "long link": ([zip_link("a", "x" * 1025)], "a", "it has 1025 bytes, expected at most 1024"),
    "no UTF-8": ([(zip_member("a", stat.S_IFLNK), b"\xff")], "a", "which is no plain path"),
    "device": ([(zip_member("a", stat.S_IFCHR), b"")], "a", DEVICE),
    "fifo": ([(zip_member("a", stat.S_IFIFO), b"")], "a", DEVICE),
    "folder called as a file": ([(zip_member("a", stat.S_IFDIR), b"")], "a", DEVICE),
    "folder that is a link": ([(zip_member("a/", stat.S_IFLNK), b"")], "a/", DEVICE),
    "folder with content": ([("a/", b"x")], "a/", "a folder with content"),
    "duplicate": ([("a", b"1"), ("a", b"2")], "a", "hides it"),
    "case": ([("a/b", b"1"), ("A/b", b"2")], "A/b", "hides it"),
    "accents": ([("é", b"1"), ("e\u0301", b"2")], "e\u0301", "hides it"),
    "under a file": ([("a", b"1"), ("a/b", b"2")], "a/b", "hides it"),
}  # fmt: skip


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_member_is_refused_by_name_and_nothing_is_written(
    tmp_path: Path, hostile: str
) -> None:
    members, name, said = HOSTILE[hostile]
    path = zip_file(tmp_path, ("fine", b""), *members)

    message = refusal(path, tmp_path / "out")

    assert message.startswith(f"toy.whl: the member {name!a} is refused: ")
    assert said in message
    assert not (tmp_path / "out").exists()


def test_a_name_cut_short_by_a_null_byte_is_refused(tmp_path: Path) -> None:
    path = zip_file(tmp_path, ("ab_cd", b"x"))
    path.write_bytes(path.read_bytes().replace(b"ab_cd", b"ab\0cd"))

    assert "control characters" in refusal(path, tmp_path / "out")


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    path = zip_file(tmp_path, ("secret", b"x"))
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\3\4") + 6] |= 1
    content[content.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)

    assert "'secret' is refused: it is encrypted" in refusal(path, tmp_path / "out")


def test_a_rare_compression_method_is_refused(tmp_path: Path) -> None:
    path = zip_file(tmp_path, ("a", b"x"), method=zipfile.ZIP_LZMA)

    assert "'a' is refused: its compression method is 14" in refusal(path, tmp_path / "out")


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (Limits(files=1), "2 files, expected at most 1"),
        (Limits(file_size=999), "1000 bytes, expected at most 999"),
        (Limits(total_size=1999), "2000 bytes, expected at most 1999"),
        (Limits(ratio=3, always=0), "it would unpack to 2000 bytes, expected at most"),
        (Limits(ratio=3, always=1999), "2000 bytes, expected at most 1999"),
    ],
)
def test_an_archive_that_would_fill_the_disk_is_refused(
    tmp_path: Path, limits: Limits, said: str
) -> None:
    path = zip_file(tmp_path, ("a", bytes(1000)), ("b", bytes(1000)))

    message = refusal(path, tmp_path / "out", limits)

    assert said in message
    assert not (tmp_path / "out").exists()


def test_a_member_is_never_more_than_the_directory_says(tmp_path: Path) -> None:
    path = zip_file(tmp_path, ("a", bytes(3000)))
    lie = (3000).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(lie, (10).to_bytes(4, "little")))

    assert "Bad CRC-32" in refusal(path, tmp_path / "out")
    assert (tmp_path / "out" / "a").stat().st_size <= 10


def test_a_flipped_bit_is_seen_by_the_checksum(tmp_path: Path) -> None:
    path = zip_file(tmp_path, ("a", b"some content"), method=zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"some content", b"some c0ntent"))

    assert "Bad CRC-32" in refusal(path, tmp_path / "out")


def test_a_disk_that_cannot_be_written_is_not_the_archive_s_fault(tmp_path: Path) -> None:
    path = zip_file(tmp_path, ("a", b"x"))
    (tmp_path / "out").write_text("in the way")

    with pytest.raises(OutsideError, match=r"toy\.whl cannot be unpacked"):
        unpack_all(path, tmp_path / "out")
