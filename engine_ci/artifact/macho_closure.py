"""Pure. Which files dyld takes when a program starts: load commands, followed as dyld does."""

from __future__ import annotations

import posixpath
from collections import deque
from typing import TYPE_CHECKING, Final

from engine_ci.artifact.closure import Closure, Missing
from engine_ci.artifact.macho.read import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from engine_ci.artifact.closure import Images
    from engine_ci.artifact.macho.read import Image

# What every macOS has, in a cache and not as files.
_SYSTEM: Final = ("/usr/lib/", "/System/Library/")
_RPATH: Final = "@rpath/"
_OUTSIDE: Final = "lies outside of the system and the bundle"


def is_system(name: str) -> bool:
    """Whether a library comes with macOS."""
    return name.startswith(_SYSTEM) and "/../" not in name


def demands(image: Image) -> frozenset[str]:
    """Symbols of the system's libraries without which an image does not load."""
    return frozenset(
        symbol.name
        for symbol in image.imports
        if not symbol.weak and is_system(image.library(symbol) or "")
    )


def follow(
    program: str,
    backends: Iterable[str],
    *,
    images: Images[Image],
    links: Mapping[str, str],
) -> Closure:
    """Follows what a program needs, and the backends that it loads at run time, breadth first.

    `@rpath/` leads along the run paths of the image itself, then of those that loaded it, up to
    the program.

    Args:
        program: the path of the server.
        backends: paths of libraries that it loads by itself.
        images: every image there is, by its path in the archive.
        links: the file that each link of the archive leads to; a library is known by its file.
    """
    loader = _Loader(program, images=images, links=links)
    own = loader.run_paths(program)
    queue = deque([(program, own), *((path, (*loader.run_paths(path), *own)) for path in backends)])
    why: dict[str, str] = {}
    found: dict[str, dict[str, str]] = {}
    system: set[str] = set()
    missing: list[Missing] = []
    seen = {path for path, _ in queue}
    while queue:
        path, run_paths = queue.popleft()
        found[path] = {}
        for name, kind in images[path].dependencies:
            if is_system(name):
                system.add(name)
                continue
            place = loader.place(name, needed_by=path, run_paths=run_paths)
            if place is None:
                # Who has such a library has one that nobody here has seen.
                if name.startswith("/"):
                    missing.append(Missing(name=name, needed_by=path, why=_OUTSIDE))
                elif kind is not Kind.WEAK:
                    missing.append(Missing(name=name, needed_by=path))
                continue
            found[path][name] = place
            if place not in seen:
                seen.add(place)
                why[place] = path
                queue.append((place, (*loader.run_paths(place), *run_paths)))
    return Closure(why=why, system=frozenset(system), missing=tuple(missing), found=found)


class _Loader:
    """Where dyld looks, once the program is known."""

    def __init__(self, program: str, *, images: Images[Image], links: Mapping[str, str]) -> None:
        self._executable = posixpath.dirname(program)
        self._images = images
        self._links = links

    def run_paths(self, path: str) -> tuple[str, ...]:
        """Those of one image as folders of the archive; others are left out."""
        named = (self._expanded(each, path) for each in self._images[path].run_paths)
        return tuple(folder for folder in named if folder is not None)

    def place(self, name: str, *, needed_by: str, run_paths: Sequence[str]) -> str | None:
        """The file that dyld would take for a name."""
        for path in self._candidates(name, needed_by=needed_by, run_paths=run_paths):
            if path in self._images:
                return self._links.get(path, path)
        return None

    def _candidates(self, name: str, *, needed_by: str, run_paths: Sequence[str]) -> Iterator[str]:
        if name.startswith(_RPATH):
            for folder in run_paths:
                yield posixpath.normpath(posixpath.join(folder, name.removeprefix(_RPATH)))
        elif (path := self._expanded(name, needed_by)) is not None:
            yield path

    def _expanded(self, name: str, path: str) -> str | None:
        """A name in terms of the archive; None for one that leads somewhere else."""
        for word, folder in (
            ("@loader_path", posixpath.dirname(path)),
            ("@executable_path", self._executable),
        ):
            rest = name.removeprefix(word)
            if rest != name and rest[:1] in ("", "/"):
                return posixpath.normpath(posixpath.join(folder, rest.lstrip("/")))
        return None
