"""What a PE image asks for and gives: its tables of imports, delayed imports and exports."""

from __future__ import annotations

import struct
from bisect import bisect_left
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


def imports(layout: Layout) -> Iterator[str]:
    """Names of the libraries that are loaded with it, in its order.

    Raises:
        VerificationError: the table is damaged, or a name in it.
    """
    return _libraries(layout, table=_IMPORTS, entry=_IMPORT)


def delayed(layout: Layout) -> Iterator[str]:
    """The same of those that are loaded when something of them is first called."""
    return _libraries(layout, table=_DELAYED, entry=_DELAYED_IMPORT)


def exports(layout: Layout, function: str) -> bool:
    """Whether others find a function in it by that name, looked up as Windows does it.

    Raises:
        VerificationError: the table leads out of the file.
    """
    address, _ = layout.directory(_EXPORTS)
    if not address:
        return False
    count, names = layout.exactly(address, _EXPORT)

    def name(number: int) -> bytes:
        (place,) = layout.exactly(names + number * _WORD.size, _WORD)
        return layout.name(place)

    wanted = function.encode()
    found = bisect_left(range(count), wanted, key=name)
    return found < count and name(found) == wanted


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
