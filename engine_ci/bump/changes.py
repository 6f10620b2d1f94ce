"""Pure. What changed between the pinned engine and the candidate, as far as the two bundles tell.

Nothing is guessed: where one side is missing or silent, the answer is None and not "nothing".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine_ci.records.upstream import Names

if TYPE_CHECKING:
    from engine_ci.records.bundle import Bundle, BundleFile
    from engine_ci.records.gate import Engines


@dataclass(frozen=True, kw_only=True, slots=True)
class Resized:
    """A file with other bytes than before; sizes in bytes."""

    path: str
    before: int
    after: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Closure:
    """What became of the bundle's files.

    Attributes:
        same: how many have the same bytes.
        before, after: bytes of all files.
        system_libraries: names taken from the operating system.
        demands: what the operating system's libraries must have; None where either side lists
            nothing, as architectures.
        architectures: model architectures that the engine's bytes list.
        identical: whether both engines are the same, licences aside.
    """

    added: tuple[BundleFile, ...]
    removed: tuple[BundleFile, ...]
    changed: tuple[Resized, ...]
    same: int
    before: int
    after: int
    system_libraries: Names
    demands: Names | None
    architectures: Names | None
    identical: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """What is known to differ.

    Attributes:
        flags: command line flags; None where either engine was not asked or did not answer.
        closure: None when there is no bundle of the pinned engine.
    """

    flags: Names | None
    closure: Closure | None


def compare(before: Bundle | None, after: Bundle, *, engines: Engines) -> Changes:
    """Compares the bundle of the pinned engine, where there is one, with the candidate's."""
    return Changes(
        flags=_known(engines.baseline.flags if engines.baseline else (), engines.candidate.flags),
        closure=closure(before, after) if before else None,
    )


def closure(before: Bundle, after: Bundle) -> Closure:
    """Compares two bundles for one platform."""
    old = {file.path: file for file in before.files}
    new = {file.path: file for file in after.files}
    both = sorted(old.keys() & new.keys())
    differing = [path for path in both if old[path].sha256 != new[path].sha256]
    return Closure(
        added=tuple(new[path] for path in sorted(new.keys() - old.keys())),
        removed=tuple(old[path] for path in sorted(old.keys() - new.keys())),
        changed=tuple(
            Resized(path=path, before=old[path].size, after=new[path].size) for path in differing
        ),
        same=len(both) - len(differing),
        before=before.size,
        after=after.size,
        system_libraries=Names.between(before.system_libraries, after.system_libraries),
        demands=_known(before.demands, after.demands),
        architectures=_known(before.architectures, after.architectures),
        identical=before.tree_sha256 == after.tree_sha256,
    )


def _known(before: tuple[str, ...], after: tuple[str, ...]) -> Names | None:
    return Names.between(before, after) if before and after else None
