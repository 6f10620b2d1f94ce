"""Pure. What the files of an engine are called: each system has its own beginnings and endings."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import Final

SERVER: Final = "llama-server"


@dataclass(frozen=True, kw_only=True, slots=True)
class Naming:
    """The names of one system.

    Attributes:
        server: the program.
        prefix: what stands before the word for a backend: `libggml-`.
        suffix: what stands after it, where the program loads it at run time: `.so`.
    """

    server: str
    prefix: str
    suffix: str

    def is_server(self, path: str) -> bool:
        """Whether a file has the program's name; Tauri puts the machine that it is for into it."""
        stem, suffix = map(re.escape, posixpath.splitext(self.server))
        name = rf"{stem}(-(aarch64|x86_64)-[a-z0-9_-]+)?{suffix}"
        return re.fullmatch(name, posixpath.basename(path)) is not None

    def loadable(self, path: str) -> bool:
        """Whether a file has the name of a backend that the program loads at run time."""
        stem, suffix = posixpath.splitext(posixpath.basename(path))
        word = stem.removeprefix(self.prefix)
        return suffix == self.suffix and word not in ("", stem) and "." not in word

    def belongs(self, path: str, *, backend: str) -> bool:
        """Whether a library is of a backend: `libggml-cpu-haswell.so` is of `cpu`."""
        begins = f"{self.prefix}{backend}"
        return posixpath.basename(path).startswith((f"{begins}.", f"{begins}-"))


UNIX: Final = Naming(server=SERVER, prefix="libggml-", suffix=".so")
WINDOWS: Final = Naming(server=f"{SERVER}.exe", prefix="ggml-", suffix=".dll")
