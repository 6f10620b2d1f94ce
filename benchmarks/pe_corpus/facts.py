"""What a reader says of one file, in words that both readers share."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import lief

from engine_ci.artifact import pe, pe_layout, pe_tables
from engine_ci.errors import VerificationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Facts:
    """One file.

    Attributes:
        machine: its number.
        imports: names of libraries, in order.
        delayed: of those that are loaded late.
        exports: names.
        windows: the oldest version, major and minor.
        signed: whether certificates come with it.
    """

    machine: int
    imports: tuple[str, ...]
    delayed: tuple[str, ...]
    exports: frozenset[str]
    windows: tuple[int, int]
    signed: bool


def ours(path: Path, *, known: frozenset[str]) -> Facts:
    """What engine-ci says. It looks up exports by name: those known, and others much like them."""
    asked = known | {f"{name}_" for name in known} | {name[:-1] for name in known}
    image = pe.read(path)
    with pe_layout.opened(path) as layout:
        return Facts(
            machine=layout.machine,
            imports=image.needed,
            delayed=image.delayed,
            exports=frozenset(name for name in asked if pe_tables.exports(layout, name)),
            windows=image.windows,
            signed=image.signed,
        )


def liefs(path: Path) -> Facts:
    """What LIEF says. An export that has a number only has no name there."""
    binary = lief.PE.parse(str(path))
    if binary is None:
        raise VerificationError(f"{path.name}: LIEF reads nothing")
    table = binary.get_export()
    header = binary.optional_header
    return Facts(
        machine=int(binary.header.machine),
        imports=tuple(str(each.name) for each in binary.imports),
        delayed=tuple(str(each.name) for each in binary.delay_imports),
        exports=frozenset(str(each.name) for each in (table.entries if table else ()) if each.name),
        windows=(header.major_subsystem_version, header.minor_subsystem_version),
        signed=binary.has_signatures,
    )


def differences(one: Facts, other: Facts) -> Iterator[str]:
    """The questions on which two readers differ."""
    for field in fields(Facts):
        if getattr(one, field.name) != getattr(other, field.name):
            yield field.name
