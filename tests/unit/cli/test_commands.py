"""All commands, walked: one name means one thing, and each explains itself."""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from typing import TYPE_CHECKING, Final

import pytest
import typer
from typer.core import TyperOption

from docs.generator import commands
from engine_ci.cli.main import app
from engine_ci.errors import Exit

if TYPE_CHECKING:
    from typer.core import TyperCommand

# What an option says may differ where each command does something else with the same thing.
SAID_DIFFERENTLY: Final = {
    "--base": "a pull request is for a branch, and a change began at any commit",
    "--build": "one is asked for, and one is in use now",
    "--into": "a bundle takes the place of what was there, and a mirror grows",
    "--out": "the pages of a history lie beside what they are about, where nothing is said",
    "--platform": "one is worked for, and several are shipped for",
}
# How a command that writes to the app's own files, or to GitHub, can be tried without doing so.
TRIED: Final = {
    "bump": "--open",
    "eject": "--dry-run",
    "golden record": "--dry-run",
    "hold": "--dry-run",
    "init": "--dry-run",
    "prepare": "--dry-run",
    "propose": "--open",
    "rollback": "--open",
    "unhold": "--dry-run",
    "watch": "--dry-run",
}
# These leave nothing but what they are told a place for, or a record in the work folder.
LEAVES_NOTHING_ELSE: Final = frozenset(
    [
        *("audit", "backtest", "changes", "check", "detect", "doctor", "engine run", "gate"),
        *("golden verify", "mirror", "required", "review", "schema"),
        *("report show", "report history", "report diff"),
        "ensure",  # which `prepare --current --dry-run` tries
    ]
)
WITHOUT_JSON: Final = {
    "engine run": "its result is JSON lines",
    "schema": "its result is JSON",
    "report history": "its results are pages",
}


COMMANDS: Final = commands.tree()


def options(command: TyperCommand) -> dict[str, TyperOption]:
    """Its options by the longest of their names."""
    return {
        max(option.opts, key=len): option
        for option in command.params
        if isinstance(option, TyperOption)
    }


def explained(name: str) -> str:
    return " ".join((COMMANDS[name].help or "").split())


@pytest.fixture(params=list(COMMANDS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_an_option_means_the_same_wherever_it_is() -> None:
    meanings = defaultdict(set)
    for command in COMMANDS.values():
        for name, option in options(command).items():
            said = "" if name in SAID_DIFFERENTLY else option.help
            meanings[name].add((said, option.metavar, option.envvar))

    assert {name: found for name, found in meanings.items() if len(found) > 1} == {}


def test_an_option_takes_the_same_kind_of_value_wherever_it_is() -> None:
    kinds = defaultdict(set)
    for command in COMMANDS.values():
        for name, option in options(command).items():
            annotation = option.type_descriptor.annotation
            (kind,) = getattr(annotation, "__args__", None) or (annotation,)
            kinds[name].add(kind)

    assert {name: found for name, found in kinds.items() if len(found) > 1} == {}


def test_every_value_has_a_name_in_capitals(name: str) -> None:
    valued = {
        option: found.metavar
        for option, found in options(COMMANDS[name]).items()
        if found.type_descriptor.annotation is not bool
    }

    assert all(metavar and metavar == metavar.upper() for metavar in valued.values()), valued


def test_every_option_says_in_a_sentence_what_it_is_for(name: str) -> None:
    for option in options(COMMANDS[name]).values():
        assert option.help
        assert option.help.endswith("."), option.opts


def test_every_command_says_with_which_codes_it_exits(name: str) -> None:
    _, _, told = explained(name).partition("Exit codes: ")
    codes = [int(code) for code in re.findall(r"\b\d{1,3}\b(?! (?:days|s\b))", told)]

    assert codes
    assert set(codes) <= set(Exit)
    assert codes == sorted(codes) or "those of" in told


def test_every_command_has_an_example_that_it_would_take(name: str) -> None:
    found = re.search(r"For example: engine-ci (.+?) Exit codes:", explained(name))

    assert found
    words = shlex.split(found[1])
    assert " ".join(words[: name.count(" ") + 1]) == name
    assert {word for word in words if word.startswith("--")} <= set(options(COMMANDS[name]))
    needed = {option for option, each in options(COMMANDS[name]).items() if each.required}
    assert needed <= set(words)


def test_what_prints_a_result_prints_it_as_json_too() -> None:
    without = {name for name, command in COMMANDS.items() if "--json" not in options(command)}

    assert without <= set(WITHOUT_JSON)


def test_what_writes_elsewhere_than_it_is_told_can_be_tried_without() -> None:
    assert set(COMMANDS) - set(TRIED) <= LEAVES_NOTHING_ELSE
    for name, how in TRIED.items():
        assert how in options(COMMANDS[name]), name


def test_every_option_that_is_said_differently_has_a_reason_and_is_there() -> None:
    known = {option for command in COMMANDS.values() for option in options(command)}

    assert set(SAID_DIFFERENTLY) <= known
    assert all(SAID_DIFFERENTLY.values())


def test_what_all_commands_exit_with_is_said_once() -> None:
    said = " ".join((typer.main.get_command(app).help or "").split())

    assert {int(code) for code in re.findall(r"\b\d+\b", said.partition("Exit codes:")[2])} == set(
        Exit
    )
