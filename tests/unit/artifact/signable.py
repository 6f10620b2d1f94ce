"""Small Mach-O images that can be signed: __TEXT, then a last __LINKEDIT of some pages."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from engine_ci.artifact.macho import layout, sign, verify
from engine_ci.artifact.macho.commands import LC
from tests.unit.artifact import machos

if TYPE_CHECKING:
    from pathlib import Path

    from engine_ci.artifact.macho.layout import Slice
    from engine_ci.artifact.macho.verify import Verified

TEXT_AT = 0x800
ROOM = TEXT_AT - layout.HEADER.size
ID = "@rpath/libggml.0.dylib"
BASE = "/build/libggml-base.dylib"
SYSTEM = "/usr/lib/libSystem.B.dylib"
UUID = bytes(range(16))


def image(
    *more: bytes,
    size: int = 40_001,
    cpu: int = machos.ARM64,
    filetype: int = layout.FileType.DYLIB,
    text_at: int = TEXT_AT,
    plist: bytes = b"",
) -> bytes:
    """A library, not signed.

    Args:
        more: commands besides.
        size: of __LINKEDIT, in bytes.
        cpu: of the header.
        filetype: of the header.
        text_at: where the code begins, behind the header and its room.
        plist: an Info.plist within __TEXT.
    """
    sections = [machos.section("__text", offset=text_at, size=machos.LINKEDIT_AT - text_at - 256)]
    if plist:
        sections.append(
            machos.section("__info_plist", offset=machos.LINKEDIT_AT - 256, size=len(plist))
        )
    content = bytearray(
        machos.image(
            machos.segment("__TEXT", *sections),
            machos.segment("__LINKEDIT", offset=machos.LINKEDIT_AT, size=size),
            *((machos.dylib(ID, LC.ID_DYLIB),) if filetype == layout.FileType.DYLIB else ()),
            machos.command(LC.UUID, UUID),
            machos.dylib(BASE),
            machos.dylib(SYSTEM),
            *more,
            linkedit=random.Random(0).randbytes(size),
            cpu=cpu,
            filetype=filetype,
        )
    )
    content[text_at : machos.LINKEDIT_AT - 256] = b"\xc3" * (machos.LINKEDIT_AT - 256 - text_at)
    place = machos.LINKEDIT_AT - 256
    content[place : place + len(plist)] = plist
    return bytes(content)


def signed(folder: Path, raw: bytes | None = None, *, identifier: str = "libggml") -> Path:
    """A file with the image, signed."""
    path = folder / "libggml.dylib"
    path.write_bytes(image() if raw is None else raw)
    sign.rewrite(path, path, identifier=identifier)
    return path


def only(raw: bytes) -> Slice:
    """The one image of a thin file."""
    (found,) = layout.slices(raw)
    return found


def verified(path: Path) -> Verified:
    """What is found in a thin file."""
    (found,) = verify.verify(path)
    return found
