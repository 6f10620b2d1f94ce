"""Pure. Which files of an archive become the bundle, under which path, and why not the others."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import takewhile
from typing import TYPE_CHECKING, TypeVar

from engine_ci.artifact.names import Taken
from engine_ci.errors import VerificationError
from engine_ci.records.bundle import RECORD, DroppedFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from engine_ci.artifact.archive import Entry
    from engine_ci.artifact.closure import Closure, Images
    from engine_ci.artifact.loaders import Loader
    from engine_ci.artifact.naming import Naming
    from engine_ci.records.bundle import Kind

ImageT = TypeVar("ImageT")

_LICENCE = re.compile(r"(^|/)licen[cs]es/|(^|/)(LICEN[CS]E|COPYING|NOTICE)[^/]*$", re.IGNORECASE)
_DIST_INFO = re.compile(r"^[^/]+\.dist-info/")


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """A file of the bundle.

    Attributes:
        source: its path in the archive, that of a link to it perhaps.
        was: the path of the file itself there, without the folders that the engine shares.
    """

    path: str
    source: str
    was: str
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
    def names(self) -> Mapping[str, str]:
        """What each file is called in the bundle, by its path in the archive."""
        return {file.source: file.path for file in self.keep}

    @property
    def images(self) -> tuple[Kept, ...]:
        """The files that the loader reads."""
        return tuple(file for file in self.keep if file.kind in ("server", "library", "backend"))


def prune(
    entries: Mapping[str, Entry],
    *,
    images: Images[ImageT],
    loader: Loader[ImageT],
    backends: Iterable[str],
    keep: Iterable[str],
    settled: bool = False,
) -> PrunePlan:
    """Decides over every file of an archive.

    Args:
        entries: the archive's files and links, by path. A link that is kept becomes a file under
            the link's name, so a bundle has one copy of a library, under the name it is needed by.
        images: those of them that are images; only the ones that matter are looked up.
        loader: the system's.
        backends: run-time backends that the app wants: `cpu` is `libggml-cpu.so`.
        keep: patterns of further file names that the app wants.
        settled: whether files stay where they are.

    Raises:
        VerificationError: no server, or more than one; two files for one path, or one that a
            file system without case would keep one of.
    """
    naming = loader.naming
    server = _server(entries, naming)
    roots = _roots(entries, images=images, loader=loader, backends=tuple(backends))
    links = {path: entry.target for path, entry in entries.items() if entry.target is not None}
    pulled = loader.follow(server, roots, images=images, links=links)
    started: dict[str, tuple[Kind, str]] = {
        **{
            path: ("library", f"{posixpath.basename(by)} needs it")
            for path, by in pulled.why.items()
        },
        **dict.fromkeys(roots, ("backend", "a run-time backend that the app wants")),
        server: ("server", "the program itself"),
    }
    folder = _common_folder(started)
    kept = {**dict(_others(entries, keep=tuple(keep))), **started}

    def inside(path: str) -> str:
        return path if settled else _DIST_INFO.sub("dist-info/", _inside(path, folder))

    def place(path: str) -> str:
        if kept[path][0] == "licence":
            return inside(path)
        image = images[path] if path in started else None
        return loader.place(path, image, inside=inside(path))

    laid_out = {path: path for path in kept} if settled else _laid_out(kept, place=place)
    return PrunePlan(
        keep=tuple(
            Kept(
                path=path,
                source=source,
                was=inside(entries[source].target or source),
                kind=kept[source][0],
                why=kept[source][1],
            )
            for path, source in sorted(laid_out.items())
        ),
        drop=_dropped(entries, kept=kept, naming=naming),
        closure=pulled,
    )


def _roots(
    paths: Iterable[str],
    *,
    images: Images[ImageT],
    loader: Loader[ImageT],
    backends: tuple[str, ...],
) -> list[str]:
    """The run-time backends that the app wants."""
    naming = loader.naming
    return [
        path
        for path in sorted(paths)
        if naming.loadable(path)
        and any(naming.belongs(path, backend=backend) for backend in backends)
        and loader.is_backend(images[path])
    ]


def _others(
    paths: Iterable[str], *, keep: tuple[str, ...]
) -> Iterator[tuple[str, tuple[Kind, str]]]:
    """What goes with the images: licences, and what the app wants by name."""
    for path in paths:
        if _LICENCE.search(path):
            yield path, ("licence", "a licence goes with the files it is for")
        elif any(fnmatchcase(posixpath.basename(path), pattern) for pattern in keep):
            yield path, ("resource", "the app's configuration keeps it")


def _server(paths: Iterable[str], naming: Naming) -> str:
    found = [path for path in sorted(paths) if naming.is_server(path)]
    if len(found) != 1:
        shown = ", ".join(found) or "none"
        raise VerificationError(f"expected one program called {naming.server}, found {shown}")
    return found[0]


def _common_folder(paths: Iterable[str]) -> tuple[str, ...]:
    """The folders above all files: those of the package, the build or the build's folder."""
    folders = [path.split("/")[:-1] for path in paths]
    same = takewhile(lambda level: len(set(level)) == 1, zip(*folders, strict=False))
    return tuple(level[0] for level in same)


def _laid_out(paths: Iterable[str], *, place: Callable[[str], str]) -> dict[str, str]:
    """Paths that stay equal from version to version, each with the path in the archive."""
    origin: dict[str, str] = {}
    taken = Taken(RECORD)
    for source in sorted(paths):
        path = place(source)
        if path in origin:
            raise VerificationError(f"{source} and {origin[path]} would both become {path}")
        if taken.hides(path):
            raise VerificationError(f"{source} would become {path}, which hides another file")
        origin[path] = source
    return origin


def _inside(path: str, folder: tuple[str, ...]) -> str:
    """The path without the folders that it shares with the engine."""
    above = path.split("/")[:-1]
    shared = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(above, folder, strict=False))))
    return "/".join(path.split("/")[shared:])


def _dropped(
    entries: Mapping[str, Entry], *, kept: Mapping[str, object], naming: Naming
) -> tuple[DroppedFile, ...]:
    copies = {entries[path].fingerprint: path for path in kept}
    stay = {*kept, *(entries[path].target for path in kept)}
    return tuple(
        DroppedFile(
            path=path,
            size=0 if entry.target else entry.size,
            why=_why_not(entry, copies, naming=naming),
        )
        for path, entry in sorted(entries.items())
        if path not in stay
    )


def _why_not(entry: Entry, copies: Mapping[str, str], *, naming: Naming) -> str:
    if entry.target is not None:
        return f"a link to {posixpath.basename(entry.target)}"
    twin = copies.get(entry.fingerprint)
    if twin is not None:
        return f"a copy of {posixpath.basename(twin)}"
    if naming.loadable(entry.path):
        return "a run-time backend that the app does not want"
    return "nothing that is kept needs it"
