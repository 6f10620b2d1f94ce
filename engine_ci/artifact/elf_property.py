"""The processor that an ELF image needs, where its note of GNU properties tells it to ld.so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine_ci.system import gnu_property

if TYPE_CHECKING:
    from engine_ci.artifact.elf_layout import Layout

_MOST: Final = 1 << 12


def level(layout: Layout) -> int:
    """The level of x86-64 without which ld.so refuses the image, 1 to 4; 0 if it does not tell."""
    for segment in layout.segments:
        if segment.kind == gnu_property.SEGMENT:
            return gnu_property.level(layout.at(segment.address, min(segment.size, _MOST)))
    return 0
