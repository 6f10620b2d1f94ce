"""The table that `engine-ci detect` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine_ci.cli.detect import table
from engine_ci.records.candidate import Decision, Postponed, Standing
from tests.unit.bump import records

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.command import CommandLine

BEHIND = Standing(behind=3, age_days=12)


def test_every_newer_release_has_a_line_and_the_candidate_an_arrow() -> None:
    assert table(records.candidate(standing=BEHIND)).splitlines() == [
        "llama.cpp 0.1.2: 3 releases are newer; it is 12 days old",
        "  0.2.0  refused in this run",
        "  0.1.4  the engine of 0.2.0, byte for byte",
        "→ 0.1.3  the newest that is left",
    ]


@pytest.mark.parametrize(
    ("standing", "line"),
    [
        (Standing(), "llama.cpp 0.1.2: nothing newer; its source does not tell how old it is"),
        (Standing(age_days=1), "llama.cpp 0.1.2: nothing newer; it is 1 days old"),
        (
            Standing(behind=1),
            "llama.cpp 0.1.2: 1 release is newer; its source does not tell how old it is",
        ),
    ],
)
def test_how_far_behind_the_pin_is_and_how_old_is_said(standing: Standing, line: str) -> None:
    assert table(records.candidate(decisions=(), standing=standing)) == line


def test_what_is_wrong_with_the_pin_comes_first() -> None:
    standing = Standing(
        troubles=("held: it dies", "withdrawn: the source has no 0.1.2 any more"),
        expired=("0.1.1: held until 2026-01-01: old",),
    )

    assert table(records.candidate(decisions=(), standing=standing)).splitlines()[1:] == [
        "! the pin is held: it dies",
        "! the pin is withdrawn: the source has no 0.1.2 any more",
        "! this hold has ended: 0.1.1: held until 2026-01-01: old",
    ]


def test_what_waits_and_what_is_flawed_is_marked_and_runs_are_told_in_a_line() -> None:
    decisions = (
        Decision(version="b5", chosen=False, reason="a draft", flaws=("a draft",)),
        Decision(version="b4", chosen=False, reason="eligible, and waits"),
        Decision(version="b3", oldest="b1", releases=3, chosen=False, reason="older"),
    )
    waits = Postponed(version="b4", reason="waits")
    told = table(records.candidate(decisions=decisions, chosen=None, postponed=waits))

    assert told.splitlines()[1:] == [
        "! b5                    a draft",
        "… b4                    eligible, and waits",
        "  b3 … b1 (3 releases)  older",
    ]


@pytest.mark.usefixtures("toy")
def test_a_channel_that_the_source_does_not_have_is_not_passed_over_in_silence(
    run: CommandLine, app: Path
) -> None:
    config = app / "engine-ci.yaml"
    config.write_text(config.read_text().replace("tries: 2", "tries: 2, channel: stable"))

    assert run("detect").err == (
        "`channel: stable` is for releases of GitHub: of package-index toy-engine every build "
        "counts\n"
    )
