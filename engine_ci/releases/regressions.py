"""Pure. Builds of llama.cpp that were reported to be worse than others.

The table is data, `known_regressions.yaml`: what was reported, with its builds. It warns and
decides nothing: the gate asks the candidate itself, and an app holds a build where it knows better.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import model_validator

from engine_ci.errors import ConfigError
from engine_ci.records.upstream import KnownRegression
from engine_ci.system import documents
from engine_ci.system.documents import Document, Versioned

if TYPE_CHECKING:
    from engine_ci.releases.relevance import Shipped


class Entry(Document):
    """A line of the table.

    Attributes:
        platforms: patterns of those that it shows on, and `backends` with which it shows; on every
            machine where neither is named.
    """

    first: int
    last: int
    what: str
    link: str
    platforms: tuple[str, ...] = ()
    backends: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Entry:
        if self.first > self.last:
            msg = f"b{self.last} comes before b{self.first}"
            raise ValueError(msg)
        return self


class Table(Versioned):
    """All lines."""

    regressions: tuple[Entry, ...]


def known(build: int, *, shipped: Shipped) -> tuple[KnownRegression, ...]:
    """What is known to be wrong with a build, where it shows in what the app ships."""
    return tuple(
        KnownRegression(first=each.first, last=each.last, what=each.what, link=each.link)
        for each in _table().regressions
        if each.first <= build <= each.last
        and shipped.has(platforms=each.platforms, backends=each.backends)
    )


@cache
def _table() -> Table:
    file = Path(__file__).with_name("known_regressions.yaml")
    return documents.load_yaml(file, Table, error=ConfigError)
