"""Reads facts of a GGUF's header: at once, where `gguf` takes seconds for a large vocabulary.

Of the format: `GGUF`, version, counts of tensors and of facts, then the facts, each a key, a type
and a value (ggml-org/ggml, docs/gguf.md).
"""

from __future__ import annotations

import mmap
import struct
from typing import TYPE_CHECKING, Any, Final

from gguf import GGUFValueType as Kind

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from pathlib import Path

_COUNTS_AT: Final = 8  # bytes
# Of a value that is neither a text nor an array.
_NUMBERS: Final = {
    Kind.UINT8: "B",
    Kind.INT8: "b",
    Kind.UINT16: "H",
    Kind.INT16: "h",
    Kind.UINT32: "I",
    Kind.INT32: "i",
    Kind.FLOAT32: "f",
    Kind.BOOL: "?",
    Kind.UINT64: "Q",
    Kind.INT64: "q",
    Kind.FLOAT64: "d",
}


class UnreadableError(Exception):
    """This is no header of a GGUF."""


def facts(path: Path, wanted: Container[str]) -> dict[str, Any]:
    """The values of those of the `wanted` keys that are there.

    Raises:
        UnreadableError: the header is cut off, or nonsense.
    """
    with path.open("rb") as file:
        try:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return {key: value for key, value in _Header(data).facts() if key in wanted}
        except (struct.error, ValueError, LookupError, OverflowError) as problem:
            raise UnreadableError(f"{path}: {problem}") from problem


class _Header:
    """Goes on from where it was read to."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self._at = _COUNTS_AT

    def facts(self) -> Iterator[tuple[str, object]]:
        _, count = self._numbers("Q", 2)
        for _ in range(count):
            yield self._text(), self._value()

    def _numbers(self, code: str, count: int = 1) -> tuple[Any, ...]:
        form = f"<{count}{code}"
        found = struct.unpack_from(form, self._data, self._at)
        self._at += struct.calcsize(form)
        return found

    def _text(self) -> str:
        (size,) = self._numbers("Q")
        self._at += size
        return self._data[self._at - size : self._at].decode(errors="replace")

    def _value(self) -> object:
        (kind,) = self._numbers("I")
        if kind != Kind.ARRAY:
            return self._values(kind, 1)[0]
        (kind,) = self._numbers("I")
        (count,) = self._numbers("Q")
        return self._values(kind, count)

    def _values(self, kind: int, count: int) -> list[object]:
        if kind == Kind.STRING:
            return [self._text() for _ in range(count)]
        return [*self._numbers(_NUMBERS[Kind(kind)], count)]
