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
    if len(trie) > _MOST_WORK:
        raise MachOError(f"export trie: expected {_MOST_WORK} bytes at most, found {len(trie)}")
    data = bytes(trie)
    waiting = [(0, b"")] if data else []
    seen: set[int] = set()
    work = 0
    while waiting:
        offset, name = waiting.pop()
        if offset in seen:
            raise MachOError(f"export trie: the node at byte {offset} is reached twice")
        seen.add(offset)
        cursor = Cursor(data, what="export trie", offset=offset)
        size = cursor.uleb()
        children = cursor.offset + size
        if size:
            yield _export(cursor, name)
        cursor.offset = children
        for _ in range(cursor.byte()):
            label = cursor.raw_text()
            work += len(name) + len(label) + _NODE
            if work > _MOST_WORK:
                raise MachOError("export trie: its names are too long, taken together")
            waiting.append((cursor.uleb(), name + label))


def _export(cursor: Cursor, name: bytes) -> Export:
    flags = cursor.uleb()
    return Export(
        name=fields.readable(name, what="export trie"),
        address=None if flags & _REEXPORT else cursor.uleb(),
        weak=bool(flags & _WEAK),
    )
