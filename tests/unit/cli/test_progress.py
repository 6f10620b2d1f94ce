"""Progress on a terminal, and in a log."""

from __future__ import annotations

import io
import os
import pty
import re
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from engine_ci.cli import progress
from engine_ci.cli.bars import Live
from engine_ci.cli.progress import Progress
from engine_ci.system import interrupts

if TYPE_CHECKING:
    from pathlib import Path


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


def test_a_step_drives_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress() as say:
        say("refused 0.2.0: it said \x1b[2J\u202e")

    assert capsys.readouterr().err == "refused 0.2.0: it said \\x1b[2J\\u202e\n"


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
        say.bytes(12_345_678, 50_000_000)
        say("unpack")

    assert "12.3 of 50.0 MB" in screen.getvalue()
    assert re.search(r"✓ fetch \(\d+\.\d s\)\n", screen.getvalue())


def test_in_a_log_a_download_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress() as say:
        say("fetch")
        say.bytes(12_345_678)

    assert capsys.readouterr().err == "fetch\n"


def test_nothing_said_is_nothing_shown() -> None:
    assert shown() == ""


def test_a_person_at_a_terminal_sees_what_is_under_way(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")

    with Progress() as say:
        say("fetch")

    assert re.search(r"✓.* fetch \(0\.\d s\)", capsys.readouterr().err)


def test_how_many_suites_have_ended_is_shown_on_a_terminal() -> None:
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, width=80, color_system=None)
    with Progress(terminal) as say:
        say("gate: loads")
        say.suites(2, 12, 1234)

    assert "2 of 12 suites, 1,234 checks" in screen.getvalue()


def test_bytes_without_an_end_are_counted_all_the_same() -> None:
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, width=80, color_system=None)
    with Progress(terminal) as say:
        say("fetch")
        say.bytes(1_500_000)

    assert "1.5 MB" in screen.getvalue()
    assert "━" not in screen.getvalue()


def test_in_a_log_suites_are_counted_nowhere(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress() as say:
        say("gate: loads")
        say.suites(1, 2, 3)

    assert capsys.readouterr().err == "gate: loads\n"


def test_where_a_command_was_stopped_is_the_last_step_that_it_began() -> None:
    with suppress(KeyboardInterrupt), Progress() as say:
        say("fetch")
        raise KeyboardInterrupt

    assert progress.at() == " at `fetch`"

    with Progress() as say:
        say("unpack")

    assert progress.at() == ""


SCRIPT = """
import time
from engine_ci.cli.progress import Progress
with Progress() as say:
    say("fetch")
    for done in range(1, 6):
        say.bytes(done * 2_000_000, 10_000_000)
        time.sleep(0.12)
print("result")
"""


RESULT_IN_THE_MIDST = """
from engine_ci.cli.output import emit
from engine_ci.cli.progress import Progress
with Progress() as say:
    say("gate")
    say.suites(3, 3, 58)
    emit(..., as_json=False, otherwise="x" * 100)
"""


def on_terminal(
    script: str = SCRIPT, *, environment: dict[str, str], stdout: int | None = None
) -> str:
    """What a person sees of a script on a real terminal of 80 columns."""
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=stdout or follower,
        stderr=follower,
        env={"PATH": os.environ["PATH"], "COLUMNS": "80", "TERM": "xterm", **environment}
        | {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ},
    ):
        os.close(follower)
        seen = b""
        with suppress(OSError):  # what Linux says when the other end is closed
            while piece := os.read(leader, 4096):
                seen += piece
    os.close(leader)
    return seen.decode()


def test_a_real_terminal_shows_a_bar_the_bytes_of_all_and_the_rate() -> None:
    seen = on_terminal(environment={}, stdout=subprocess.DEVNULL)

    assert "━" in seen
    assert re.search(r"\d\.0 of 10\.0 MB, \d+\.\d MB/s", seen)
    assert re.search(r"✓.* fetch \(\d\.\d s\)", seen)
    assert "\x1b[32m" in seen
    assert "result" not in seen


@pytest.mark.parametrize("environment", [{"CI": "true"}, {"TERM": "dumb"}])
def test_a_terminal_that_nobody_looks_at_gets_a_plain_line(environment: dict[str, str]) -> None:
    assert on_terminal(environment=environment) == "fetch\r\nresult\r\n"


def test_who_wants_no_colours_gets_a_bar_without_any() -> None:
    seen = on_terminal(environment={"NO_COLOR": "1"}, stdout=subprocess.DEVNULL)

    assert "━" in seen
    assert not re.search(r"\x1b\[[0-9;]*m", seen)


def test_a_result_goes_to_stdout_and_nowhere_else_while_a_terminal_shows_a_step(
    tmp_path: Path,
) -> None:
    result = tmp_path / "result"
    with result.open("w") as file:
        seen = on_terminal(RESULT_IN_THE_MIDST, environment={}, stdout=file.fileno())

    assert result.read_text() == "x" * 100 + "\n"
    assert "x" not in seen


def test_a_result_on_the_same_terminal_comes_after_the_step_and_is_not_broken() -> None:
    seen = on_terminal(RESULT_IN_THE_MIDST, environment={})

    assert re.search(r"✓.* gate \(\d\.\d s\)\r\nx{100}\r\n$", seen)


def test_the_cursor_stays_for_whoever_is_ended_at_once() -> None:
    assert "\x1b[?25" not in on_terminal(environment={})


def test_a_signal_leaves_no_step_live_that_is_just_about_to_begin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start, screen = Live.start, io.StringIO()

    def broken_off(step: str, *, terminal: Console) -> Live:
        live = start(step, terminal=terminal)
        signal.raise_signal(signal.SIGINT)
        return live

    monkeypatch.setattr(Live, "start", broken_off)
    terminal = Console(file=screen, force_terminal=True, width=80, color_system=None)
    with suppress(KeyboardInterrupt), interrupts.listening(), Progress(terminal) as say:
        say("fetch")

    assert re.search(r"✗ fetch \(\d\.\d s\)\n$", screen.getvalue())
