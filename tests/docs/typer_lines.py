"""Whether a command line is one that the program takes, without running it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

from docs.generator import commands

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from typer.core import TyperCommand

_ENDS: Final = frozenset({"|", "||", "&&", ";", ">", ">>", "<", "&", ")", "2>&1"})
_HELP: Final = ["--help", "-h", "--version", "--install-completion", "--show-completion"]


def calls(command: str, program: str) -> Iterator[list[str]]:
    """The arguments of each call of a program in a line of shell."""
    lexer = shlex.shlex(command.replace("\\\n", " "), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words = list(lexer)
    for at, word in enumerate(words):
        if word == program:
            end = next((i for i, each in enumerate(words) if i > at and each in _ENDS), len(words))
            yield words[at + 1 : end]


def wrong(arguments: Sequence[str]) -> str | None:
    """Why `engine-ci` would not take these words; None where it would."""
    if arguments and arguments[0] in _HELP:
        return None
    found = _command(arguments)
    if found is None:
        return f"no such command: {' '.join(arguments)}"
    words, command = found
    given = list(arguments[len(words.split()) :])
    context = command.context_class(command, info_name=words)
    try:
        values, left, _ = command.make_parser(context).parse_args(given)
    except Exception as problem:  # noqa: BLE001 - typer's parser has errors of its own, none public
        return str(problem)
    missing = [each.name for each in command.params if each.required and not values.get(each.name)]
    return f"left over {left}, missing {missing}" if left or missing else None


def unknown_options(arguments: Sequence[str]) -> list[str]:
    """Of words in a sentence, which may leave out what is required: options that there are not."""
    if arguments[0] in _HELP:
        return []
    groups = {words.split()[0] for words in commands.tree() if " " in words}
    found = _command(arguments)
    if found is None:
        return [] if arguments[0] in groups and len(arguments) == 1 else [arguments[0]]
    known = {name for each in found[1].params for name in (*each.opts, *each.secondary_opts)}
    options = [
        word.partition("=")[0].strip("[].,")
        for word in arguments
        if word.lstrip("[").startswith("--")
    ]
    return [
        each for each in (option.lstrip("[") for option in options) if each not in {*known, *_HELP}
    ]


def _command(arguments: Sequence[str]) -> tuple[str, TyperCommand] | None:
    tree = commands.tree()
    for count in (2, 1):
        words = " ".join(arguments[:count])
        if words in tree:
            return words, tree[words]
    return None
