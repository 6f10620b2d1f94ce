"""Pure. Which files the loader takes when a program starts: DT_NEEDED, followed as ld.so does."""

from __future__ import annotations

import posixpath
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from engine_ci.artifact.elf import Image

# On every glibc system that an engine for Linux can run on.
_SYSTEM = frozenset({
    "libc.so.6", "libm.so.6", "libdl.so.2", "librt.so.1", "libpthread.so.0", "libutil.so.1",
    "libresolv.so.2", "libstdc++.so.6", "libgcc_s.so.1",
    "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1",
})  # fmt: skip
# Parts of the compiler's runtime that a distribution packages, and a small system may lack.
RUNTIMES = frozenset({"libgomp.so.1", "libatomic.so.1"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Missing:
    """A library that the loader would not find."""

    name: str
    needed_by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Closure:
    """What starts together.

    Attributes:
        why: for every file that the roots pull in, the first one that needs it; no roots in it.
        system: names taken from the operating system.
    """

    why: Mapping[str, str]
    system: frozenset[str]
    missing: tuple[Missing, ...]


def follow(roots: Iterable[str], *, images: Mapping[str, Image]) -> Closure:
    """Follows the needed libraries of `roots`, breadth first as the loader does.

    Args:
        roots: paths of programs, and of libraries that a program loads by itself.
        images: every image there is, by its path in the archive.
    """
    why: dict[str, str] = {}
    system: set[str] = set()
    missing: list[Missing] = []
    queue = deque((root, images[root].rpath) for root in roots)
    # The loader knows a library that is loaded by its name, wherever it came from.
    loaded = {images[root].soname or posixpath.basename(root): root for root, _ in queue}
    while queue:
        path, inherited = queue.popleft()
        image = images[path]
        for name in image.needed:
            if name in loaded:
                continue
            found = next(
                _places(name, path=path, image=image, inherited=inherited, images=images), None
            )
            if found is not None:
                loaded[name] = found
                why[found] = path
                queue.append((found, (*images[found].rpath, *inherited)))
            elif name in _SYSTEM | RUNTIMES:
                system.add(name)
            else:
                missing.append(Missing(name=name, needed_by=path))
    return Closure(why=why, system=frozenset(system), missing=tuple(missing))


def _places(
    name: str, *, path: str, image: Image, inherited: Iterable[str], images: Mapping[str, Image]
) -> Iterator[str]:
    """Where the loader would find `name`, best first. DT_RUNPATH switches DT_RPATH off."""
    for entry in image.runpath or inherited:
        folder = entry.replace("${ORIGIN}", "$ORIGIN").replace("$ORIGIN", posixpath.dirname(path))
        place = posixpath.normpath(posixpath.join(folder, name))
        if place in images:
            yield place
