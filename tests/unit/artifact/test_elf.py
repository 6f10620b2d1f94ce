"""ELF facts, of images made by hand and of damaged ones."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine_ci.artifact import elf, stamp
from engine_ci.errors import VerificationError
from tests.unit.artifact import elves

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = elves.image(
    needed=("liba.so.0", "libc.so.6"),
    soname="libtoy.so.1",
    runpath="$ORIGIN:$ORIGIN/../lib",
    numbers={elf.BACKEND: 1, "else": 2, elf.BUILD_NUMBER: 11434},
    texts={elf.COMMIT: b"86a2835\0"},
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "libtoy.so"


def test_the_loader_s_view_of_an_image(path: Path) -> None:
    path.write_bytes(WHOLE)

    assert elf.read(path) == elf.Image(
        machine="x86_64",
        soname="libtoy.so.1",
        needed=("liba.so.0", "libc.so.6"),
        runpath=("$ORIGIN", "$ORIGIN/../lib"),
        exports=frozenset({elf.BACKEND, elf.BUILD_NUMBER, elf.COMMIT}),
    )


def test_an_image_may_say_next_to_nothing(path: Path) -> None:
    path.write_bytes(elves.image(rpath="/opt", machine=elves.AARCH64))

    assert elf.read(path) == elf.Image(machine="aarch64", rpath=("/opt",))


def test_an_unheard_of_architecture_is_named_by_its_number(path: Path) -> None:
    path.write_bytes(elves.image(machine=9999))

    assert elf.read(path).machine == "machine 9999"


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x7fELF", WHOLE[:40]])
def test_something_else_is_refused_by_name(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    with pytest.raises(VerificationError, match=r"libtoy\.so"):
        elf.read(path)


def test_a_file_that_ends_before_what_the_loader_maps_is_refused(path: Path) -> None:
    path.write_bytes(WHOLE[:-1])

    sizes = f"expected {len(WHOLE)} bytes or more, found {len(WHOLE) - 1}"
    with pytest.raises(VerificationError, match=rf"libtoy\.so: cut off: {sizes}"):
        elf.read(path)


def test_more_segments_than_a_linker_writes_are_refused_unread(path: Path) -> None:
    """Each of them may lead to the same bytes, which would be read as often."""
    dynamic = WHOLE[64 + 56 : 64 + 2 * 56]
    content = bytearray(WHOLE + 0xFFFF * dynamic)
    struct.pack_into("<Q", content, 32, len(WHOLE))
    struct.pack_into("<H", content, 56, 0xFFFF)
    path.write_bytes(content)

    with pytest.raises(VerificationError, match="at most 128 program headers, found 65535"):
        elf.read(path)


@pytest.mark.parametrize("name", [b"\xff\xfe", b"lib\x1b[2J.so"])
def test_a_name_that_could_not_be_shown_is_refused(path: Path, name: bytes) -> None:
    path.write_bytes(elves.image(soname=name))

    with pytest.raises(VerificationError, match="not readable"):
        elf.read(path)


@pytest.mark.parametrize("relocated", [True, False])
def test_a_pointer_is_followed_in_relocations_and_in_bytes(path: Path, relocated: bool) -> None:
    path.write_bytes(elves.image(texts={"words": b"hello\0more\0"}, relocated=relocated))

    assert elf.pointed_text(path, "words") == "hello"


def test_a_text_without_end_is_none(path: Path) -> None:
    path.write_bytes(elves.image(texts={"words": b"x" * 64 + b"\0"}))

    assert elf.pointed_text(path, "words") is None


def test_a_pointer_to_nothing_is_none(path: Path) -> None:
    path.write_bytes(elves.image(numbers={"number": 7}, texts={"words": b"\0"}))

    assert elf.pointed_text(path, "words") is None
    assert elf.pointed_text(path, "number") is None
    assert elf.pointed_text(path, "absent") is None


def test_a_number_is_read_with_its_sign(path: Path) -> None:
    path.write_bytes(elves.image(numbers={"number": -7}))

    assert elf.stored_number(path, "number") == -7
    assert elf.stored_number(path, "absent") is None


def test_a_number_beyond_the_file_is_none(path: Path) -> None:
    whole = elves.image(numbers={"number": 7})
    path.write_bytes(whole[:-8])

    assert elf.stored_number(path, "number") is None


@given(
    edits=st.lists(
        st.tuples(st.integers(0, len(WHOLE) - 8), st.binary(min_size=1, max_size=8)),
        min_size=1,
        max_size=6,
    ),
    size=st.integers(0, len(WHOLE)),
)
@example(edits=[(18, b"\xff\xff")], size=len(WHOLE))
def test_damage_is_refused_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, edits: list[tuple[int, bytes]], size: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.so"
    content = bytearray(WHOLE)
    for place, value in edits:
        content[place : place + len(value)] = value
    path.write_bytes(content[:size] if size % 4 == 0 else content)

    try:
        image = elf.read(path)
        stamped = stamp.read({path: image.exports})
    except VerificationError:
        return

    assert all(name.isprintable() for name in (*image.needed, *image.runpath, image.soname or ""))
    assert stamped.build != 1
