"""Images that were signed twice, and what differs then."""

from __future__ import annotations

import struct
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.artifact import macho_volatile, volatile
from engine_ci.artifact.macho import layout, sign
from engine_ci.artifact.macho.commands import LC
from engine_ci.errors import MachOError
from tests.unit.artifact import machos, signable
from tests.unit.artifact.macho import compiled

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine_ci.artifact.volatile import Volatile

SERVER = "server/llama-server"
COMPILED = [SERVER, "server/libllama.0.dylib", "chained/plugin.so", "x86_64.dylib", "fat.dylib"]
COMMIT = "d812350"


def found(content: bytes) -> Volatile:
    with TemporaryDirectory() as folder:
        path = Path(folder, "image")
        path.write_bytes(content)
        return macho_volatile.volatile(path)


def code(content: bytes, *, commit: str = COMMIT) -> str:
    with TemporaryDirectory() as folder:
        path = Path(folder, "image")
        path.write_bytes(content)
        return volatile.code_sha256(path, macho_volatile.volatile(path), commit=commit)


def signed(content: bytes, *, identifier: str = "llama-server") -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder, "image")
        path.write_bytes(content)
        sign.rewrite(path, path, identifier=identifier)
        return path.read_bytes()


def with_uuid(content: bytes, uuid: bytes) -> bytes:
    """Another UUID, in each image of a file."""
    changed = bytearray(content)
    for image in layout.slices(content):
        for command in image.all(LC.UUID):
            begin = image.offset + command.offset + 8
            changed[begin : begin + 16] = uuid
    return bytes(changed)


@pytest.mark.parametrize("name", COMPILED)
def test_another_uuid_and_the_signature_over_it_are_no_code(name: str) -> None:
    one, other = (signed(with_uuid(compiled.images()[name], bytes([n]) * 16)) for n in (1, 2))

    assert one != other
    assert code(one) == code(other)


@pytest.mark.parametrize("name", [SERVER, "chained/plugin.so"])
def test_how_long_a_signature_is_does_not_count(name: str) -> None:
    short, long = (signed(compiled.images()[name], identifier="x" * n) for n in (4, 20_000))

    assert len(short) < len(long)
    assert code(short) == code(long)


def test_who_signed_does_not_count() -> None:
    linker_signed = compiled.images()[SERVER]
    ours = signed(linker_signed)

    assert linker_signed != ours
    assert code(linker_signed) == code(ours)


@pytest.mark.parametrize("name", COMPILED)
def test_one_byte_of_code_counts(name: str) -> None:
    content = compiled.images()[name]
    for image in layout.slices(content):
        section = next(each for segment in image.segments for each in segment.sections if each.size)
        changed = bytearray(content)
        changed[image.offset + section.offset] ^= 1

        assert code(signed(bytes(changed))) != code(signed(content))


@given(
    name=st.sampled_from(COMPILED),
    place=st.integers(0, 1 << 20) | st.integers(0, 1 << 12),
    bit=st.integers(0, 7),
)
def test_no_byte_outside_of_what_is_set_aside_can_change_unnoticed(
    name: str, place: int, bit: int
) -> None:
    content = compiled.images()[name]
    place %= len(content)
    aside = any(place in each for each in found(content).ranges)
    changed = bytearray(content)
    changed[place] ^= 1 << bit
    try:
        there = code(bytes(changed))
    except MachOError:
        return
    assert aside or there != code(content)


@pytest.mark.parametrize("name", COMPILED)
def test_what_is_set_aside_holds_nothing_of_a_section(name: str) -> None:
    content = compiled.images()[name]
    places = found(content).ranges
    sections = [
        range(image.offset + section.offset, image.offset + section.offset + section.size)
        for image in layout.slices(content)
        for segment in image.segments
        for section in segment.sections
    ]

    assert sections
    for place in places:
        assert all(place.stop <= each.start or each.stop <= place.start for each in sections)


def stamped(commit: bytes, *, kind: int = 2) -> bytes:
    """An image that has its commit among its texts."""
    texts = machos.section("__cstring", offset=0x900, size=64, kind=kind)
    content = bytearray(
        machos.image(
            machos.segment("__TEXT", texts),
            machos.segment("__LINKEDIT", offset=machos.LINKEDIT_AT, size=16),
            linkedit=bytes(16),
        )
    )
    content[0x900:0x940] = (b"%%s: %%d\0%s\0%s-dirty\0" % (commit, commit)).ljust(64, b"\0")
    return bytes(content)


