"""The table that `engine-ci detect` prints."""

from __future__ import annotations

from engine_ci.cli.detect import table
from tests.unit.bump import records


def test_every_newer_release_has_a_line_and_the_candidate_an_arrow() -> None:
    assert table(records.candidate()).splitlines() == [
        "  0.2.0  refused in this run",
        "  0.1.4  the engine of 0.2.0, byte for byte",
        "→ 0.1.3  the newest that is left",
    ]


def test_nothing_newer_is_said() -> None:
    assert table(records.candidate(decisions=())) == "llama.cpp 0.1.2: nothing newer"
