"""Pure. What the last lines of an engine that did not start say of the kind of its fault."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from engine_ci.records.gate import FaultClass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Those of glibc's loader, and of a server beside which no backend lies.
_SAYINGS: Final[Mapping[FaultClass, re.Pattern[str]]] = {
    FaultClass.MINIMUM_OS: re.compile(r"version `(GLIBC|GLIBCXX|CXXABI)_[\d.]+' not found"),
    FaultClass.PACKAGING: re.compile(
        r"error while loading shared libraries: |: symbol lookup error: |no backends are loaded"
    ),
}


def blame(log: Iterable[str]) -> FaultClass | None:
    """The class that a line names; None where none does."""
    lines = tuple(log)
    return next((kind for kind, saying in _SAYINGS.items() if any(map(saying.search, lines))), None)
