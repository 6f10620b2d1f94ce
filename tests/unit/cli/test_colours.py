"""Whether colours are wanted: by whom, and where."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest

from engine_ci.cli import colours


class Stream(io.StringIO):
    """One that is a terminal, or not."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


TERMINAL, FILE = Stream(terminal=True), Stream(terminal=False)


@pytest.mark.parametrize(
    ("environment", "on_terminal", "in_file"),
    [
        ({}, True, False),
        ({"TERM": "dumb"}, False, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": ""}, True, False),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": "0"}, True, False),
        ({"CLICOLOR_FORCE": "1", "TERM": "dumb"}, True, True),
        ({"CLICOLOR_FORCE": "0"}, True, False),
        ({"CLICOLOR": "0"}, False, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False, False),
        ({"GITHUB_ACTIONS": "true"}, True, False),
    ],
)
def test_colours_come_where_they_are_wanted(
    environment: dict[str, str], on_terminal: bool, in_file: bool
) -> None:
    assert colours.wanted(TERMINAL, environment=environment) is on_terminal
    assert colours.wanted(FILE, environment=environment) is in_file


@pytest.mark.parametrize(
    ("environment", "live"),
    [({}, True), ({"TERM": "dumb"}, False), ({"CI": "true"}, False), ({"NO_COLOR": "1"}, True)],
)
def test_a_line_changes_only_where_somebody_looks_on(
    environment: dict[str, str], live: bool
) -> None:
    assert colours.is_live(TERMINAL, environment=environment) is live
    assert not colours.is_live(FILE, environment=environment | {"FORCE_COLOR": "1"})


@pytest.mark.parametrize(
    ("before", "stream", "told"),
    [
        ({}, TERMINAL, {}),
        ({}, FILE, {"_TYPER_FORCE_DISABLE_TERMINAL": "1"}),
        ({"CLICOLOR_FORCE": "1"}, FILE, {"FORCE_COLOR": "1"}),
        ({"NO_COLOR": "1"}, TERMINAL, {"_TYPER_FORCE_DISABLE_TERMINAL": "1"}),
    ],
)
def test_help_is_told_so_in_the_words_that_it_knows(
    before: dict[str, str], stream: Stream, told: dict[str, str]
) -> None:
    environment = dict(before)

    colours.tell_libraries(stream=stream, environment=environment)

    assert environment == before | told


@pytest.mark.parametrize(
    ("words", "coloured"),
    [({}, False), ({"FORCE_COLOR": "1"}, True), ({"GITHUB_ACTIONS": "true"}, False)],
)
def test_help_has_colours_where_they_are_wanted_and_nowhere_else(
    words: dict[str, str], coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in words.items():
        monkeypatch.setenv(name, value)
    command = [sys.executable, "-m", "engine_ci", "gate", "--help"]

    done = subprocess.run(command, capture_output=True, check=True)

    assert (b"\x1b[" in done.stdout) is coloured
    assert b"Exit codes: 0 pass" in done.stdout
