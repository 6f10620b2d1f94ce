"""Pure. Where the slices of a fat file go when their sizes change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine_ci.artifact.macho import fat
from engine_ci.artifact.macho.profile import rounded
from engine_ci.errors import MachOError

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_ALIGNMENT = 15
_MOST_BYTES = 1 << 32


def placed(view: memoryview, *, sizes: Sequence[int]) -> tuple[bytes, list[int]]:
    """The new table of a fat file, and where each slice begins, in the order of the table.

    Args:
        view: the file as it is.
        sizes: of the new slices.

    Raises:
        MachOError: the slices do not fit into such a file.
    """
    header = fat.HEADER.read(view, 0, what="fat header")
    form = fat.ENTRY if header.magic == fat.MAGIC else fat.ENTRY_64
    entries = fat.entries(view)
    free = fat.HEADER.size + len(entries) * form.size
    for number in sorted(range(len(entries)), key=lambda each: entries[each].offset):
        entry = entries[number]
        if entry.alignment > _MOST_ALIGNMENT:
            raise MachOError(
                f"fat header: expected slices at multiples of 2^{_MOST_ALIGNMENT} at most, "
                f"found 2^{entry.alignment}"
            )
        offset = rounded(free, 1 << entry.alignment)
        entries[number] = entry._replace(offset=offset, size=sizes[number])
        free = offset + sizes[number]
    if form is fat.ENTRY and free > _MOST_BYTES:
        raise MachOError(f"fat header: expected at most {_MOST_BYTES} bytes, found {free}")
    table = b"".join(form.pack(entry) for entry in entries)
    return fat.HEADER.pack(header) + table, [entry.offset for entry in entries]
