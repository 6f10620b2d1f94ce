"""Pure. The parts of a page that are made from the code, between two comments that nobody sees."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_REGION: Final = re.compile(
    r"(<!-- made from the code: (?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL
)


def filled(text: str, parts: Mapping[str, Callable[[], str]]) -> str:
    """The page with each of its regions made anew; KeyError for one that nobody makes."""
    return _REGION.sub(lambda found: f"{found[1]}\n{parts[found['name']]()}\n{found[3]}", text)


def names(text: str) -> list[str]:
    """The regions of a page, in their order."""
    return [found["name"] for found in _REGION.finditer(text)]


def row(*cells: str) -> str:
    """A row of a table; what would end a cell is written so that it does not."""
    return "| " + " | ".join(cell.replace("|", r"\|").replace("\n", " ") for cell in cells) + " |"


def table(*heads: str, rows: list[str]) -> str:
    """A table with these heads."""
    return "\n".join((row(*heads), "|" + " --- |" * len(heads), *rows)) + "\n"
