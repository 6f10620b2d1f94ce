"""Pure. Which files the loader takes when a program starts: DT_NEEDED, followed as ld.so does."""

from __future__ import annotations

import posixpath
from collections import deque
from typing import TYPE_CHECKING

from engine_ci.artifact.closure import Closure, Missing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine_ci.artifact.closure import Images
    from engine_ci.artifact.elf import Image

# On every glibc system that an engine for Linux can run on.
_SYSTEM = frozenset({
    "libc.so.6", "libm.so.6", "libdl.so.2", "librt.so.1", "libpthread.so.0", "libutil.so.1",
    "libresolv.so.2", "libstdc++.so.6", "libgcc_s.so.1",
    "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1",
})  # fmt: skip
# Parts of the compiler's runtime that a distribution packages, and a small system may lack.
_RUNTIMES = frozenset({"libgomp.so.1", "libatomic.so.1"})


def follow(roots: Iterable[str], *, images: Images[Image]) -> Closure:
    """Follows the needed libraries of `roots`, breadth first as the loader does.

    Args:
        roots: paths of programs, and of libraries that a program loads by itself.
        images: every image there is, by its path in the archive.
    """
    why: dict[str, str] = {}
    system: set[str] = set()
    missing: list[Missing] = []
    queue = deque((root, _rpath(root, images[root])) for root in roots)
    # The loader knows a library that is loaded by its name, wherever it came from.
    loaded = {images[root].soname or posixpath.basename(root) for root, _ in queue}
    while queue:
        path, inherited = queue.popleft()
        for name in images[path].needed:
            if name in loaded:
                continue
            found = _place(name, folders=_runpath(path, images[path]) or inherited, among=images)
            if found is not None:
                loaded.add(name)
                why[found] = path
                queue.append((found, (*_rpath(found, images[found]), *inherited)))
            elif name in _SYSTEM | _RUNTIMES:
                system.add(name)
            else:
                missing.append(Missing(name=name, needed_by=path))
    return Closure(
        why=why,
        system=frozenset(system),
        missing=tuple(missing),
        borrowed=frozenset(system & _RUNTIMES),
    )


def _runpath(path: str, image: Image) -> tuple[str, ...]:
    return tuple(_expanded(entry, path) for entry in image.runpath)


def _rpath(path: str, image: Image) -> tuple[str, ...]:
    """DT_RUNPATH, where there is one, switches DT_RPATH off."""
    return () if image.runpath else tuple(_expanded(entry, path) for entry in image.rpath)


def _expanded(entry: str, path: str) -> str:
    return entry.replace("${ORIGIN}", "$ORIGIN").replace("$ORIGIN", posixpath.dirname(path) or ".")


def _place(name: str, *, folders: Iterable[str], among: Images[Image]) -> str | None:
    """Where the loader would find `name`."""
    places = (posixpath.normpath(posixpath.join(folder, name)) for folder in folders)
    return next((place for place in places if place in among), None)
