"""Pure. The errors that a person can see, by their exit code."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from docs.generator.regions import row, table
from engine_ci import errors

if TYPE_CHECKING:
    from collections.abc import Iterator


def reference() -> str:
    """A table of the classes, each with the first line of what it says of itself."""
    classes = sorted(_classes(errors.EngineCIError), key=lambda each: each.exit_code)
    rows = [
        row(
            str(int(each.exit_code)),
            f"`{each.__name__}`",
            (inspect.getdoc(each) or "").partition("\n")[0],
        )
        for each in classes
    ]
    return table("exit code", "error", "", rows=rows)


def _classes(above: type[errors.EngineCIError]) -> Iterator[type[errors.EngineCIError]]:
    """All that are thrown, those of one parent after it."""
    for each in above.__subclasses__():
        yield each
        yield from _classes(each)
