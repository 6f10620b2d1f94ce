"""Pure. What the two engines are made of, before and after: files with sizes, libraries, flags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from engine_ci.records.gate import Closure, EngineFile, GateResult

Change = Literal["added", "removed", "changed", "same"]
_ORDER: tuple[Change, ...] = ("removed", "added", "changed", "same")


@dataclass(frozen=True, kw_only=True, slots=True)
class Moved:
    """A file before and after; None where it is not there. `kind` is "" where nobody says."""

    path: str
    kind: str
    before: EngineFile | None
    after: EngineFile | None

    @property
    def change(self) -> Change:
        """What has become of it."""
        if self.before is None:
            return "added"
        if self.after is None:
            return "removed"
        return "same" if self.before.sha256 == self.after.sha256 else "changed"

    @property
    def more(self) -> int:
        """Bytes that it has more than before."""
        return _size(self.after) - _size(self.before)


def _size(file: EngineFile | None) -> int:
    return file.size if file else 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Names:
    """Of libraries, or of flags."""

    gone: tuple[str, ...]
    new: tuple[str, ...]


def files(before: Closure | None, after: Closure) -> list[Moved]:
    """Every file of either, what has changed first."""
    old = {file.path: file for file in before.files} if before else {}
    new = {file.path: file for file in after.files}
    kinds = {path: file.kind for path, file in (old | new).items()}
    found = [
        Moved(path=path, kind=kinds[path] or "", before=old.get(path), after=new.get(path))
        for path in sorted(kinds)
    ]
    return sorted(found, key=lambda moved: _ORDER.index(moved.change))


def names(result: GateResult) -> Iterator[tuple[str, Names]]:
    """Libraries and flags, where there are those of both engines."""
    before, after = result.engines.baseline, result.engines.candidate
    if before is None:
        return
    old, new = before.closure, after.closure
    if old and new and new.system_libraries:
        yield "Libraries of the system", _names(old.system_libraries, new.system_libraries)
    yield "Flags of the program", _names(before.flags, after.flags)


def _names(before: Iterable[str], after: Iterable[str]) -> Names:
    old, new = set(before), set(after)
    return Names(gone=tuple(sorted(old - new)), new=tuple(sorted(new - old)))
