"""Which kind an archive is of, and that damage of any kind is refused or harmless."""

from __future__ import annotations

import contextlib
import gzip
import lzma
import tarfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.artifact import unpack
from engine_ci.errors import VerificationError
from tests.unit.artifact.archives import (
    END,
    pax,
    refusal,
    tar_file,
    tar_header,
    tar_link,
    tar_member,
    unpack_all,
    xz_file,
    zip_file,
    zip_link,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def zipped(folder: Path) -> Path:
    return zip_file(folder, ("lib/x.so.1", b"code"), zip_link("lib/x.so", "x.so.1"), ("b", b"c"))


MEMBERS = (
    tar_header("lib/", kind=tarfile.DIRTYPE),
    pax(("path", "lib/x.so.1"), ("mtime", "1.5")),
    tar_member("cut", b"code", mode=0o755),
    tar_link("lib/x.so", "x.so.1"),
    tar_member("b", b"c"),
)


def gzipped(folder: Path) -> Path:
    return tar_file(folder, *MEMBERS)


def xzed(folder: Path) -> Path:
    return xz_file(folder, *MEMBERS)


def plain(folder: Path) -> Path:
    path = folder / "toy.tar"
    path.write_bytes(b"".join(MEMBERS) + END)
    return path


@pytest.mark.parametrize("make", [zipped, gzipped, xzed, plain])
@pytest.mark.parametrize("called", [".whl", ".zip", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar"])
def test_the_kind_is_told_by_the_bytes_and_the_name_must_agree(
    tmp_path: Path, make: Callable[[Path], Path], called: str
) -> None:
    kinds = {".whl": zipped, ".zip": zipped, ".tar.gz": gzipped, ".tgz": gzipped,
             ".tar": plain}  # fmt: skip
    path = make(tmp_path)

    with contextlib.ExitStack() as stack:
        if kinds.get(called, xzed) is not make:
            stack.enter_context(pytest.raises(VerificationError, match=f"{called}: expected an? "))
        with unpack.opened(path, name=f"toy{called}", into=tmp_path / "out") as opened:
            assert set(opened.entries) == {"lib/x.so.1", "lib/x.so", "b"}


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"\n<!DOCTYPE html><title>Please log in</title>", "an HTML page"),
        (b"<HTML>", "an HTML page"),
        (b"\x7fELF", "something else"),
        (b"", "something else"),
        (gzip.compress(b""), "a gzip archive"),
        (lzma.compress(b""), "an xz archive"),
    ],
)
def test_something_else_than_an_archive_is_named_as_what_it_is(
    tmp_path: Path, content: bytes, found: str
) -> None:
    path = tmp_path / "toy.whl"
    path.write_bytes(content)

    assert refusal(path, tmp_path / "out") == f"toy.whl: expected a zip archive, found {found}"


def test_a_name_that_no_archive_has_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "toy.7z"
    path.write_bytes(b"PK\3\4")

    assert "toy.7z: expected a name with one of the endings .whl, .zip, .tar.gz" in refusal(
        path, tmp_path / "out"
    )


def test_an_error_of_the_caller_is_not_taken_for_damage(tmp_path: Path) -> None:
    for path in (zipped(tmp_path), gzipped(tmp_path)):
        with (
            pytest.raises(ValueError, match="of the caller"),
            unpack.opened(path, name=path.name, into=tmp_path / path.suffix),
        ):
            raise ValueError("of the caller")


@pytest.mark.parametrize("make", [zipped, gzipped, xzed])
def test_an_archive_cut_anywhere_is_refused(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    path = make(tmp_path)
    whole = path.read_bytes()

    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert refusal(path, tmp_path / str(length))


def as_zip(content: bytes, folder: Path) -> Path:
    path = folder / "toy.zip"
    path.write_bytes(content)
    return path


def as_gzip(content: bytes, folder: Path) -> Path:
    path = folder / "toy.tar.gz"
    path.write_bytes(content)
    return path


def as_xz(content: bytes, folder: Path) -> Path:
    path = folder / "toy.tar.xz"
    path.write_bytes(content)
    return path


def as_tar(content: bytes, folder: Path) -> Path:
    """Damage below the compression, which its checksum does not see."""
    return as_gzip(gzip.compress(content, compresslevel=1), folder)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[Callable[[bytes, Path], Path], bytes]:
    folder = tmp_path_factory.mktemp("sound")
    return {
        as_zip: zipped(folder).read_bytes(),
        as_gzip: gzipped(folder).read_bytes(),
        as_xz: xzed(folder).read_bytes(),
        as_tar: b"".join(MEMBERS) + END,
    }


@pytest.mark.parametrize("store", [as_zip, as_gzip, as_xz, as_tar])
@given(
    edits=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=8),
)
def test_damage_anywhere_is_refused_or_harmless(
    tmp_path_factory: pytest.TempPathFactory,
    sound: dict[Callable[[bytes, Path], Path], bytes],
    store: Callable[[bytes, Path], Path],
    edits: list[tuple[int, int]],
) -> None:
    folder = tmp_path_factory.mktemp("damage")
    content = bytearray(sound[store])
    for place, value in edits:
        content[place % len(content)] = value
    path = store(bytes(content), folder)

    with contextlib.suppress(VerificationError):
        unpack_all(path, folder / "out")

    assert {place.name for place in folder.iterdir()} <= {path.name, "out"}
    assert not any(place.is_symlink() for place in folder.rglob("*"))


_names = st.sampled_from(["a", "A", "b", "a/b", "a/c", "../x", "./a"])
_kinds = st.sampled_from([tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE])
_links = st.sampled_from(["a", "b", "../a", "a/b", "../../x", "/x", "."])


@given(st.lists(st.tuples(_names, _kinds, _links), max_size=6))
def test_archives_of_any_members_are_unpacked_whole_or_refused(
    tmp_path_factory: pytest.TempPathFactory, members: list[tuple[str, bytes, str]]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    path = tar_file(
        folder,
        *(
            tar_member(name, b"content")
            if kind == tarfile.REGTYPE
            else tar_link(name, to, kind=kind)
            for name, kind, to in members
        ),
    )

    with contextlib.suppress(VerificationError):
        found = unpack_all(path, folder / "out")
        assert found == {
            name.removeprefix("./") for name, kind, _ in members if kind != tarfile.DIRTYPE
        }

    assert {place.name for place in folder.iterdir()} <= {path.name, "out"}
    assert not any(place.is_symlink() for place in folder.rglob("*"))
