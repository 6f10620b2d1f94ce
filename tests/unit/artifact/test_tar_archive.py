"""Tar archives: as upstream's tools write them, and as an attacker would."""

from __future__ import annotations

import gzip
import hashlib
import lzma
import random
import stat
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest

from engine_ci.artifact import unpack
from engine_ci.artifact.archive import Entry, Limits
from engine_ci.errors import OutsideError
from tests.unit.artifact.archives import (
    END,
    padded,
    pax,
    refusal,
    tar_file,
    tar_header,
    tar_link,
    tar_member,
    unpack_all,
    xz_file,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LONG = "f" * 120


def test_files_are_written_hashed_and_keep_their_executable_bit_only(tmp_path: Path) -> None:
    path = tar_file(
        tmp_path,
        tar_header("llama-b1/", kind=tarfile.DIRTYPE, mode=0o700),
        tar_member("llama-b1/server", b"run", mode=0o6755),
        tar_member("llama-b1/library", b"load" * 200, mode=0o4666),
        tar_member("llama-b1/empty"),
    )

    with unpack.opened(path, name=path.name, into=tmp_path / "out") as opened:
        server = opened.unpack("llama-b1/server")
        library = opened.unpack("llama-b1/library")

    digest = hashlib.sha256(b"run").hexdigest()
    assert opened.entries["llama-b1/server"] == Entry(
        path="llama-b1/server", size=3, fingerprint=digest
    )
    assert sorted(opened.entries) == ["llama-b1/empty", "llama-b1/library", "llama-b1/server"]
    assert (server.path.read_bytes(), server.size, server.sha256) == (b"run", 3, digest)
    assert library.path.read_bytes() == b"load" * 200
    assert server.path.stat().st_mode == stat.S_IFREG | 0o755
    assert library.path.stat().st_mode == stat.S_IFREG | 0o644


def test_a_link_stands_for_the_file_that_it_leads_to_and_is_never_created(tmp_path: Path) -> None:
    path = tar_file(
        tmp_path,
        tar_link("./lib/libx.so", "libx.so.0"),
        tar_link("./lib/libx.so.0", "../lib/libx.so.0.1"),
        tar_member("./lib/libx.so.0.1", b"code"),
        tar_link("./bin/x", "./lib/libx.so.0.1", kind=tarfile.LNKTYPE),
    )

    with unpack.opened(path, name=path.name, into=tmp_path / "out") as opened:
        files = {name: opened.unpack(name) for name in opened.entries}

    real = files["lib/libx.so.0.1"]
    assert files == dict.fromkeys(
        ["lib/libx.so.0.1", "lib/libx.so", "lib/libx.so.0", "bin/x"], real
    )
    assert opened.entries["lib/libx.so"] == Entry(
        path="lib/libx.so", size=4, fingerprint=real.sha256, target="lib/libx.so.0.1"
    )
    assert opened.entries["lib/libx.so.0.1"].target is None
    assert [file for file in (tmp_path / "out").rglob("*") if not file.is_dir()] == [real.path]


@pytest.mark.parametrize("form", ["gnu", "pax", "ustar", "v7"])
def test_archives_of_the_system_s_tar_are_read(tmp_path: Path, form: str) -> None:
    long = "folder" * 11 + "/" + "name" * (6 if form == "v7" else 20)
    source = tmp_path / "source"
    (source / long).parent.mkdir(parents=True)
    (source / long).write_bytes(bytes(5000))
    (source / "b").write_text("b")
    (source / "b").chmod(0o755)
    (source / "a").symlink_to("b")
    (source / "c").hardlink_to(source / "b")
    path = tmp_path / "toy.tar.gz"
    subprocess.run(["tar", "-czf", path, f"--format={form}", "-C", source, "."], check=True)

    assert unpack_all(path, tmp_path / "out") == {long, "a", "b", "c"}
    assert (tmp_path / "out" / long).read_bytes() == bytes(5000)


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_and_foreign_attributes_are_read(tmp_path: Path, form: int) -> None:
    path = tmp_path / "toy.tar.xz"
    info = tarfile.TarInfo(f"{LONG}/é")
    info.pax_headers = {"LIBARCHIVE.xattr.com.apple.provenance": "AQIA", "mtime": "1.5"}
    link = tarfile.TarInfo(f"{LONG}/link")
    link.type, link.linkname = tarfile.SYMTYPE, f"../{LONG}/é"
    with tarfile.open(path, "w:xz", format=form, pax_headers={"comment": "of a commit"}) as made:
        made.addfile(info)
        made.addfile(link)

    with unpack.opened(path, name=path.name, into=tmp_path / "out") as opened:
        assert opened.entries[f"{LONG}/link"].target == f"{LONG}/é"


DEVICE = "it is neither a file, a folder nor a link"
HOSTILE: dict[str, tuple[list[bytes], str, str]] = {
    "climbs": ([tar_member("../x", b"evil")], "../x", "leaves the folder"),
    "climbs later": ([tar_member("a/../../x")], "a/../../x", "leaves the folder"),
    "climbs behind a dot": ([tar_member("./../x")], "./../x", "leaves the folder"),
    "absolute": ([tar_member("/etc/x")], "/etc/x", "absolute"),
    "absolute behind a dot": ([tar_member(".//etc/x")], ".//etc/x", "absolute"),
    "backslash": ([tar_member("..\\x")], "..\\x", "backslash"),
    "control": ([tar_member("a\x1bx")], "a\x1bx", "control characters"),
    "no UTF-8": ([tar_member("a\udcff")], "a\udcff", "control characters"),
    "no name": ([tar_member("")], "", "empty part"),
    "the folder itself": ([tar_member(".")], ".", "leaves the folder"),
    "a folder that climbs": ([tar_header("../", kind=tarfile.DIRTYPE)], "..", "leaves"),
    "too long": ([pax(("path", "xy/" * 600 + "y")), tar_member("x")], "xy/" * 600 + "y", "long"),
    "long name climbs": ([pax(("path", "../x")), tar_member("x")], "../x", "leaves the folder"),
    "GNU name climbs": (
        [tar_member("L", b"../x\0", kind=tarfile.GNUTYPE_LONGNAME), tar_member("x")],
        "../x", "leaves the folder",
    ),
    "link out": ([tar_link("a", "../x")], "a", "a link out of the archive"),
    "deep link out": ([tar_link("a/b", "../../x")], "a/b", "a link out of the archive"),
    "absolute link": ([tar_link("a", "/etc/passwd")], "a", "absolute path '/etc/passwd'"),
    "long link out": ([pax(("linkpath", "../x")), tar_link("a", "b")], "a", "a link out"),
    "hard link out": ([tar_link("a/b", "../x", kind=tarfile.LNKTYPE)], "a/b", "a link out"),
    "absolute hard link": ([tar_link("a", "/x", kind=tarfile.LNKTYPE)], "a", "absolute path"),
    "broken link": ([tar_link("liba.so", "liba.so.0")], "liba.so", "a broken link: 'liba.so.0'"),
    "circle": ([tar_link("a", "b"), tar_link("b", "a")], "a", "a link in a circle"),
    "to itself": ([tar_link("a", "a", kind=tarfile.LNKTYPE)], "a", "a link in a circle"),
    "folder link": ([tar_member("f/x"), tar_link("a", "f")], "a", "a link to the folder 'f'"),
    "through a link": ([tar_link("a", "b"), tar_member("a/x", b"evil")], "a/x", "hides it"),
    "over a link": ([tar_link("a", "b"), tar_member("a", b"evil")], "a", "hides it"),
    "link with content": (
        [tar_member("a", b"x", kind=tarfile.LNKTYPE, linkname="b")], "a", "content and is no file",
    ),
    "character device": ([tar_header("a", kind=tarfile.CHRTYPE)], "a", DEVICE),
    "block device": ([tar_header("a", kind=tarfile.BLKTYPE)], "a", DEVICE),
    "fifo": ([tar_header("a", kind=tarfile.FIFOTYPE)], "a", DEVICE),
    "contiguous": ([tar_header("a", kind=tarfile.CONTTYPE)], "a", DEVICE),
    "volume": ([tar_header("a", kind=b"V")], "a", DEVICE),
    "folder with content": ([tar_member("a", b"x", kind=tarfile.DIRTYPE)], "a", "and is no file"),
    "file called as a folder": ([pax(("path", "a/")), tar_member("a")], "a/", "as a folder"),
    "duplicate": ([tar_member("a"), tar_member("a")], "a", "hides it"),
    "duplicate behind a dot": ([tar_member("a"), tar_member("./a")], "a", "hides it"),
    "case": ([tar_member("a"), tar_member("A")], "A", "hides it"),
    "case of a folder": ([tar_member("b/a"), tar_member("B/b")], "B/b", "hides it"),
    "accents": ([tar_member("é"), tar_member("e\u0301")], "e\u0301", "hides it"),
    "under a file": ([tar_member("a"), tar_member("a/b")], "a/b", "hides it"),
    "GNU sparse": ([tar_header("a", kind=tarfile.GNUTYPE_SPARSE)], "a", "a sparse file"),
    "PAX sparse": (
        [pax(("path", "a"), ("GNU.sparse.realsize", "9" * 9)), tar_member("x")], "a", "sparse file",
    ),
    "star sparse": ([pax(("SCHILY.realsize", "999")), tar_member("x")], "PaxHeaders/x", "sparse"),
    "global name": (
        [pax(("path", "a"), kind=tarfile.XGLTYPE), tar_member("x")], "PaxHeaders/x", "told twice",
    ),
    "two names": ([pax(("path", "a"), ("path", "b")), tar_member("x")], "PaxHeaders/x", "path is"),
    "two sizes": ([pax(("size", "3")), tar_member("x", b"12")], "x", "its size is told twice"),
    "negative size": ([tar_header("x", size=-512)], "x", "it has -512 bytes"),
    "large": ([tar_header("x", size=1 << 40)], "x", f"it has {1 << 40} bytes, expected at most"),
    "large extension": (
        [tar_header("x", kind=tarfile.XHDTYPE, size=1 << 20)], "x", "extension has 1048576 bytes",
    ),
}  # fmt: skip


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("make", [tar_file, xz_file])
def test_a_hostile_member_is_refused_by_name_and_nothing_lands_outside(
    tmp_path: Path, hostile: str, make: Callable[..., Path]
) -> None:
    parts, name, said = HOSTILE[hostile]
    path = make(tmp_path, tar_member("fine", b"content"), *parts)

    message = refusal(path, tmp_path / "out")

    assert message.startswith(f"{path.name}: the member {name!a} is refused: ")
    assert said in message


def damaged(header: bytes) -> bytes:
    return header.replace(b"ustar", b"Ustar")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (tar_member("a", b"x"), "its end is missing"),
        (tar_member("a", b"x") + bytes(512), "its end is missing"),
        (tar_member("a", bytes(600))[:-512], "its end is missing"),
        (tar_member("a", b"x") + bytes(512) + tar_member("b"), "something follows its end"),
        (tar_member("a", b"x") + END + tar_member("b") + END, "something follows its end"),
        (tar_member("a", b"x") + END + b"PK", "something follows its end"),
        (tar_member("a", b"x") + damaged(tar_member("b")) + END, "bad checksum"),
        (b"", "its end is missing"),
        (pax(("path", "a")) + END, "an extension of no member"),
        (pax(b"x path=a\n") + tar_member("a") + END, "an extension cannot be read"),
        (pax(b"99 path=a\n") + tar_member("a") + END, "an extension cannot be read"),
        (pax(b"1 path=a\n") + tar_member("a") + END, "an extension cannot be read"),
        (pax(b"10 path=ab") + tar_member("a") + END, "an extension cannot be read"),
        (pax(*[("k", "v")] * 257) + tar_member("a") + END, "an extension cannot be read"),
    ],
)
def test_a_damaged_archive_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "toy.tar.gz"
    path.write_bytes(gzip.compress(content))

    message = refusal(path, tmp_path / "out")

    assert message == f"toy.tar.gz: the archive is truncated or damaged: {said}"


