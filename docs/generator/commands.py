"""Pure. Every command with its arguments and options, as `--help` tells them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from docs.generator.regions import row, table
from engine_ci.cli.main import app

if TYPE_CHECKING:
    from collections.abc import Iterator

Parameter = TyperArgument | TyperOption


@cache
def tree() -> dict[str, TyperCommand]:
    """Every command that can be typed, by its words: `golden record`."""
    return dict(_below("", typer.main.get_command(app)))


def _below(words: str, command: object) -> Iterator[tuple[str, TyperCommand]]:
    """A command, or what a group of them holds."""
    if isinstance(command, TyperCommand):
        yield words, command
    elif isinstance(command, TyperGroup):
        for name, each in command.commands.items():
            if not each.hidden:
                yield from _below(f"{words} {name}".strip(), each)


def reference() -> str:
    """A section for each command."""
    return "\n".join(_section(words, command) for words, command in tree().items())


def _section(words: str, command: TyperCommand) -> str:
    shown = [
        each
        for each in command.params
        if isinstance(each, Parameter) and each.name != "help" and not each.hidden
    ]
    usage = " ".join(["engine-ci", words, *filter(None, map(_usage, shown)), "[OPTION]..."])
    told = f"## `engine-ci {words}`\n\n{_text(command.help or '')}\n\n```\n{usage}\n```\n"
    if not shown:
        return told
    rows = [row(_names(each), _default(each), _text(each.help or "")) for each in shown]
    return told + "\n" + table("option", "default", "", rows=rows)


def _text(told: str) -> str:
    """What `--help` wraps as it likes, in one paragraph for each of its own."""
    return "\n\n".join(" ".join(part.split()) for part in told.strip().split("\n\n"))


def _usage(parameter: Parameter) -> str:
    if parameter.param_type_name == "argument":
        return _metavar(parameter)
    return f"{parameter.opts[0]} {_metavar(parameter)}" if parameter.required else ""


def _metavar(parameter: Parameter) -> str:
    name = parameter.metavar or str(parameter.name).strip("_").upper()
    return f"{name}..." if parameter.nargs == -1 else name


def _names(parameter: Parameter) -> str:
    if parameter.param_type_name == "argument":
        return f"`{_metavar(parameter)}`"
    flag = getattr(parameter, "is_flag", False)
    value = "" if flag else f" {_metavar(parameter)}"
    return ", ".join(f"`{name}{value}`" for name in (*parameter.opts, *parameter.secondary_opts))


def _default(parameter: Parameter) -> str:
    """What is taken where it is not given: nothing, a value, or that of a variable."""
    if parameter.required:
        return "required"
    variable = parameter.envvar
    named = [f"`${variable}`"] if isinstance(variable, str) else []
    empty = parameter.default in (None, False, "", (), [])
    return ", or ".join(named + ([] if empty else [f"`{parameter.default}`"]))
