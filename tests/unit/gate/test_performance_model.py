from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from engine_ci.gate import performance_model, reference
from engine_ci.gate.gguf_writer import weight_shapes

if TYPE_CHECKING:
    from pathlib import Path

SMALL = replace(performance_model.SHAPE, width=64, layers=1, feed_forward=64)


def test_it_has_about_20_million_parameters() -> None:
    sizes = weight_shapes(performance_model.SHAPE).values()

    assert 19e6 < sum(np.prod(size) for size in sizes) < 21e6


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    def written(name: str, seed: int) -> bytes:
        performance_model.write(tmp_path / name, seed=seed, shape=SMALL)
        return (tmp_path / name).read_bytes()

    first = written("first", 1)

    assert written("again", 1) == first
    assert written("other", 2) != first


def test_it_says_printable_ascii_only(tmp_path: Path) -> None:
    performance_model.write(tmp_path / "model.gguf", seed=1, shape=SMALL)

    rows = reference.greedy(reference.load(tmp_path / "model.gguf"), [65, 66, 67], limit=40)

    assert {int(row.argmax()) for row in rows} <= set(performance_model.VOCABULARY.printable)
