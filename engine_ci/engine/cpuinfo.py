"""Reads what Linux tells of its processors."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_PATH: Final = Path("/proc/cpuinfo")
_BYTES: Final = 1 << 16


def processor(path: Path = _PATH) -> dict[str, str]:
    """What is told of the first processor, by name; nothing where there is no such file.

    Of what is told twice, the first counts.
    """
    try:
        with path.open("rb") as stream:
            first, _, _ = stream.read(_BYTES).decode(errors="replace").partition("\n\n")
    except OSError:
        return {}
    told = (line.partition(":") for line in reversed(first.splitlines()))
    return {name.strip(): value.strip() for name, _, value in told}


def features(path: Path = _PATH) -> frozenset[str] | None:
    """The features of the first processor, in Linux's words; None where it does not tell."""
    told = processor(path)
    flags = told.get("flags") or told.get("Features")
    return frozenset(flags.split()) if flags else None