def test_a_second_archive_behind_the_first_is_refused(tmp_path: Path) -> None:
    path = tar_file(tmp_path, tar_member("a"))
    path.write_bytes(path.read_bytes() + gzip.compress(tar_member("hidden") + END))

    assert "something follows its end" in refusal(path, tmp_path / "out")


def test_a_bomb_stops_at_the_bound_whatever_its_headers_say(tmp_path: Path) -> None:
    size = 3 << 20
    path = tar_file(tmp_path, tar_header("bomb", size=size), bytes(size))

    message = refusal(path, tmp_path / "out", Limits(ratio=10))

    assert message == "toy.tar.gz: it unpacks to more than 1048576 bytes, the most expected"
    assert (tmp_path / "out" / "bomb").stat().st_size <= 1 << 20


def test_zeros_behind_the_end_count_as_well(tmp_path: Path) -> None:
    path = tar_file(tmp_path, tar_member("a"), end=bytes(2 << 20))

    assert "unpacks to more than 1048576 bytes" in refusal(path, tmp_path / "out", Limits(ratio=1))


@pytest.mark.parametrize(
    "parts",
    [
        [tar_member(str(n)) for n in range(4)],
        [tar_header(str(n), kind=tarfile.DIRTYPE) for n in range(4)],
        [pax(("comment", "x"), kind=tarfile.XGLTYPE)] * 4,
    ],
)
def test_members_of_every_kind_are_counted(tmp_path: Path, parts: list[bytes]) -> None:
    path = tar_file(tmp_path, *parts)

    assert unpack_all(path, tmp_path / "enough", Limits(files=4)) is not None
    assert "more than 3 members" in refusal(path, tmp_path / "out", Limits(files=3))


