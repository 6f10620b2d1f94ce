"""Reads what the first bytes of a GGUF file say of a model, bounded however the file lies."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, BinaryIO, Final

if TYPE_CHECKING:
    from pathlib import Path

_MAGIC: Final = b"GGUF"
_HEAD: Final = struct.Struct("<4sIQQ")  # magic, version, tensors, values
_STRING, _ARRAY = 8, 9
# Of the kinds of values, by their numbers, those of a fixed size.
_SIZES: Final = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_NUMBERS: Final = {4: "<I", 10: "<Q"}
_VALUES: Final = 1 << 10
_NAME: Final = 1 << 10
# A vocabulary comes after what we look for.
_WORDS: Final = 1 << 16
_FAR: Final = 1 << 40
_LENGTH: Final = ".context_length"


class _UnreadableError(Exception):
    """The file does not hold what it should hold here."""


def flaw(model: Path) -> str | None:
    """Why a file cannot be a model, as far as its first 24 bytes tell."""
    try:
        with model.open("rb") as stream:
            head = stream.read(_HEAD.size)
    except OSError as error:
        return f"{model}: not readable: {error.strerror}"
    if not head.startswith(_MAGIC):
        return f"{model}: expected a GGUF file, found one that begins with {head[:4]!r}"
    if len(head) < _HEAD.size:
        return f"{model}: expected a GGUF file, found only {len(head)} bytes of one"
    return None


def context_length(model: Path) -> int | None:
    """The tokens of context that a model was trained for; None where its file does not say."""
    try:
        with model.open("rb") as stream:
            return _context_length(stream)
    except (OSError, _UnreadableError):
        return None


def _context_length(stream: BinaryIO) -> int | None:
    _, _, _, values = _HEAD.unpack(_exactly(stream, _HEAD.size))
    for _ in range(min(values, _VALUES)):
        name = _exactly(stream, _number(stream, "<Q", most=_NAME)).decode(errors="replace")
        kind = _number(stream, "<I")
        if name.endswith(_LENGTH) and kind in _NUMBERS:
            return _number(stream, _NUMBERS[kind])
        _skip(stream, kind)
    return None


def _skip(stream: BinaryIO, kind: int) -> None:
    """Goes past one value."""
    if kind == _ARRAY:
        kind, count = _number(stream, "<I"), _number(stream, "<Q", most=_FAR)
        if kind in _SIZES:
            stream.seek(count * _SIZES[kind], os.SEEK_CUR)
        else:
            for _ in range(min(count, _WORDS)):
                _skip_string(stream, kind)
    elif kind in _SIZES:
        stream.seek(_SIZES[kind], os.SEEK_CUR)
    else:
        _skip_string(stream, kind)


def _skip_string(stream: BinaryIO, kind: int) -> None:
    if kind != _STRING:
        raise _UnreadableError
    stream.seek(_number(stream, "<Q", most=_FAR), os.SEEK_CUR)


def _number(stream: BinaryIO, form: str, *, most: int | None = None) -> int:
    (number,) = struct.unpack(form, _exactly(stream, struct.calcsize(form)))
    if most is not None and number > most:
        raise _UnreadableError
    return int(number)


def _exactly(stream: BinaryIO, size: int) -> bytes:
    found = stream.read(size)
    if len(found) < size:
        raise _UnreadableError
    return found
