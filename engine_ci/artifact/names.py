"""Pure. Which names an archive may carry: plain relative paths that mean the same everywhere."""

from __future__ import annotations

import unicodedata
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_PATH = 1024
MAX_SEGMENT = 255


def fault(name: str) -> str | None:
    """What is wrong with a member's name; None when nothing is."""
    if not name.isprintable():
        return "its name holds control characters"
    if "\\" in name or ":" in name:
        return "its name holds a backslash or a colon"
    if name.startswith("/"):
        return "its name is absolute"
    segments = name.removesuffix("/").split("/")
    if any(segment in ("", ".", "..") for segment in segments):
        return "its name leaves the folder or holds an empty part"
    lengths = [len(segment.encode()) for segment in segments]
    if max(lengths) > MAX_SEGMENT or sum(lengths) > MAX_PATH:
        return "its name is too long"
    return None


def collision(names: Iterable[str]) -> str | None:
    """The first file name that another one hides: equal but for case, or one the other's folder.

    A file system that folds case or accents, as macOS has, would keep only one of them.
    """
    seen: set[str] = set()
    folders: set[str] = set()
    for name in names:
        folded = unicodedata.normalize("NFC", name).casefold()
        above = {str(folder) for folder in PurePosixPath(folded).parents}
        if folded in seen or folded in folders or above & seen:
            return name
        seen.add(folded)
        folders |= above
    return None
