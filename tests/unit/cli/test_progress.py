"""Progress on a terminal, and in a log."""

from __future__ import annotations

import io
import re
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from rich.console import Console

from engine_ci.cli.progress import Progress

if TYPE_CHECKING:
    import pytest


def shown(*steps: str, fail: bool = False) -> str:
    """What stands on a terminal at the end."""
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, width=80, color_system=None)
    with suppress(ZeroDivisionError), Progress(terminal) as say:
        for step in steps:
            say(step)
        assert not fail or 1 / 0
    return screen.getvalue()


def test_in_a_log_every_step_is_one_plain_line(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress() as say:
        say("fetch")
        say("unpack [bold]x")

    assert capsys.readouterr() == ("", "fetch\nunpack [bold]x\n")


def test_on_a_terminal_a_step_stays_with_its_seconds() -> None:
    screen = shown("fetch", "unpack [bold]x")

    assert re.search(r"✓ fetch \(\d+\.\d s\)\n", screen)
    assert re.search(r"✓ unpack \[bold]x \(\d+\.\d s\)\n", screen)


def test_on_a_terminal_the_step_that_failed_is_marked() -> None:
    screen = shown("fetch", "unpack", fail=True)

    assert "✓ fetch" in screen
    assert "✗ unpack" in screen


def test_on_a_terminal_a_download_shows_how_far_it_is() -> None:
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, width=80, color_system=None)
    with Progress(terminal) as say:
        say("fetch")
        say.count(12_345_678)
        say("unpack")

    assert "fetch, 12.3 MB" in screen.getvalue()
    assert re.search(r"✓ fetch \(\d+\.\d s\)\n", screen.getvalue())


def test_in_a_log_a_download_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress() as say:
        say("fetch")
        say.count(12_345_678)

    assert capsys.readouterr().err == "fetch\n"


def test_nothing_said_is_nothing_shown() -> None:
    assert shown() == ""


def test_a_person_at_a_terminal_sees_what_is_under_way(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)

    with Progress() as say:
        say("fetch")

    assert "✓ fetch" in capsys.readouterr().err
