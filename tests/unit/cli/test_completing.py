"""What a shell completes: commands, options, and the values that this machine knows."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, get_args

import pytest
import typer

from engine_ci import config
from engine_ci.bump.jobs import ARTIFACTS
from engine_ci.cli import completing, schemas
from engine_ci.cli.main import app as commands
from engine_ci.engine.adapters.kinds import KINDS
from engine_ci.gate.profiles import PROFILES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.command import CommandLine

# `source` reads what the program prints for a shell, and the function that it names is called as
# the shell would.
BASH = """
eval "$(_ENGINE_CI_COMPLETE=source_bash engine-ci)"
COMP_WORDS=({words}); COMP_CWORD={last}
_engine_ci_completion engine-ci
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
ZSH = """
autoload -U compinit && compinit -u -D
eval "$(_ENGINE_CI_COMPLETE=source_zsh engine-ci)"
_arguments() {{ print -l -- "$@" }}
words=({words}); CURRENT=${{#words}}
_engine_ci_completion
"""
FISH = """
_ENGINE_CI_COMPLETE=source_fish engine-ci | source
complete --do-complete "{words}"
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program `engine-ci` on PATH, which is this one."""
    program = tmp_path / "bin" / "engine-ci"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m engine_ci "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")


def completed(shell: str, script: str, line: str) -> list[str]:
    """What a real shell offers at the end of a line."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed here")
    last = line.count(" ")
    text = script.format(
        words=f"{line}''" if line.endswith(" ") and shell == "bash" else line, last=last
    )
    done = subprocess.run([shell, "-c", text], capture_output=True, text=True, check=True)
    return [word.partition("\t")[0] for word in done.stdout.splitlines() if word]


LINES = pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("engine-ci unh", ["unhold"]),
        ("engine-ci gate --prof", ["--profile"]),
        ("engine-ci ensure --platform macos-", ["macos-arm64", "macos-x64"]),
        ("engine-ci detect --pin ll", ["llama.cpp"]),
    ],
)


@LINES
@pytest.mark.usefixtures("app", "path")
def test_bash_completes_commands_options_and_values(line: str, offered: list[str]) -> None:
    assert completed("bash", BASH, line) == offered


@LINES
@pytest.mark.usefixtures("app", "path")
def test_fish_completes_the_same(line: str, offered: list[str]) -> None:
    assert completed("fish", FISH, line) == offered


@LINES
@pytest.mark.usefixtures("app", "path")
def test_zsh_is_offered_the_same(line: str, offered: list[str]) -> None:
    said = " ".join(completed("zsh", ZSH, line))

    assert all(word in said for word in offered)


def test_names_that_are_repeated_here_are_those_that_there_are() -> None:
    assert set(completing.PROFILES) == set(PROFILES)
    assert set(completing.ADAPTERS) == {kind.name for kind in KINDS}
    assert set(completing.JOBS) == set(ARTIFACTS)


@pytest.mark.parametrize(
    ("complete", "begun", "offered"),
    [
        (completing.among(completing.SIGNERS), "c", ["codesign"]),
        (completing.suites, "mem", ["memory"]),
        (completing.platforms, "windows-a", ["windows-arm64"]),
        (completing.features, "slots", ["slots"]),
        (completing.schemas, "pi", ["pin"]),
    ],
)
def test_a_value_is_completed_from_its_beginning(
    complete: completing.Complete, begun: str, offered: list[str]
) -> None:
    assert complete(begun) == offered
    assert complete("nothing-like-it") == []


def test_everything_is_offered_where_nothing_is_begun() -> None:
    assert completing.suites("") == list(config.ALL_SUITES)
    assert completing.schemas("") == list(schemas.DOCUMENTS)
    assert set(get_args(config.ProfileName)) <= set(completing.PROFILES)


def context(**given: object) -> typer.Context:
    """Of a command whose line is as far as this."""
    found = typer.Context(typer.main.get_command(commands))
    found.params = dict(given)
    return found


@pytest.mark.usefixtures("app")
def test_holds_are_those_of_the_pin(run: CommandLine) -> None:
    run("hold", "b11194", "--reason", "dies")

    assert completing.holds(context(), "b111") == ["b11194"]
    assert completing.pins(context(config="engine-ci.yaml"), "") == ["llama.cpp"]


def test_where_no_configuration_can_be_read_nothing_is_offered(tmp_path: Path) -> None:
    assert completing.pins(context(config=str(tmp_path / "none.yaml")), "") == []
