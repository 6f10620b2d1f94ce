"""Reads from the files of a bundle what it offers and needs: no record has to say it once more."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from engine_ci.engine import executables
from engine_ci.engine.adapters.contract import CPU
from engine_ci.engine.profiles import Profile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LIBRARY: Final = re.compile(
    r"(?P<stem>(?:lib)?(?:ggml|llama|mtmd)[a-z0-9_-]*)(?:\.\d+)*\.(?:so|dylib|dll)(?:\.\d+)*"
)
_BACKEND: Final = re.compile(
    r"(?:lib)?ggml-(?P<kind>[a-z0-9]+)(?:-(?P<variant>[a-z0-9_.]+?))?"
    r"(?:\.\d+)*\.(?:so|dylib|dll)(?:\.\d+)*"
)
_NO_BACKEND: Final = "base"


def profile(folder: Path, *, program: Path) -> Profile:
    """What the files below a folder tell; `program` is the one among them that is started."""
    files = {path for path in folder.rglob("*") if path.is_file()}
    backends = set(_backends(files))
    variants = {variant for kind, variant in backends if kind == CPU and variant}
    return Profile(
        name=str(folder),
        backends=frozenset(kind for kind, _ in backends),
        levels=_levels({program, *files}, program=program),
        variants=frozenset(variants),
    )


def _backends(files: set[Path]) -> Iterator[tuple[str, str | None]]:
    for path in files:
        named = _BACKEND.fullmatch(path.name)
        if named and named["kind"] != _NO_BACKEND:
            yield named["kind"], named["variant"]


def _levels(files: set[Path], *, program: Path) -> dict[str, int]:
    """Of the program and of upstream's libraries. A variant that cannot be loaded is left out."""
    found: dict[str, int] = {}
    for path in files:
        library = _LIBRARY.fullmatch(path.name)
        backend = _BACKEND.fullmatch(path.name)
        if path != program and (not library or (backend and backend["variant"])):
            continue
        name = library["stem"] if library else path.name
        found[name] = max(found.get(name, 0), executables.level(_head(path)))
    return {name: level for name, level in found.items() if level}


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(executables.HEAD_BYTES)
    except OSError:  # it may be run all the same
        return b""
