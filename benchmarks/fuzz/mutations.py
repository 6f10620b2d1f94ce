"""Files damaged at random, mostly where a reader looks: bytes that are not zero, and the ends."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

_MOST_EDITS = 4
_NUMBERS = (0, 1, 2, 7, 8, 0x7F, 0x80, 0xFF, 0xFFFF, 1 << 20, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_RUNS = (b"\x00", b"\x80", b"\xff", b"A")


class Mutator:
    """Damages one file again and again, each time from the original."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._live = [place for place, byte in enumerate(raw) if byte] or [0]
        self._edits = (self._bit, self._byte, self._number, self._run, self._copy, self._cut)

    def mutated(self, chance: random.Random) -> bytes:
        """The file with one to four edits."""
        raw = bytearray(self._raw)
        for _ in range(chance.randint(1, _MOST_EDITS)):
            chance.choice(self._edits)(raw, chance)
        return bytes(raw)

    def _place(self, raw: bytearray, chance: random.Random) -> int:
        """Where to edit; most of a Mach-O file are zeroes, which nobody reads."""
        place = chance.choice(self._live) if chance.randrange(10) else chance.randrange(1 << 16)
        return place % len(raw) if raw else 0

    def _bit(self, raw: bytearray, chance: random.Random) -> None:
        place = self._place(raw, chance)
        raw[place : place + 1] = bytes(
            byte ^ 1 << chance.randrange(8) for byte in raw[place : place + 1]
        )

    def _byte(self, raw: bytearray, chance: random.Random) -> None:
        place = self._place(raw, chance)
        raw[place : place + 1] = bytes([chance.randrange(256)])

    def _number(self, raw: bytearray, chance: random.Random) -> None:
        """A count, size or offset that is wrong, or only slightly so."""
        place = self._place(raw, chance) & ~3
        (old,) = struct.unpack("<I", bytes(raw[place : place + 4]).ljust(4, b"\0"))
        new = chance.choice((*_NUMBERS, len(raw), old + 1, old - 1, old * 2))
        raw[place : place + 4] = struct.pack(chance.choice("<>") + "I", new & 0xFFFFFFFF)

    def _run(self, raw: bytearray, chance: random.Random) -> None:
        place, size = self._place(raw, chance), chance.randint(2, 64)
        raw[place : place + size] = chance.choice(_RUNS) * size

    def _copy(self, raw: bytearray, chance: random.Random) -> None:
        source, target = self._place(raw, chance), self._place(raw, chance)
        size = chance.randint(1, 128)
        raw[target : target + size] = raw[source : source + size]

    def _cut(self, raw: bytearray, chance: random.Random) -> None:
        if not chance.randrange(4):
            del raw[self._place(raw, chance) :]
