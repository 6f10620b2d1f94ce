"""What a PE image asks for and gives: its tables of imports, delayed imports and exports."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine_ci.artifact.pe_layout import Layout

_EXPORTS, _IMPORTS, _DELAYED = 0, 1, 13
# Of a library: where its name is, and where the addresses of its functions go.
_IMPORT: Final = struct.Struct("<12xII")
_DELAYED_IMPORT: Final = struct.Struct("<4xI4xI16x")
_EXPORT: Final = struct.Struct("<24xI4xI4x")
_WORD: Final = struct.Struct("<I")
_MOST_LIBRARIES: Final = 1 << 10
_MOST_NAMES: Final = 1 << 16  # a function's number has 16 bits


def imports(layout: Layout) -> Iterator[str]:
    """Names of the libraries that are loaded with it, in its order.

    Raises:
        VerificationError: the table is damaged, or a name in it.
    """
    return _libraries(layout, table=_IMPORTS, entry=_IMPORT)


def delayed(layout: Layout) -> Iterator[str]:
    """The same of those that are loaded when something of them is first called."""
    return _libraries(layout, table=_DELAYED, entry=_DELAYED_IMPORT)


def exports(layout: Layout) -> Iterator[str]:
    """Names of the functions and variables that others may use.

    Raises:
        VerificationError: the table is damaged, or a name in it.
    """
    address, _ = layout.directory(_EXPORTS)
    if not address:
        return
    count, names = layout.exactly(address, _EXPORT)
    if count > _MOST_NAMES:
        raise layout.damaged(f"expected at most {_MOST_NAMES} exports, found {count}")
    table = layout.at(names, count * _WORD.size)
    if len(table) < count * _WORD.size:
        raise layout.damaged("the table of its exports leads out of the file")
    for (name,) in _WORD.iter_unpack(table):
        yield layout.text(name)


def _libraries(layout: Layout, *, table: int, entry: struct.Struct) -> Iterator[str]:
    """Names up to the entry without one; what is said of the table's size counts for nobody."""
    address, _ = layout.directory(table)
    if not address:
        return
    for place in range(_MOST_LIBRARIES + 1):
        name, addresses = layout.exactly(address + place * entry.size, entry)
        if not name:
            return
        if not addresses:
            raise layout.damaged("a table of its imports ends for Windows where others read on")
        yield layout.text(name)
    raise layout.damaged(f"it imports more than {_MOST_LIBRARIES} libraries")
