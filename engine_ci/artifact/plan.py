"""Pure. Which files of an archive become the bundle, under which path, and why not the others."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from engine_ci.artifact import closure, elf
from engine_ci.errors import VerificationError
from engine_ci.records.bundle import DroppedFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine_ci.artifact.closure import Closure, Images
    from engine_ci.artifact.unpack import Entry
    from engine_ci.records.bundle import Kind

SERVER = "llama-server"
_LICENCE = re.compile(r"(^|/)licen[cs]es/|(^|/)(LICEN[CS]E|COPYING|NOTICE)[^/]*$", re.IGNORECASE)
_BACKEND = re.compile(r"libggml-[^.]+\.so")
_DIST_INFO = re.compile(r"^[^/]+\.dist-info/")


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """A file of the bundle; `source` is its path in the archive."""

    path: str
    source: str
    kind: Kind
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PrunePlan:
    """What to do with every file of an archive; `keep` and `drop` are sorted by path."""

    keep: tuple[Kept, ...]
    drop: tuple[DroppedFile, ...]
    closure: Closure

    @property
    def server(self) -> str:
        """The path of the program in the bundle."""
        return next(file.path for file in self.keep if file.kind == "server")

    @property
    def images(self) -> tuple[Kept, ...]:
        """The files that the loader reads."""
        return tuple(file for file in self.keep if file.kind in ("server", "library", "backend"))


def prune(
    entries: Mapping[str, Entry],
    *,
    images: Images,
    backends: Iterable[str],
    keep: Iterable[str],
) -> PrunePlan:
    """Decides over every file of an archive.

    Args:
        entries: the archive's files, by path.
        images: those of them that are ELF; only the ones that matter are looked up.
        backends: run-time backends that the app wants: `cpu` is `libggml-cpu.so`.
        keep: patterns of further file names that the app wants.

    Raises:
        VerificationError: no server, or more than one; two files for one path.
    """
    server = _server(entries)
    roots = [
        path
        for path in sorted(entries)
        if _named_as_backend(path, backends) and elf.BACKEND in images[path].exports
    ]
    pulled = closure.follow([server, *roots], images=images)
    kept: dict[str, tuple[Kind, str]] = {server: ("server", "the program itself")}
    kept |= dict.fromkeys(roots, ("backend", "a run-time backend that the app wants"))
    for path, by in pulled.why.items():
        kept.setdefault(path, ("library", f"{posixpath.basename(by)} needs it"))
    folder = _common_folder(kept)
    for path in entries:
        if _LICENCE.search(path):
            kept.setdefault(path, ("licence", "a licence goes with the files it is for"))
        elif any(fnmatchcase(posixpath.basename(path), pattern) for pattern in keep):
            kept.setdefault(path, ("resource", "the app's configuration keeps it"))
    laid_out = _laid_out(kept, folder=folder)
    return PrunePlan(
        keep=tuple(
            Kept(path=path, source=source, kind=kept[source][0], why=kept[source][1])
            for path, source in sorted(laid_out.items())
        ),
        drop=_dropped(entries, kept=kept),
        closure=pulled,
    )


def _server(paths: Iterable[str]) -> str:
    found = [path for path in sorted(paths) if posixpath.basename(path) == SERVER]
    if len(found) != 1:
        shown = ", ".join(found) or "none"
        raise VerificationError(f"expected one program called {SERVER}, found {shown}")
    return found[0]


def _named_as_backend(path: str, backends: Iterable[str]) -> bool:
    """`libggml-cpu.so` and its variants such as `libggml-cpu-haswell.so` are the backend `cpu`."""
    stem, dot = posixpath.splitext(posixpath.basename(path))
    return dot == ".so" and any(f"{stem}-".startswith(f"libggml-{name}-") for name in backends)


def _common_folder(paths: Iterable[str]) -> str:
    """The first folder when all files lie in it: it is the package's, and named after it."""
    tops = {path.partition("/")[0] if "/" in path else "" for path in paths}
    return tops.pop() if len(tops) == 1 else ""


def _laid_out(paths: Iterable[str], *, folder: str) -> dict[str, str]:
    """Paths that stay equal from version to version, each with the path in the archive."""
    origin: dict[str, str] = {}
    for source in sorted(paths):
        path = _DIST_INFO.sub("dist-info/", source.removeprefix(f"{folder}/"))
        if path in origin:
            raise VerificationError(f"{source} and {origin[path]} would both become {path}")
        origin[path] = source
    return origin


def _dropped(
    entries: Mapping[str, Entry], *, kept: Mapping[str, object]
) -> tuple[DroppedFile, ...]:
    copies = {(entries[path].size, entries[path].crc): path for path in kept}
    return tuple(
        DroppedFile(path=path, size=entry.size, why=_why_not(entry, copies))
        for path, entry in sorted(entries.items())
        if path not in kept
    )


def _why_not(entry: Entry, copies: Mapping[tuple[int, int], str]) -> str:
    twin = copies.get((entry.size, entry.crc))
    if twin is not None:
        return f"a copy of {posixpath.basename(twin)}"
    if _BACKEND.fullmatch(posixpath.basename(entry.path)):
        return "a run-time backend that the app does not want"
    return "nothing that is kept needs it"
