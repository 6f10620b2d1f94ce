"""Exit codes, and errors for people."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from engine_ci import __version__, config
from engine_ci.cli.progress import Progress
from engine_ci.errors import ConfigError, Exit, OutsideError
from engine_ci.system import documents
from tests.unit.system.runner import commands

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.command import CommandLine


def test_the_version_is_shown(run: CommandLine) -> None:
    assert run("--version").out == f"engine-ci {__version__}\n"


def test_it_runs_as_a_module_too() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "engine_ci", "--version"], check=True, capture_output=True, text=True
    )

    assert done.stdout == f"engine-ci {__version__}\n"


def test_without_a_command_it_explains_itself_and_lists_every_command(run: CommandLine) -> None:
    shown = run().out

    for command in ("detect", "prepare", "gate", "propose", "bump", "report", "golden"):
        assert command in shown


def test_an_unknown_option_is_a_usage_error(run: CommandLine) -> None:
    assert run("detect", "--colour").status == Exit.USAGE


def test_an_error_says_what_and_where_and_decides_the_exit_code(
    run: CommandLine, tmp_path: Path
) -> None:
    ran = run("detect", "--config", str(tmp_path / "none.yaml"))

    assert ran.status == Exit.USAGE
    missing, hint = tmp_path / "none.yaml", ConfigError.usual_hint
    assert ran.err == f"error: {missing}: there is no such file\n\nhint: {hint}\n"


def test_an_error_drives_no_terminal(run: CommandLine) -> None:
    ran = run("detect", "--config", "\x1b[2Jnone\u202e.yaml")

    assert ran.err.startswith("error: \\x1b[2Jnone\\u202e.yaml: ")


def test_a_hint_stands_below_the_error(run: CommandLine, app: Path) -> None:
    (app / "engine-ci.yaml").write_text(
        "schema: 1\npins: [pins/llama.cpp.yaml]\nplatforms: [ubuntu-x64]\n", encoding="utf-8"
    )

    ran = run("gate", "--suite", "poetry")

    assert ran.status == Exit.USAGE
    assert ran.err.startswith("error: there is no suite `poetry`\n\nhint: there are loads, ")


def test_a_bug_shows_its_traceback_and_the_versions(
    run: CommandLine, app: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: Path) -> None:
        raise ZeroDivisionError(path)

    monkeypatch.setattr(config, "load", broken)

    ran = run("detect")

    assert ran.status == Exit.BUG
    assert "ZeroDivisionError: engine-ci.yaml" in ran.err
    assert f"engine-ci {__version__}, Python 3." in ran.err
    assert app.is_dir()


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC, errno.EACCES])
def test_what_the_disk_refuses_is_no_bug_wherever_it_comes_from(
    number: int, run: CommandLine, app: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path) -> None:
        raise OSError(number, "no", str(app / path))

    monkeypatch.setattr(config, "load", refused)

    ran = run("detect")

    assert ran.status == Exit.OUTSIDE
    assert ran.err == f"error: {app / 'engine-ci.yaml'}: no\n\nhint: {documents.DISK}\n"


@pytest.mark.parametrize(
    "problem", [OSError(errno.ENOENT, "no", "a file"), OSError(errno.ENOSPC, "no")]
)
def test_what_else_the_system_refuses_is_a_bug_of_ours(
    problem: OSError, run: CommandLine, app: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: Path) -> None:
        raise problem

    monkeypatch.setattr(config, "load", refused)

    assert run("detect").status == Exit.BUG
    assert app.is_dir()


def test_an_interrupt_ends_with_130(
    run: CommandLine, app: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(config, "load", interrupted)

    assert run("detect").status == Exit.INTERRUPTED
    assert app.is_dir()


def test_on_github_an_error_is_an_annotation_and_nothing_else_is_a_command(
    run: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    hostile = tmp_path / "::add-mask::a"

    ran = run("detect", "--config", str(hostile / "\n::add-mask::b"))

    (shown,) = commands(ran.err)
    assert (shown.name, shown.properties) == ("error", {"title": "engine-ci"})
    assert shown.data == f"{hostile}/\n::add-mask::b: there is no such file"


def test_a_wrong_word_is_told_like_any_other_error(run: CommandLine) -> None:
    ran = run("golden", "record", "--colour")

    assert ran.status == Exit.USAGE
    assert ran.err == (
        "error: no such option: --colour\n\n"
        "hint: `engine-ci golden record --help` shows what it takes, with an example\n"
    )


def test_a_value_that_is_none_names_its_option(run: CommandLine) -> None:
    assert "error: invalid value for '--seed'" in run("gate", "--seed", "many").err


def test_a_signal_is_told_in_a_line_with_what_was_going_on(
    run: CommandLine, app: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def stopped(_: Path) -> None:
        with Progress() as say:
            say("reading")
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(config, "load", stopped)

    ran = run("detect")

    signal.signal(signal.SIGTERM, before)
    assert ran.status == Exit.TERMINATED
    assert ran.err == (
        "reading\nstopped by SIGTERM at `reading`: nothing is left half done; the same command "
        "goes on with what was fetched\n"
    )
    assert app.is_dir()


def test_what_a_signal_broke_is_no_error_of_its_own(
    run: CommandLine, app: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def broken(_: Path) -> None:
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        raise OutsideError("git was ended")

    monkeypatch.setattr(config, "load", broken)

    ran = run("detect")

    signal.signal(signal.SIGTERM, before)
    assert ran.status == Exit.TERMINATED
    assert "error" not in ran.err
    assert app.is_dir()
