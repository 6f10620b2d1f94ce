"""Pure. The question about CODEOWNERS: whose approval does a change of the engine need?

A branch may ask for the owners' approval; where nobody owns a file, that asks nobody.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from engine_ci.records.doctor import Answer, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

QUESTION: Final = "merge/owners"
# Where GitHub looks, in this order; the first file counts alone.
PLACES: Final = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
_HINT: Final = (
    "write lines such as `/pins/ @owner/team` and `/.github/ @owner/team` into .github/CODEOWNERS"
)
_WILD: Final = re.compile(r"\*\*/|/\*\*$|\*\*|\*|\?")
_MEANS: Final = {"**/": "(?:.*/)?", "/**": "/.*", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def named(text: str | None, *, paths: Sequence[str]) -> Answer:
    """Whether files have an owner.

    Args:
        text: of CODEOWNERS; None where there is no such file.
        paths: that decide which engine an app ships and how it is tested, from the top.
    """
    if text is None:
        return Answer(
            id=QUESTION, outcome=Outcome.WARN, observed="there is no CODEOWNERS", hint=_HINT
        )
    free = [path for path in paths if not owners(text, path=path)]
    if free:
        observed = f"nobody owns {', '.join(free)}"
        return Answer(id=QUESTION, outcome=Outcome.WARN, observed=observed, hint=_HINT)
    return Answer(id=QUESTION, outcome=Outcome.OK, observed="the files of the engine have owners")


def owners(text: str, *, path: str) -> tuple[str, ...]:
    """Who owns a file: the last line that fits it counts, also where it names nobody."""
    found: tuple[str, ...] = ()
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if words and _pattern(words[0]).fullmatch(path):
            found = tuple(word for word in words[1:] if "@" in word)
    return found


def _pattern(written: str) -> re.Pattern[str]:
    """As in `.gitignore`, but that `docs/*` means the files of that folder alone."""
    body = written.strip("/")
    anywhere = "" if "/" in written.rstrip("/") else "(?:.*/)?"
    below = "/.*" if written.endswith("/") else "(?:/.*)?"
    end = "" if written.endswith("*") else below
    return re.compile(f"{anywhere}{_translated(body)}{end}")


def _translated(body: str) -> str:
    pieces, end = [], 0
    for wild in _WILD.finditer(body):
        pieces += [re.escape(body[end : wild.start()]), _MEANS[wild.group()]]
        end = wild.end()
    return "".join([*pieces, re.escape(body[end:])])
