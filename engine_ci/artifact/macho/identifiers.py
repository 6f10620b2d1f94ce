"""Pure. The identifier that `codesign` gives to code when it is told none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine_ci.artifact.macho import signature
from engine_ci.artifact.macho.commands import LC
from engine_ci.errors import MachOError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine_ci.artifact.macho.layout import Slice

_UUID_AT = 8
_EXTENSION = re.compile(r"\.[^.0-9][^.]*$")
_NUMBERS = re.compile(r"(?<=[^0-9.])(\.?[0-9]*)[0-9.]*$")
_HINT = "sign it with an identifier"


def default(name: str, images: Sequence[Slice]) -> str:
    """The file's name without extension and version; a UUID after it when no dot is left.

    All slices of a file get the same one: that of arm64, as codesign on such a Mac does it.

    Args:
        name: of the file, without folders.
        images: its slices.

    Raises:
        MachOError: codesign would take another from the image: an Info.plist, or no UUID is there.
    """
    image = next((each for each in images if each.arch == "arm64"), images[0])
    if signature.info_plist(image) is not None:
        raise MachOError("its Info.plist may name it", hint=_HINT)
    plain = _plain(name)
    if "." in plain:
        return plain
    uuid = image.one(LC.UUID)
    if uuid is None:
        raise MachOError("it has no UUID to tell it from others of its name", hint=_HINT)
    return f"{plain}-{(b'UUID' + image.body(uuid)[_UUID_AT:]).hex()}"


def _plain(name: str) -> str:
    """Without extension, and of numbers the first alone: `libggml.0` of libggml.0.20.2.dylib."""
    stem = _EXTENSION.sub("", name)
    return _NUMBERS.sub(r"\1", stem, count=1) if not re.match(r"[0-9.]", stem) else stem
