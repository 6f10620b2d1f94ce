"""The kinds of hashes that a code directory may hold, by its number for them."""

from __future__ import annotations

import hashlib
from typing import NamedTuple


class Algorithm(NamedTuple):
    """A kind of hash: `size` bytes of its digest are kept, and among several the top `rank` counts.

    Attributes:
        number: in a code directory.
        name: as hashlib knows it.
    """

    number: int
    name: str
    size: int
    rank: int

    def of(self, data: bytes | memoryview) -> bytes:
        """The digest, as a code directory holds it."""
        return hashlib.new(self.name, data, usedforsecurity=False).digest()[: self.size]


SHA256 = Algorithm(2, "sha256", 32, rank=3)
BY_NUMBER = {
    each.number: each
    for each in (
        Algorithm(1, "sha1", 20, rank=1),
        Algorithm(3, "sha256", 20, rank=2),
        SHA256,
        Algorithm(4, "sha384", 48, rank=4),
    )
}
