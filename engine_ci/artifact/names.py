"""Pure. Which names an archive may carry: plain relative paths that mean the same everywhere."""

from __future__ import annotations

import posixpath
import unicodedata

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


class Taken:
    """The names of the files that an archive had so far.

    A file system that folds case or accents, as macOS has, would keep only one of some two.
    """

    def __init__(self, *files: str) -> None:
        """Takes the names that were there before."""
        self._files = {_folded(file) for file in files}
        self._folders: dict[str, str] = {}

    def hides(self, name: str) -> bool:
        """Whether an earlier file hides this one; otherwise this one is taken from now on.

        Hidden are names that are equal but for case or accents, a file and a folder of one name,
        and a folder that is written in two ways.
        """
        folded = _folded(name)
        above = {_folded(folder): folder for folder in _above(name)}
        if folded in self._files or folded in self._folders or above.keys() & self._files:
            return True
        if any(self._folders.get(key, folder) != folder for key, folder in above.items()):
            return True
        self._files.add(folded)
        self._folders |= above
        return False


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _above(name: str) -> list[str]:
    folders = []
    while name := posixpath.dirname(name):
        folders.append(name)
    return folders
