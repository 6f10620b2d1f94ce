from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine_ci.artifact.macho import code_directory, signature, superblob
from engine_ci.artifact.macho.code_directory import ADHOC, LINKER_SIGNED, ExecSegment
from engine_ci.artifact.macho.commands import LC
from engine_ci.artifact.macho.superblob import EMPTY_REQUIREMENTS, BlobHead, Slot
from engine_ci.errors import MachOError
from tests.unit.artifact import machos, signable

if TYPE_CHECKING:
    from pathlib import Path

    from engine_ci.artifact.macho.signature import Signature


def read(blobs: dict[int, bytes], *, room: int = 0) -> Signature | None:
    built = superblob.build(blobs)
    command = machos.data(LC.CODE_SIGNATURE, room or len(built))
    return signature.read(signable.only(machos.image(command, linkedit=built)))


def directory(flags: int = ADHOC) -> bytes:
    return code_directory.build(
        identifier="a", flags=flags, page_size=0x1000, code_limit=machos.LINKEDIT_AT, special={},
        pages=bytes(32), exec_segment=ExecSegment(0, 0, 0),
    )  # fmt: skip


def weaker() -> bytes:
    raw = bytearray(directory(flags=0)[:-12])
    raw[4:8] = len(raw).to_bytes(4)
    raw[36:38] = bytes([20, 1])
    return bytes(raw)


def cms(content: bytes) -> bytes:
    return superblob.BLOB_HEAD.pack(BlobHead(0xFADE0B01, 8 + len(content))) + content


def test_an_image_may_have_no_signature() -> None:
    assert signature.read(signable.only(machos.image())) is None


def test_what_codesign_leaves_is_read(tmp_path: Path) -> None:
    raw = signable.signed(tmp_path).read_bytes()

    found = signature.read(signable.only(raw))

    assert found is not None
    assert [blob.slot for blob in found.blobs] == [0, 2, 0x10000]
    assert (found.offset + found.room, bytes(found.sealed[2])) == (len(raw), EMPTY_REQUIREMENTS)
    assert (found.ad_hoc, found.linker_signed, found.has_certificate) == (True, False, False)
    assert found.cdhash == found.directory.cdhash


def test_a_linker_says_so() -> None:
    found = read({Slot.CODE_DIRECTORY: directory(ADHOC | LINKER_SIGNED)})

    assert found is not None
    assert found.linker_signed


def test_a_certificate_says_so() -> None:
    found = read({Slot.CODE_DIRECTORY: directory(0), Slot.CMS: cms(b"certificate")})

    assert found is not None
    assert (found.ad_hoc, found.has_certificate) == (False, True)


def test_the_directory_with_the_strongest_hashes_counts() -> None:
    found = read({Slot.CODE_DIRECTORY: weaker(), superblob.ALTERNATES[0]: directory()})

    assert found is not None
    assert [each.algorithm.name for each in found.directories] == ["sha1", "sha256"]
    assert found.cdhash == found.directories[1].cdhash


def test_a_signature_without_a_code_directory_is_refused() -> None:
    with pytest.raises(MachOError, match="expected a code directory, found none"):
        read({Slot.CMS: cms(b"")})


def test_a_signature_larger_than_any_is_refused() -> None:
    command = machos.data(LC.CODE_SIGNATURE, (1 << 26) + 1)
    raw = machos.image(command, linkedit=bytes((1 << 26) + 1))

    with pytest.raises(MachOError, match="at most 67108864 bytes, found 67108865"):
        signature.read(signable.only(raw))


def test_a_signature_beyond_the_image_is_refused() -> None:
    with pytest.raises(MachOError, match="CODE_SIGNATURE: expected 1000 bytes"):
        read({Slot.CODE_DIRECTORY: directory()}, room=1000)


def test_an_info_plist_is_found_in_its_section() -> None:
    image = signable.only(signable.image(plist=b"<plist/>"))

    section = signature.info_plist(image)

    assert section is not None
    assert bytes(image.data[section.offset :][: section.size]) == b"<plist/>"
    assert signature.info_plist(signable.only(signable.image())) is None
