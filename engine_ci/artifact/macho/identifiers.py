"""Pure. The identifier that `codesign` gives to code when it is told none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine_ci.artifact.macho.commands import LC
from engine_ci.errors import MachOError

if TYPE_CHECKING:
    from engine_ci.artifact.macho.layout import Slice

_UUID_AT = 8


def default(name: str, image: Slice) -> str:
    """The file's name without extension and version; its UUID after it when no dot is left.

    Args:
        name: of the file, without folders.
        image: whose LC_UUID tells namesakes apart.

    Raises:
        MachOError: there is no UUID to tell them apart.
    """
    stem, dot, extension = name.rpartition(".")
    plain = stem if dot and not extension.isdecimal() else name
    unversioned = _unversioned(plain)
    if "." in unversioned:
        return unversioned
    uuid = image.one(LC.UUID)
    if uuid is None:
        raise MachOError(
            f"{name}: it has no UUID to be told apart by", hint="sign it with an identifier"
        )
    return f"{unversioned}-{(b'UUID' + image.body(uuid)[_UUID_AT:]).hex()}"


def _unversioned(name: str) -> str:
    """`libggml.0` of `libggml.0.20.2`: a number goes when a digit stands before its dot."""
    stem, _, number = name.rpartition(".")
    return _unversioned(stem) if number.isdecimal() and stem[-1:].isdecimal() else name
