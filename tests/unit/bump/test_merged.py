"""Which pull request a commit merged."""

from __future__ import annotations

import pytest

from engine_ci.bump import merged


@pytest.mark.parametrize(
    ("subject", "number"),
    [
        ("Merge pull request #12 from example/engine-ci/llama.cpp", 12),
        ("llama.cpp: 0.1.2 → 0.1.3 (#345)", 345),
        ("Revert “server: faster (#7)” (#8)", 8),
        ("Merge branch 'main' into topic", None),
        ("fix (#7), and more", None),
        ("see Merge pull request #12 from here", None),
        ("(#0)", None),
        ("(#12345678901)", None),
        ("", None),
    ],
)
def test_the_first_line_says_which(subject: str, number: int | None) -> None:
    assert merged.pull(subject) == number
