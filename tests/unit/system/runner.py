"""What GitHub's runner makes of the lines of a step (ActionCommandManager.cs, ActionCommand.cs)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_REGISTERED = frozenset(
    ("error", "warning", "notice", "debug", "group", "endgroup", "echo", "add-mask", "add-matcher",
     "remove-matcher", "set-output", "set-env", "add-path", "save-state", "stop-commands")
)  # fmt: skip
_IN_DATA = {"%0D": "\r", "%0A": "\n", "%25": "%"}
_IN_PROPERTIES = {"%3A": ":", "%2C": ",", **_IN_DATA}
_IN_OLD_FORM = {"%3B": ";", "%5D": "]", **_IN_DATA}


@dataclass(frozen=True, kw_only=True)
class Command:
    name: str
    properties: dict[str, str] = field(default_factory=dict)
    data: str = ""


def commands(printed: str) -> list[Command]:
    """The commands that are obeyed, in their order; stopping and waking them is none of them."""
    obeyed: list[Command] = []
    token = ""
    for line in re.split(r"\r\n|\r|\n", printed):
        known = _REGISTERED | {token.lower()} if token else _REGISTERED
        command = _new_form(line, known) or _old_form(line, known)
        if command is None:
            continue
        if token:
            token = "" if command.name == token.lower() else token
        elif command.name == "stop-commands":
            token = command.data
        else:
            obeyed.append(command)
    return obeyed


def outputs(file: str) -> dict[str, str]:
    """The outputs in a step's file: `name<<end`, lines, `end`."""
    found, lines = {}, iter(file.split("\n"))
    for line in lines:
        name, between, end = line.partition("<<")
        if between:
            value = []
            while (text := next(lines)) != end:
                value.append(text)
            found[name] = "\n".join(value)
    return found


def _new_form(line: str, known: frozenset[str]) -> Command | None:
    line = line.lstrip()
    end = line.find("::", 2)
    if not line.startswith("::") or end < 0:
        return None
    name, _, rest = line[2:end].partition(" ")
    if name.lower() not in known:
        return None
    properties = _properties(rest.strip().split(","), _IN_PROPERTIES)
    return Command(
        name=name.lower(), properties=properties, data=_unescaped(line[end + 2 :], _IN_DATA)
    )


def _old_form(line: str, known: frozenset[str]) -> Command | None:
    start = line.find("##[")
    end = line.find("]", start)
    if start < 0 or end < 0:
        return None
    name, _, rest = line[start + 3 : end].partition(" ")
    if name.lower() not in known:
        return None
    properties = _properties(rest.split(";"), _IN_OLD_FORM)
    return Command(
        name=name.lower(), properties=properties, data=_unescaped(line[end + 1 :], _IN_OLD_FORM)
    )


def _properties(pairs: list[str], escapes: dict[str, str]) -> dict[str, str]:
    named = (pair.split("=", 1) for pair in pairs if "=" in pair)
    return {name: _unescaped(value, escapes) for name, value in named}


def _unescaped(text: str, escapes: dict[str, str]) -> str:
    for escape, meant in escapes.items():
        text = text.replace(escape, meant)
    return text