def test_the_commit_among_the_texts_is_no_code() -> None:
    assert code(stamped(b"d812350")) == code(stamped(b"0a1b2c3"), commit="0a1b2c3")
    assert code(stamped(b"d812350")) != code(stamped(b"0a1b2c3"))


def numbered(
    number: int,
    *,
    place: int = 0xF00,
    protection: int = 3,
    info: bool = False,
    reexported: bool = False,
) -> bytes:
    """An image that exports its build number, which is stored at `place`."""
    node = b"\x08\0" if reexported else b"\0" + machos.uleb(place)
    trie = machos.trie({"_LLAMA_BUILD_NUMBER": node, "_llama_init": b"\0\0"})
    if info:
        command, linkedit = machos.dyld_info(export=trie)
    else:
        command, linkedit = machos.data(LC.DYLD_EXPORTS_TRIE, len(trie)), trie
    data = bytearray(machos.segment("__DATA", offset=0xE00, size=0x200))
    struct.pack_into("<2I", data, 56, protection, protection)
    content = bytearray(
        machos.image(
            machos.segment("__TEXT", size=0xE00),
            bytes(data),
            machos.segment("__LINKEDIT", offset=machos.LINKEDIT_AT, size=len(linkedit)),
            command,
            linkedit=linkedit,
        )
    )
    struct.pack_into("<I", content, place, number)
    return bytes(content)


@pytest.mark.parametrize("info", [False, True])
def test_the_build_number_is_no_code(info: bool) -> None:
    one, other = (numbered(number, info=info) for number in (11434, 11435))

    assert one != other
    assert code(one) == code(other)


def passed_on() -> bytes:
    return numbered(1, reexported=True)


def in_code() -> bytes:
    return numbered(1, protection=5)


def in_the_first_segment() -> bytes:
    return numbered(1, place=0xD00)


def past_its_segment() -> bytes:
    return numbered(1, place=0xFFE)


@pytest.mark.parametrize("lying", [passed_on, in_code, in_the_first_segment, past_its_segment])
def test_a_number_that_might_be_more_than_one_counts(lying: Callable[[], bytes]) -> None:
    assert [len(each) for each in found(numbered(1)).ranges] == [4]
    assert found(lying()).ranges == ()


def test_a_commit_elsewhere_counts() -> None:
    one, other = (stamped(commit, kind=0) for commit in (b"d812350", b"0a1b2c3"))

    assert code(one) != code(other, commit="0a1b2c3")


def no_signature(content: bytes) -> bytes:
    image = signable.only(content)
    command = next(image.all(LC.CODE_SIGNATURE))
    offset, _ = struct.unpack_from("<2I", content, command.offset + 8)
    changed = bytearray(content)
    changed[offset] ^= 1
    return bytes(changed)


def before_the_end(content: bytes) -> bytes:
    """The signature is said to be shorter than the room to the end of the file."""
    image = signable.only(content)
    command = next(image.all(LC.CODE_SIGNATURE))
    (size,) = struct.unpack_from("<I", content, command.offset + 12)
    changed = bytearray(content)
    struct.pack_into("<I", changed, command.offset + 12, size - 16)
    return bytes(changed)


def in_the_code(content: bytes) -> bytes:
    """It is said to begin in the code."""
    image = signable.only(content)
    command = next(image.all(LC.CODE_SIGNATURE))
    changed = bytearray(content)
    struct.pack_into("<2I", changed, command.offset + 8, 0x900, len(content) - 0x900)
    changed[0x900:0x904] = (0xFADE0CC0).to_bytes(4)
    return bytes(changed)


def beyond_linkedit(content: bytes) -> bytes:
    """More follows than the last segment holds."""
    return content + bytes(16)


def without_linkedit(content: bytes) -> bytes:
    return content.replace(b"__LINKEDIT", b"__LINKEDIX")


@pytest.mark.parametrize(
    "lying", [no_signature, before_the_end, in_the_code, beyond_linkedit, without_linkedit]
)
def test_a_signature_that_might_be_more_than_one_counts(lying: Callable[[bytes], bytes]) -> None:
    content = signed(signable.image())

    assert len(found(content).ranges) == 5
    assert len(found(lying(content)).ranges) == 1
