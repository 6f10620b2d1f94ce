"""Pure. What becomes of every file that is kept, in the order in which it happens.

Files that no loader reads come first; then images, inside out: each after those that it needs, but
in a circle. The program is the last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from engine_ci.records.bundle import Edit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine_ci.artifact.closure import Images
    from engine_ci.artifact.loaders import Loader
    from engine_ci.artifact.plan import Kept, PrunePlan
    from engine_ci.artifact.relocation import Relocation

ImageT = TypeVar("ImageT")


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One file's way into the bundle; without a relocation its bytes stay."""

    file: Kept
    relocation: Relocation | None

    @property
    def edits(self) -> tuple[Edit, ...]:
        """All that is otherwise then, in order."""
        old, new = self.file.was, self.file.path
        renamed = () if old == new else (Edit(what="name", old=old, new=new),)
        return renamed + (self.relocation.edits if self.relocation else ())


def steps(pruned: PrunePlan, *, images: Images[ImageT], loader: Loader[ImageT]) -> tuple[Step, ...]:
    """All steps to a bundle.

    Args:
        pruned: which files, and under which names.
        images: those that the system's loader reads, by path in the archive.
        loader: the system's.
    """
    found, placed = pruned.closure.found, pruned.names
    files = {file.source: file for file in pruned.keep}
    needs = {file.source: found.get(file.source, {}) for file in pruned.images}
    relocations = {
        path: loader.relocated(images[path], found=needed, placed=placed)
        for path, needed in needs.items()
    }
    plain = [path for path in files if path not in needs]
    inside_out = _inside_out({path: tuple(needed.values()) for path, needed in needs.items()})
    return tuple(
        Step(file=files[path], relocation=relocations.get(path))
        for path in sorted((*plain, *inside_out), key=lambda path: files[path].kind == "server")
    )


def _inside_out(needs: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """Paths, by those of what they need: each once, and after those."""
    seen: set[str] = set()
    waiting = [(path, False) for path in reversed(tuple(needs))]
    while waiting:
        path, needed_are_done = waiting.pop()
        if needed_are_done:
            yield path
        elif path not in seen:
            seen.add(path)
            waiting.append((path, True))
            waiting += [(each, False) for each in needs[path]]
