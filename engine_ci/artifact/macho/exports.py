"""What an image gives to others: the export trie, whose nodes share the beginnings of names."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from engine_ci.artifact.macho import fields
from engine_ci.artifact.macho.cursor import Cursor
from engine_ci.errors import MachOError

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_WORK = 1 << 26  # bytes of names, with what a node costs besides
_NODE = 64
_WEAK = 0x04
_REEXPORT = 0x08


class Export(NamedTuple):
    """One symbol that an image gives.

    Attributes:
        name: as the linker knows it, leading underscore and all.
        address: from the image's beginning; None when it is another image's, passed on.
        weak: another image's definition may take its place.
    """

    name: str
    address: int | None
    weak: bool


def exports(trie: memoryview) -> Iterator[Export]:
    """The exports of a trie, in no order that means anything.

    Raises:
        MachOError: the trie is damaged: a node outside, reached twice, or names without end.
    """
    nodes = _Nodes(trie)
    waiting = [(0, b"")] if trie else []
    while waiting:
        offset, name = waiting.pop()
        if (said := nodes.enter(offset, name)) is not None:
            yield said
        waiting += [(child, name + label) for label, child in nodes.edges(name)]


def find(trie: memoryview, name: str) -> Export | None:
    """The export of that name, found as dyld finds it: only the way to it is read.

    Raises:
        MachOError: the trie is damaged on that way.
    """
    nodes = _Nodes(trie)
    wanted, passed = name.encode(), b""
    offset: int | None = 0 if trie else None
    while offset is not None:
        said = nodes.enter(offset, passed)
        if passed == wanted:
            return said
        offset = None
        for label, child in nodes.edges(passed):
            if wanted.startswith(passed + label):
                passed, offset = passed + label, child
                break
    return None


class _Nodes:
    """A trie, read node by node: first what a node says itself, then where its edges lead."""

    def __init__(self, trie: memoryview) -> None:
        if len(trie) > _MOST_WORK:
            raise MachOError(f"export trie: expected {_MOST_WORK} bytes at most, found {len(trie)}")
        self._cursor = Cursor(bytes(trie), what="export trie")
        self._seen: set[int] = set()
        self._work = 0

    def enter(self, offset: int, name: bytes) -> Export | None:
        """The symbol of that name, when the node at an offset ends one."""
        if offset in self._seen:
            raise MachOError(f"export trie: the node at byte {offset} is reached twice")
        self._seen.add(offset)
        cursor = self._cursor
        cursor.offset = offset
        size = cursor.uleb()
        edges = cursor.offset + size
        said = _export(cursor, name) if size else None
        cursor.offset = edges
        return said

    def edges(self, name: bytes) -> Iterator[tuple[bytes, int]]:
        """What the node that was entered last, under that name, adds to it, and which nodes do."""
        cursor = self._cursor
        for _ in range(cursor.byte()):
            label = cursor.text()
            self._work += len(name) + len(label) + _NODE
            if self._work > _MOST_WORK:
                raise MachOError("export trie: its names are too long, taken together")
            yield label, cursor.uleb()


def _export(cursor: Cursor, name: bytes) -> Export:
    flags = cursor.uleb()
    return Export(
        name=fields.readable(name, what="export trie"),
        address=None if flags & _REEXPORT else cursor.uleb(),
        weak=bool(flags & _WEAK),
    )
