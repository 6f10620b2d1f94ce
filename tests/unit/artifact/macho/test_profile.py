from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine_ci.artifact.macho import code_directory, layout, profile, superblob
from engine_ci.artifact.macho.algorithms import SHA256
from engine_ci.artifact.macho.code_directory import ADHOC, LINKER_SIGNED, ExecSegment
from engine_ci.artifact.macho.commands import LC
from engine_ci.artifact.macho.superblob import EMPTY_CMS, EMPTY_REQUIREMENTS, Slot
from engine_ci.errors import MachOError
from tests.unit.artifact import machos, signable

if TYPE_CHECKING:
    from engine_ci.artifact.macho.code_directory import CodeDirectory
    from engine_ci.artifact.macho.layout import Slice
    from engine_ci.artifact.macho.profile import Profile


def directory(how: Profile) -> CodeDirectory:
    first, *_ = superblob.parse(memoryview(how.build(code_limit=1, pages=bytes(32))))
    return code_directory.parse(first.data)


def with_signature(blobs: dict[int, bytes], *, first: int = 0, room: int = 64) -> Slice:
    built = superblob.build(blobs, first=first)
    command = machos.data(LC.CODE_SIGNATURE, len(built) + room)
    return signable.only(machos.image(command, linkedit=built + bytes(room)))


def by_linker(
    *, flags: int = ADHOC | LINKER_SIGNED, special: dict[int, bytes] | None = None
) -> bytes:
    return code_directory.build(
        identifier="libggml.0.dylib", flags=flags, page_size=0x1000,
        code_limit=machos.LINKEDIT_AT, special=special or {}, pages=bytes(32),
        exec_segment=ExecSegment(0, 0x700, 0), hash_offset=0x70,
    )  # fmt: skip


def test_a_signature_of_ours_is_laid_out_as_one_of_codesign() -> None:
    how = profile.codesign(signable.only(signable.image()), identifier="libggml.0")

    blobs = superblob.parse(memoryview(how.build(code_limit=1, pages=b"p" * 32)))
    found = code_directory.parse(blobs[0].data)

    assert [(blob.slot, bytes(blob.data)) for blob in blobs[1:]] == [
        (2, EMPTY_REQUIREMENTS), (0x10000, EMPTY_CMS),
    ]  # fmt: skip
    assert (blobs[0].offset, found.hash_offset) == (36, 88 + len("libggml.0\0") + 64)
    assert (found.version, found.flags, found.identifier) == (0x20400, 0x2, "libggml.0")
    assert (found.special, found.pages) == ({2: SHA256.of(EMPTY_REQUIREMENTS)}, b"p" * 32)
    assert found.exec_segment == ExecSegment(0, machos.LINKEDIT_AT, 0)


def test_a_program_is_marked_as_one() -> None:
    image = signable.only(signable.image(filetype=layout.FileType.EXECUTE))

    assert profile.codesign(image, identifier="a").exec_segment.flags == 1


def test_an_image_without_text_has_no_executable_part() -> None:
    how = profile.codesign(signable.only(machos.image()), identifier="a")

    assert how.exec_segment == ExecSegment(0, 0, 0)


@pytest.mark.parametrize(
    ("cpu", "subtype", "page_size"),
    [(machos.ARM64, 0, 0x4000), (machos.ARM64, 2, 0x4000), (machos.X86_64, 3, 0x1000)],
)
def test_pages_are_as_large_as_the_processor_has_them(
    cpu: int, subtype: int, page_size: int
) -> None:
    image = signable.only(machos.image(cpu=cpu, subtype=subtype))

    assert profile.codesign(image, identifier="a").page_size == page_size


def test_an_info_plist_is_sealed() -> None:
    image = signable.only(signable.image(plist=b"<plist/>"))

    found = directory(profile.codesign(image, identifier="a"))

    assert found.special[Slot.INFO_PLIST] == SHA256.of(b"<plist/>")


@pytest.mark.parametrize(
    ("identifier", "code_limit", "room"),
    [
        # 36 bytes of index, 153 of directory, a hash, 20 of other blobs; 18,000 more, up to 16.
        ("libggml.0", 1, 18256),
        ("libggml.0" + "x" * 6, 1, 18256),
        ("libggml.0" + "x" * 7, 1, 18272),
        ("libggml.0", 0x4001, 18288),
    ],
)
def test_room_is_left_for_a_certificate_that_does_not_come(
    identifier: str, code_limit: int, room: int
) -> None:
    how = profile.codesign(signable.only(signable.image()), identifier=identifier)

    assert how.room_for(code_limit) == room


def test_what_a_linker_signed_keeps_its_places() -> None:
    how = profile.kept(with_signature({Slot.CODE_DIRECTORY: by_linker()}, first=24))

    found = directory(how)

    assert (found.identifier, found.flags, found.page_size) == ("libggml.0.dylib", 0x20002, 0x1000)
    assert (found.exec_segment, found.hash_offset) == (ExecSegment(0, 0x700, 0), 0x70)
    (blob,) = superblob.parse(memoryview(how.build(code_limit=1, pages=bytes(32))))
    assert blob.offset == 24
    assert how.room_for(1) == 24 + 0x70 + 32 + 64


def test_what_codesign_signed_keeps_its_blobs() -> None:
    requirements = EMPTY_REQUIREMENTS[:-1] + b"\1"
    blobs = {0: by_linker(flags=ADHOC), 2: requirements, 0x10000: EMPTY_CMS}

    how = profile.kept(with_signature(blobs))

    assert (how.sealed, how.cms) == ({2: requirements}, EMPTY_CMS)
    assert directory(how).special == {2: SHA256.of(requirements)}


def test_what_is_sealed_outside_of_the_image_stays_sealed() -> None:
    blob = by_linker(special={Slot.RESOURCES: b"r" * 32, Slot.REQUIREMENTS: b"old" + bytes(29)})

    how = profile.kept(with_signature({0: blob, 2: EMPTY_REQUIREMENTS}))

    assert directory(how).special == {
        Slot.REQUIREMENTS: SHA256.of(EMPTY_REQUIREMENTS),
        Slot.RESOURCES: b"r" * 32,
    }


def test_more_hashes_take_more_room_than_was_there() -> None:
    how = profile.kept(with_signature({Slot.CODE_DIRECTORY: by_linker()}, room=0))

    assert how.room_for(0x2000) == how.room + 32


def test_an_image_that_is_not_signed_has_no_profile() -> None:
    with pytest.raises(MachOError, match="expected a signed image, found one that is not"):
        profile.kept(signable.only(signable.image()))


@pytest.mark.parametrize(
    "blobs",
    [
        {Slot.CODE_DIRECTORY: by_linker(flags=0)},
        {Slot.CODE_DIRECTORY: by_linker(), superblob.ALTERNATES[0]: by_linker()},
    ],
)
def test_signatures_of_other_kinds_are_not_made_again(blobs: dict[int, bytes]) -> None:
    with pytest.raises(MachOError, match="found another kind") as caught:
        profile.kept(with_signature(blobs))

    assert caught.value.hint == "sign it anew"


@pytest.mark.parametrize("identifier", ["", "a\0b", "a\n", "\udcff"])
def test_an_identifier_can_be_written(identifier: str) -> None:
    with pytest.raises(MachOError, match="expected an identifier that can be written"):
        profile.codesign(signable.only(signable.image()), identifier=identifier)


def test_a_size_is_rounded_up() -> None:
    assert [profile.rounded(size, 16) for size in (0, 1, 16, 17)] == [0, 16, 16, 32]
