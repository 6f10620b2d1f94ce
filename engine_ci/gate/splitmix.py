"""Pure. Random numbers that are the same on every machine and under every numpy version.

numpy promises neither for its own generators. SplitMix64 in counter form needs only wrapping
integer arithmetic, and the sum of uniform integers stands in for the normal distribution, so that
no logarithm of some mathematics library decides about the last bit.
"""

from __future__ import annotations

import hashlib
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Words: TypeAlias = NDArray[np.uint64]

_INCREMENT = np.uint64(0x9E3779B97F4A7C15)
_DEVIATION = np.float32(65536 / 3**0.5)  # of a sum of four uniform 16-bit integers
_MEAN = np.int32(4 * 65535 // 2)
_BLOCK = 1 << 16  # words that fit the processor's cache while they are mixed


def words(stream: str, count: int) -> Words:
    """The first `count` 64-bit words of a stream; streams of different names are unrelated."""
    seed = np.frombuffer(hashlib.sha256(stream.encode()).digest()[:8], dtype="<u8").astype(
        np.uint64
    )
    mixed = np.arange(1, count + 1, dtype=np.uint64)
    for start in range(0, count, _BLOCK):
        block = mixed[start : start + _BLOCK]
        block *= _INCREMENT
        block += seed
        block ^= block >> np.uint64(30)
        block *= np.uint64(0xBF58476D1CE4E5B9)
        block ^= block >> np.uint64(27)
        block *= np.uint64(0x94D049BB133111EB)
        block ^= block >> np.uint64(31)
    return mixed


def integers(stream: str, count: int, *, below: int) -> list[int]:
    """Integers in `0 <= n < below`; even enough where `below` is far under 2**64."""
    return [int(word) for word in words(stream, count) % np.uint64(below)]


def normal(stream: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Bell-shaped values of mean 0 and deviation 1, none beyond 3.5."""
    parts = words(stream, int(np.prod(shape))).view(np.uint16).reshape(-1, 4)
    total = np.zeros(len(parts), dtype=np.int32)
    for column in range(4):
        total += parts[:, column]
    return ((total - _MEAN).astype(np.float32) / _DEVIATION).reshape(shape)
