"""Exit codes, and errors for people."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from engine_ci import __version__, config
from engine_ci.errors import Exit
from tests.unit.system.runner import commands

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

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
    assert ran.err == f"error: {tmp_path / 'none.yaml'}: there is no such file\n"


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