def test_a_larger_archive_may_become_larger(tmp_path: Path) -> None:
    noise = random.Random(1).randbytes(1 << 16)
    path = tar_file(tmp_path, tar_member("a", noise * 2), tar_member("b", bytes(1 << 16)))

    assert unpack_all(path, tmp_path / "out", Limits(ratio=3, always=0)) == {"a", "b"}
    assert "unpacks to more than" in refusal(path, tmp_path / "less", Limits(ratio=1, always=0))


def test_xz_with_a_dictionary_beyond_the_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "toy.tar.xz"
    wanted = [{"id": lzma.FILTER_LZMA2, "dict_size": 64 << 20}]
    path.write_bytes(lzma.compress(tar_member("a") + END, filters=wanted))

    assert "limit" in refusal(path, tmp_path / "out")


def test_what_stands_in_the_way_is_not_written_over(tmp_path: Path) -> None:
    path = tar_file(tmp_path, tar_member("a", b"new"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").symlink_to(tmp_path / "victim")

    with pytest.raises(OutsideError, match=r"toy\.tar\.gz cannot be unpacked"):
        unpack_all(path, tmp_path / "out")

    assert not (tmp_path / "victim").exists()


def test_content_that_fills_its_blocks_has_no_padding(tmp_path: Path) -> None:
    path = tar_file(tmp_path, tar_member("a", bytes(1024)), tar_member("b", b"x"))

    assert padded(bytes(1024)) == bytes(1024)
    assert unpack_all(path, tmp_path / "out") == {"a", "b"}
