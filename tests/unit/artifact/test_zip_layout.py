"""A zip archive that two readers would understand in two ways is refused."""

from __future__ import annotations

import io
import struct
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.unit.artifact.archives import refusal, unpack_all, zip_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LOCAL, CENTRAL, END = b"PK\3\4", b"PK\1\2", b"PK\5\6"


class Pipe(io.BytesIO):
    """What cannot be sought in: sizes and checksums follow the bytes."""

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        raise OSError

    def seek(self, *_: int) -> int:
        raise OSError


def streamed(*, wide: bool) -> bytes:
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as made:
        for name in ("a", "b"):
            with made.open(name, "w", force_zip64=wide) as member:
                member.write(b"content" * 9)
    return pipe.getvalue()


def wide() -> bytes:
    """With sizes in the field of zip64, although they are small."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as opened, opened.open("a", "w", force_zip64=True) as member:
        member.write(b"content")
    return made.getvalue()


def with_foreign_field(content: bytes) -> bytes:
    """An unknown field before the one of zip64, for which its header and its offsets grow."""
    header = bytearray(content[:30])
    length = int.from_bytes(header[28:30], "little")
    header[28:30] = (length + 6).to_bytes(2, "little")
    directory = content.index(CENTRAL)
    end = bytearray(content[content.index(END) :])
    end[16:20] = (directory + 6).to_bytes(4, "little")
    field = struct.pack("<2H", 0x7777, 2) + b"xx"
    return bytes(header) + content[30:31] + field + content[31 : content.index(END)] + bytes(end)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(streamed(wide=False), id="streamed"),
        pytest.param(streamed(wide=True), id="streamed, wide"),
        pytest.param(wide(), id="wide"),
        pytest.param(with_foreign_field(wide()), id="with a foreign field"),
    ],
)
def test_what_writers_do_is_read(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "toy.zip"
    path.write_bytes(content)

    assert "a" in unpack_all(path, tmp_path / "out")


def test_a_name_that_is_not_ascii_is_read(tmp_path: Path) -> None:
    assert unpack_all(zip_file(tmp_path, ("é", b"x")), tmp_path / "out") == {"é"}


def test_names_of_old_writers_are_compared_in_their_own_encoding(tmp_path: Path) -> None:
    path = zip_file(tmp_path, ("ab_cd", b"x"))
    path.write_bytes(path.read_bytes().replace(b"ab_cd", b"ab\x82cd"))

    assert unpack_all(path, tmp_path / "out") == {"abécd"}


def test_an_archive_of_nothing_is_read(tmp_path: Path) -> None:
    assert unpack_all(zip_file(tmp_path), tmp_path / "out") == set()


def edited(at: bytes, offset: int, value: bytes) -> Callable[[bytes], bytes]:
    """Writes `value` at `offset` behind the first place of `at`."""

    def edit(content: bytes) -> bytes:
        place = content.index(at) + offset
        return content[:place] + value + content[place + len(value) :]

    return edit


def number(value: int, size: int = 4) -> bytes:
    return value.to_bytes(size, "little")


def moved(content: bytes) -> bytes:
    """With something before the first member, and a directory that knows of it."""
    directory = content.index(CENTRAL)
    grown = b"PK before\n" + content
    for at in range(len(grown)):
        if grown.startswith(CENTRAL, at):
            place = int.from_bytes(grown[at + 42 : at + 46], "little") + 10
            grown = grown[: at + 42] + number(place) + grown[at + 46 :]
    return edited(END, 16, number(directory + 10))(grown)


OTHER = "'a' is refused: its header is another than the directory says"
SIZES = "'a' is refused: its header gives another size or checksum than the directory"
WHERE = "its end does not say where its directory is"


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (edited(LOCAL, 30, b"z"), "'a' is refused: its header calls it b'z'"),
        (edited(LOCAL, 0, b"PK\3\5"), OTHER),
        (edited(LOCAL, 6, b"\x02"), OTHER),
        (edited(LOCAL, 8, b"\x08"), OTHER),
        (edited(LOCAL, 14, b"none"), SIZES),
        (edited(LOCAL, 18, number(2)), SIZES),
        (edited(LOCAL, 22, number(2)), SIZES),
        (edited(LOCAL, 22, number(0xFFFFFFFF)), SIZES),
        (edited(CENTRAL, 24, number(8)), SIZES),
        (edited(CENTRAL, 20, number(8)), SIZES),
        (edited(LOCAL, 28, number(999, 2)), "'a' is refused: it overlaps the next one"),
        (moved, "there is something before its first member"),
        (edited(END, 0, b"PK\5\7"), "it does not end as a zip archive without a comment does"),
        (lambda content: content + b"PK", "it does not end as a zip archive"),
        (lambda content: content[:20], "it does not end as a zip archive"),
        (lambda content: content[:-2] + b"\2\0hi", "it does not end as a zip archive"),
        (lambda content: content[:-2] + b"\2\0", WHERE),
        (edited(END, 4, b"\1"), WHERE),
        (edited(END, 8, b"\1"), WHERE),
        (edited(END, 12, number(1)), WHERE),
        (edited(END, 16, number(1)), WHERE),
        (lambda content: content[:10] + content, WHERE),
        (edited(END, 8, number(20_001, 2) * 2), "20001 files, expected at most 20000"),
        (edited(END, 8, number(1, 2) * 2), "its end counts 1 members, its directory has 2"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(
    tmp_path: Path, edit: Callable[[bytes], bytes], said: str
) -> None:
    path = zip_file(tmp_path, ("a", b"content"), ("b", b"more"), method=zipfile.ZIP_STORED)
    path.write_bytes(edit(path.read_bytes()))

    message = refusal(path, tmp_path / "out")

    assert said in message
    assert not (tmp_path / "out").exists()


def test_two_members_of_the_same_bytes_are_refused(tmp_path: Path) -> None:
    path = zip_file(tmp_path, ("a", b"content"), ("b", b"content"), method=zipfile.ZIP_STORED)
    content = path.read_bytes()
    second = content.index(CENTRAL, content.index(CENTRAL) + 1)
    path.write_bytes(content[: second + 42] + number(0) + content[second + 46 :])

    assert "it overlaps the next one" in refusal(path, tmp_path / "out")


def test_a_member_that_the_directory_does_not_know_is_refused(tmp_path: Path) -> None:
    path = zip_file(tmp_path, ("a", b"content"), ("b", b"hidden"), method=zipfile.ZIP_STORED)
    content = path.read_bytes()
    first, end = content.index(CENTRAL), content.index(END)
    second = content.index(CENTRAL, first + 1)
    told = bytearray(content[end:])
    told[8:16] = number(1, 2) * 2 + number(second - first)
    path.write_bytes(content[:second] + told)

    message = refusal(path, tmp_path / "out")

    assert "'a' is refused: something else than the directory says follows it" in message


def test_sizes_that_follow_the_bytes_must_be_those_of_the_directory(tmp_path: Path) -> None:
    path = tmp_path / "toy.zip"
    content = streamed(wide=False)
    path.write_bytes(edited(b"PK\7\10", 4, b"none")(content))

    assert "something else than the directory says" in refusal(path, tmp_path / "out")


def test_a_directory_that_zipfile_cannot_read_is_damage(tmp_path: Path) -> None:
    path = zip_file(tmp_path, ("a", b"content"))
    path.write_bytes(edited(CENTRAL, 0, b"PK\1\3")(path.read_bytes()))

    assert "truncated or damaged" in refusal(path, tmp_path / "out")
