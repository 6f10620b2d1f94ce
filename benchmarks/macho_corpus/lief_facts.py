"""What LIEF says, less what is known to be wrong in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lief

from benchmarks.macho_corpus.facts import Facts, library
from engine_ci.errors import VerificationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_WEAK_LOOKUP = -3
_KINDS = {
    "LOAD_DYLIB": "strong",
    "LOAD_WEAK_DYLIB": "weak",
    "REEXPORT_DYLIB": "reexport",
    "LAZY_LOAD_DYLIB": "lazy",
    "LOAD_UPWARD_DYLIB": "upward",
}
_ARCHITECTURES = {"ARM64": "arm64", "X86_64": "x86_64"}


def facts(path: Path) -> list[Facts]:
    """One for each architecture."""
    fat = lief.MachO.parse(str(path))  # held: LIEF crashes when only its images are
    if fat is None:
        raise VerificationError(f"{path.name}: LIEF reads nothing")
    return [_facts(binary) for binary in fat]


def _facts(binary: lief.MachO.Binary) -> Facts:
    dependencies = tuple(
        (str(each.name), _KINDS[each.command.name])
        for each in binary.libraries
        if each.command.name in _KINDS
    )
    builds = list(_builds(binary))
    bindings = list(_bindings(binary))
    return Facts(
        arch=_ARCHITECTURES[binary.header.cpu_type.name],
        dependencies=dependencies,
        run_paths=tuple(str(each.path) for each in binary.rpaths),
        minimum_os=tuple(_version(each[0]) for each in builds),
        sdk=tuple(_version(each[1]) for each in builds),
        imports=frozenset(
            (name, library(ordinal, dependencies), weak)
            for name, ordinal, weak in bindings
            if ordinal != _WEAK_LOOKUP
        ),
        shared=frozenset(name for name, ordinal, _ in bindings if ordinal == _WEAK_LOOKUP),
        exports=frozenset(_exports(binary)),
    )


def _builds(binary: lief.MachO.Binary) -> Iterator[tuple[list[int], list[int]]]:
    for command in binary.commands:
        match command:
            case lief.MachO.BuildVersion():
                yield command.minos, command.sdk
            case lief.MachO.VersionMin():
                yield command.version, command.sdk
            case _:
                pass


def _version(numbers: list[int]) -> str:
    major, minor, patch = numbers
    return f"{major}.{minor}" + (f".{patch}" if patch else "")


def _bindings(binary: lief.MachO.Binary) -> Iterator[tuple[str, int, bool]]:
    """LIEF calls everything in C++'s weak-bind table a weak import, whatever it is."""
    for binding in binary.bindings:
        if binding.symbol is None:
            continue
        name = str(binding.symbol.name)
        if _is_shared(binding):
            yield name, _WEAK_LOOKUP, False
        else:
            yield name, binding.library_ordinal, binding.weak_import


def _is_shared(binding: lief.MachO.BindingInfo) -> bool:
    return (
        isinstance(binding, lief.MachO.DyldBindingInfo)
        and binding.binding_class == lief.MachO.DyldBindingInfo.CLASS.WEAK
    )


def _exports(binary: lief.MachO.Binary) -> Iterator[str]:
    for holder in (binary.dyld_exports_trie, binary.dyld_info):
        if holder is not None:
            yield from (str(each.symbol.name) for each in holder.exports if each.symbol)
