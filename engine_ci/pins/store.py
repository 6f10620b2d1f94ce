"""Reads and writes pin files. A pin is complete and exact, or it is rejected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine_ci.errors import PinError
from engine_ci.pins.model import Pin
from engine_ci.system import documents

if TYPE_CHECKING:
    from pathlib import Path

# The line of a pin file that changes with every move; a hold is an edit too, and moves nothing.
MOVES: Final = "^version:"


def load(path: Path) -> Pin:
    """Reads a pin file.

    Raises:
        PinError: with the file, the key and the reason.
    """
    return documents.load_yaml(path, Pin, error=PinError)


def parse(text: str, *, name: str) -> Pin:
    """Reads the text of a pin file of that name; errors as for `load`."""
    return documents.parse_yaml(text, Pin, name=name, error=PinError)


def dump(pin: Pin) -> str:
    """The one text of a pin; `dump(load(path))` gives back the bytes that `dump` wrote."""
    return documents.dump_yaml(pin)
