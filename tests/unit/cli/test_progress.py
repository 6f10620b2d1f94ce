"""Progress on a terminal, and in a log."""

from __future__ import annotations

import io
from contextlib import suppress
from typing import TYPE_CHECKING

from rich.console import Console

from engine_ci.cli.progress import Progress

if TYPE_CHECKING:
    import pytest


def shown(*steps: str, terminal: bool, fail: bool = False) -> str:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal, width=80, color_system=None)
    with suppress(ZeroDivisionError), Progress(console) as say:
        for step in steps:
            say(step)
        assert not fail or 1 / 0
    return screen.getvalue()


def test_in_a_log_every_step_is_one_plain_line() -> None:
    assert shown("fetch", "unpack [bold]x", terminal=False) == "fetch\nunpack [bold]x\n"


def test_on_a_terminal_a_step_stays_with_its_seconds() -> None:
    screen = shown("fetch", "unpack", terminal=True)

    assert "✓ fetch (0.0 s)\n" in screen
    assert "✓ unpack (0.0 s)\n" in screen


def test_on_a_terminal_the_step_that_failed_is_marked() -> None:
    screen = shown("fetch", "unpack", terminal=True, fail=True)

    assert "✓ fetch" in screen
    assert "✗ unpack" in screen


def test_nothing_said_is_nothing_shown() -> None:
    assert shown(terminal=True) == ""


def test_by_default_it_speaks_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress() as say:
        say("fetch")

    assert capsys.readouterr() == ("", "fetch\n")
