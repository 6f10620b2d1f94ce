"""Whether colours are wanted: https://no-color.org, `FORCE_COLOR`, `CLICOLOR_FORCE`, a terminal."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

_OFF = ("", "0", "false")


def wanted(stream: TextIO, *, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether what is written to a stream may have colours; who wants none has the last word."""
    if environment.get("NO_COLOR"):
        return False
    if any(_is_on(environment, name) for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    if environment.get("TERM") == "dumb" or environment.get("CLICOLOR") == "0":
        return False
    return stream.isatty()


def is_live(stream: TextIO, *, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether somebody looks on while it is written, so that a line may change."""
    dumb = environment.get("TERM") == "dumb"
    return stream.isatty() and not dumb and not _is_on(environment, "CI")


def tell_libraries(
    *, stream: TextIO | None = None, environment: MutableMapping[str, str] = os.environ
) -> None:
    """Has help come out the same way: Typer reads the environment when it first shows some."""
    environment.pop("_TYPER_FORCE_DISABLE_TERMINAL", None)
    if not wanted(stream or sys.stdout, environment=environment):
        environment["_TYPER_FORCE_DISABLE_TERMINAL"] = "1"
    elif _is_on(environment, "CLICOLOR_FORCE"):
        environment["FORCE_COLOR"] = "1"


def _is_on(environment: Mapping[str, str], name: str) -> bool:
    return environment.get(name, "").lower() not in _OFF
