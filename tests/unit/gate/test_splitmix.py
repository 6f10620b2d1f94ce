from __future__ import annotations

import hashlib
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pytest

from engine_ci.gate import splitmix

if TYPE_CHECKING:
    from collections.abc import Iterator

WORD = 2**64


def written_out(state: int) -> Iterator[int]:
    """SplitMix64 as published, with whole numbers only."""
    while True:
        state = (state + 0x9E3779B97F4A7C15) % WORD
        word = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 % WORD
        word = (word ^ (word >> 27)) * 0x94D049BB133111EB % WORD
        yield word ^ (word >> 31)


def seed_of(stream: str) -> int:
    return int.from_bytes(hashlib.sha256(stream.encode()).digest()[:8], "little")


def test_the_oracle_gives_the_published_numbers_of_seed_1234567() -> None:
    found = list(islice(written_out(1234567), 3))

    assert found == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_words_are_those_of_the_published_generator_across_blocks() -> None:
    count = (1 << 16) + 5

    found = splitmix.words("a stream", count)

    assert found.tolist() == list(islice(written_out(seed_of("a stream")), count))


def test_streams_of_different_names_differ() -> None:
    assert splitmix.words("a", 4).tolist() != splitmix.words("b", 4).tolist()


def test_integers_stay_below_their_bound_and_reach_every_value() -> None:
    assert set(splitmix.integers("dice", 200, below=6)) == set(range(6))


def test_normal_values_have_mean_0_and_deviation_1() -> None:
    values = splitmix.normal("bell", (1000, 100))

    assert values.shape == (1000, 100)
    assert values.dtype == np.float32
    assert values.mean() == pytest.approx(0, abs=0.01)
    assert values.std() == pytest.approx(1, abs=0.01)
    assert np.abs(values).max() < 3.5


def test_normal_values_are_the_same_for_ever() -> None:
    found = splitmix.normal("bell", (4,)).tobytes()

    assert found.hex() == "810ce4be8fa60e3e4f668b3feb04583e"
