"""Pure. Puts text of unknown origin into GitHub Markdown so that it stays text.

Logs of an engine, file names and upstream's words are written by others. None of them may mention a
person, link or close an issue, hide behind a comment, look like a template, or break the structure
around it. GitHub looks for mentions and issue numbers after Markdown is rendered, and a squashed
pull request turns its body into a commit message, where Markdown is not rendered at all. So escapes
and code spans are not enough: a zero-width space stands inside whatever would come alive.
"""

from __future__ import annotations

import re

BREAK = "\N{ZERO WIDTH SPACE}"

_LIVE = re.compile(
    r"""
    @(?=\w)             # a mention, or an address of mail
    | \#(?=\d)          # an issue, alone or after owner/repository
    | gh-(?=\d)         # an issue, in words
    | :(?=//)           # a link, which also counts as a mention of an issue
    | www(?=\.)         # a link without a scheme
    | <(?=!--)          # a comment begins
    | --(?=!?>)         # a comment ends
    | \$(?=\{)          # an expression of a workflow
    | \{(?=[{%\#])      # a template begins
    | [}%\#](?=\})      # a template ends
    | \[(?=(?:skip\ ci|ci\ skip|no\ ci|skip\ actions|actions\ skip)\])  # no checks for a commit
    | skip-checks(?=:)  # the same in a trailer
    """,
    re.VERBOSE | re.IGNORECASE,
)
_MARKUP = re.compile(r"[\\`*_\[\]<>&|~$]")
# GitHub takes `$x$` for mathematics; what was seen to help is a space without width and a backslash
# (https://github.com/3b/3bmd/pull/69).
_MATHS = re.compile(r"\$")
# Characters without a shape that Python takes for printable: fillers, joiners, and selectors of
# variants but for those of emoji. A text of its own can be hidden in them.
_SHAPELESS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0d\uffa0"
    "\U000e0100-\U000e01ef]"
)
_MARKUP_AT_START = re.compile(r"^(?:(?=[-+=#:])|(\d+)(?=[.)](?: |$)))")


def plain(text: str) -> str:
    """One line of prose, for a paragraph, a list, a heading or a table cell."""
    line = _MATHS.sub(rf"{BREAK}\g<0>", _one_line(text))
    escaped = _MARKUP.sub(r"\\\g<0>", line)
    return _MARKUP_AT_START.sub(r"\1\\", escaped)


def code(text: str) -> str:
    """One line as a code span, for any place but a table."""
    line = _one_line(text) or " "
    fence = "`" * (_longest_run(line) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def cell(text: str) -> str:
    r"""One line as a code span, for a table cell, where a pipe needs a backslash even in code.

    Renderers disagree about `\\|`, so a backslash of the text never touches that of the escape.
    """
    return re.sub(r"\\(?=\|)", rf"\\{BREAK}", code(text)).replace("|", r"\|")


def block(text: str) -> str:
    """Lines as a fenced block that begins and ends at the start of a line."""
    body = "\n".join(inert(visible(line)) for line in text.splitlines())
    fence = "`" * max(3, _longest_run(body) + 1)
    return f"{fence}text\n{body}\n{fence}"


def inert(text: str) -> str:
    """The text with a zero-width space in everything that GitHub would bring to life."""
    return _LIVE.sub(rf"\g<0>{BREAK}", text)


def visible(text: str) -> str:
    r"""The text with what nobody can see spelled out: `\x1b` for an escape, `\u202e` for a turn."""
    if text.isprintable() and _SHAPELESS.search(text) is None:
        return text
    return "".join(
        char.encode("unicode_escape").decode() if _is_hidden(char) else char for char in text
    )


def shown(text: str) -> str:
    """Lines for a terminal or a log, with what nobody can see spelled out."""
    return "\n".join(map(visible, text.splitlines()))


def _is_hidden(char: str) -> bool:
    return char != "\t" and (not char.isprintable() or _SHAPELESS.match(char) is not None)


def _one_line(text: str) -> str:
    return inert(visible(" ".join(text.split())))


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
