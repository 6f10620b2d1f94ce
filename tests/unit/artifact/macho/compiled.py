"""The committed images that compilers made, and the facts that they were made from."""

from __future__ import annotations

import json
import tarfile
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[4] / "fixtures/macho"


@cache
def images() -> dict[str, bytes]:
    """The bytes of each, by path."""
    with tarfile.open(FOLDER / "images.tar.xz") as archive:
        streams = {member.name: archive.extractfile(member) for member in archive}
        return {name: stream.read() for name, stream in streams.items() if stream}


@cache
def facts() -> dict[str, list[dict[str, Any]]]:
    """What the recipes of `fixtures/macho` asked for: by path, one for each processor."""
    found: dict[str, list[dict[str, Any]]] = json.loads((FOLDER / "facts.json").read_text())
    return found
