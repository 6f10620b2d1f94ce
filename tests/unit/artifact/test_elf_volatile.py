"""Libraries that the system's compiler made twice from the same code, and what differs then."""

from __future__ import annotations

import struct
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.artifact import elf, elf_layout, elf_volatile, volatile
from engine_ci.errors import VerificationError
from tests.unit.artifact import elves

if TYPE_CHECKING:
    from collections.abc import Callable

# As upstream's common/build-info.cpp, with ggml's stamp and a function beside it.
SOURCE = """
int LLAMA_BUILD_NUMBER = NUMBER;
char const * LLAMA_COMMIT = COMMIT;
char const * ggml_commit(void) { return COMMIT "-dirty"; }
int llama_build_number(void) { return LLAMA_BUILD_NUMBER; }
int answer(int question) { return question * FACTOR; }
__asm__(".section .comment,\\"MS\\",@progbits,1\\n.string \\"" COMPILER "\\"\\n.text");
"""


@cache
def library(
    *,
    number: int = 11434,
    commit: str = "d812350",
    factor: int = 42,
    compiler: str = "GNU 12.2.0",
    build_id: str = "11" * 20,
    debug: str = "",
) -> bytes:
    """A shared library with upstream's stamp."""
    with TemporaryDirectory() as folder:
        made, code = Path(folder, "libllama.so"), Path(folder, "build-info.c")
        code.write_text(SOURCE)
        defines = [
            f"-DNUMBER={number}",
            f'-DCOMMIT="{commit}"',
            f"-DFACTOR={factor}",
            f'-DCOMPILER="{compiler}"',
        ]
        flags = ["-O1", "-shared", "-fPIC", "-s", f"-Wl,--build-id=0x{build_id}"]
        subprocess.run(["cc", *flags, *defines, code, "-o", made], check=True)
        if debug:
            link = Path(folder, "libllama.so.debug")
            link.write_text(debug)
            subprocess.run(["objcopy", f"--add-gnu-debuglink={link}", made], check=True)
        return made.read_bytes()


def code(content: bytes, *, commit: str = "d812350") -> str:
    with TemporaryDirectory() as folder:
        path = Path(folder, "image")
        path.write_bytes(content)
        return volatile.code_sha256(path, elf_volatile.volatile(path), commit=commit)


def ranges(content: bytes) -> tuple[range, ...]:
    with TemporaryDirectory() as folder:
        path = Path(folder, "image")
        path.write_bytes(content)
        return elf_volatile.volatile(path).ranges


def build_id() -> bytes:
    return library(build_id="22" * 20)


def number() -> bytes:
    return library(number=11435)


def compiler() -> bytes:
    return library(compiler="GNU 12.2.1")


@pytest.mark.parametrize("again", [build_id, number, compiler])
def test_the_same_code_in_another_build_is_the_same(again: Callable[[], bytes]) -> None:
    assert library() != again()
    assert code(library()) == code(again())


def test_it_is_the_same_from_another_commit() -> None:
    assert code(library()) == code(library(commit="0a1b2c3"), commit="0a1b2c3")
    assert code(library()) != code(library(commit="0a1b2c3"))


def test_it_is_the_same_beside_other_debug_information() -> None:
    one, other = library(debug="one"), library(debug="other")

    assert one != other
    assert code(one) == code(other)


def test_one_instruction_makes_other_code() -> None:
    assert code(library()) != code(library(factor=43))


@given(place=st.integers(0, 1 << 20), bit=st.integers(0, 7))
def test_no_byte_outside_of_what_is_set_aside_can_change_unnoticed(place: int, bit: int) -> None:
    content = library()
    place %= len(content)
    aside = any(place in each for each in ranges(content))
    changed = bytearray(content)
    changed[place] ^= 1 << bit
    try:
        found = code(bytes(changed), commit="unknown")
    except VerificationError:
        return
    assert aside or found != code(content, commit="unknown")


def test_what_is_set_aside_holds_no_code() -> None:
    content = library()
    with TemporaryDirectory() as folder:
        path = Path(folder, "image")
        path.write_bytes(content)
        with elf_layout.opened(path) as layout:
            machine_code = [
                range(segment.offset, segment.offset + segment.size)
                for segment in layout.segments
                if segment.flags & elf_layout.EXECUTABLE and segment.kind == elf_layout.LOAD
            ]

    assert machine_code
    for place in ranges(content):
        assert all(place.stop <= each.start or each.stop <= place.start for each in machine_code)


def edited(content: bytes, **fields: tuple[int, str, int]) -> bytes:
    """An image with numbers put into it: where, in which form, what."""
    changed = bytearray(content)
    for place, form, value in fields.values():
        struct.pack_into(form, changed, place, value)
    return bytes(changed)


def sections(content: bytes) -> tuple[int, int]:
    """Where the table of sections is, and how many there are."""
    (table,) = struct.unpack_from("<Q", content, 40)
    (count,) = struct.unpack_from("<H", content, 60)
    return table, count


def comment(content: bytes) -> int:
    """Where the record of the section `.comment` is."""
    table, count = sections(content)
    (index,) = struct.unpack_from("<H", content, 62)
    (names,) = struct.unpack_from("<Q", content, table + 64 * index + 24)
    for place in range(table, table + 64 * count, 64):
        (name,) = struct.unpack_from("<I", content, place)
        if content.startswith(b".comment\0", names + name):
            return place
    raise AssertionError


def in_the_program(content: bytes) -> bytes:
    """Its `.comment` is said to lie where the code does."""
    return edited(content, offset=(comment(content) + 24, "<Q", 0x1000))


def loaded(content: bytes) -> bytes:
    return edited(content, flags=(comment(content) + 8, "<Q", 2))


def not_stored(content: bytes) -> bytes:
    return edited(content, kind=(comment(content) + 4, "<I", 8))


def without_sections(content: bytes) -> bytes:
    return edited(content, table=(40, "<Q", 0), count=(60, "<H", 0), names=(62, "<H", 0))


def sections_beyond_the_end(content: bytes) -> bytes:
    return edited(content, table=(40, "<Q", 1 << 40))


def other_sections(content: bytes) -> bytes:
    return edited(content, size=(58, "<H", 40))


@pytest.mark.parametrize(
    "lying",
    [
        in_the_program,
        loaded,
        not_stored,
        without_sections,
        sections_beyond_the_end,
        other_sections,
    ],
)
def test_a_comment_that_might_be_more_than_one_counts(lying: Callable[[bytes], bytes]) -> None:
    assert len(ranges(lying(library()))) == len(ranges(library())) - 1


@pytest.mark.parametrize("size", [65, 1 << 20])
def test_a_build_id_that_is_too_long_for_one_counts(size: int) -> None:
    content = library()
    head = content.index(struct.pack("<III4s", 4, 20, 3, b"GNU\0"))

    assert len(ranges(edited(content, size=(head + 4, "<I", size)))) == len(ranges(content)) - 1


def test_a_number_that_is_none_counts() -> None:
    data = elves.image(numbers={elf.BUILD_NUMBER: 11434})
    assert [len(each) for each in ranges(data)] == [4]

    size = data.index(struct.pack("<Q", 4), 64)
    assert ranges(edited(data, size=(size, "<Q", 8))) == ()
    address = size - 8
    assert ranges(edited(data, address=(address, "<Q", 1 << 40))) == ()
    assert ranges(edited(data, address=(address, "<Q", len(data) - 2))) == ()
    writable_code = 64 + 4
    assert ranges(edited(data, flags=(writable_code, "<I", 7))) == ()
