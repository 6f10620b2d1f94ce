"""A place in a stream of bytes that moves on as they are read, and never past their end."""

from __future__ import annotations

from engine_ci.errors import MachOError

_MOST_BITS = 64


class Cursor:
    """Reads bytes, numbers of any length and names; MachOError says `what` when the bytes end."""

    def __init__(self, data: bytes, *, what: str, offset: int = 0) -> None:
        self._data = data
        self._what = what
        self.offset = offset

    def byte(self) -> int:
        """One byte."""
        try:
            value = self._data[self.offset]
        except IndexError:
            raise self._cut_off() from None
        self.offset += 1
        return value

    def uleb(self) -> int:
        """A number in ULEB128, of at most 64 bits."""
        value = 0
        for shift in range(0, _MOST_BITS, 7):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if not byte & 0x80:
                return value
        raise MachOError(
            f"{self._what}: expected a number of {_MOST_BITS} bits, found a longer one"
        )

    def text(self) -> bytes:
        """The bytes up to the next zero."""
        end = self._data.find(b"\0", self.offset)
        if end < 0:
            raise self._cut_off()
        raw = self._data[self.offset : end]
        self.offset = end + 1
        return raw

    def _cut_off(self) -> MachOError:
        return MachOError(f"{self._what}: expected more, found the end at byte {len(self._data)}")
