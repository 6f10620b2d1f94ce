"""What a reader says of one architecture of a file, in words that all readers share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine_ci.artifact.macho import pages, read
from engine_ci.artifact.macho.imports import Ordinal

if TYPE_CHECKING:
    from pathlib import Path

    from engine_ci.artifact.macho.layout import Slice

SPECIAL = {0: "this image", -1: "main executable", -2: "flat lookup"}


@dataclass(frozen=True, kw_only=True)
class Facts:
    """One architecture.

    Attributes:
        dependencies: names and kinds, in order.
        minimum_os: as text, of each platform.
        imports: symbol, library and whether it may be missing; without those that C++ shares.
        shared: the symbols that C++ shares among images.
        exports: symbols; those that are passed on, too.
    """

    arch: str
    dependencies: tuple[tuple[str, str], ...]
    run_paths: tuple[str, ...]
    minimum_os: tuple[str, ...]
    sdk: tuple[str, ...]
    imports: frozenset[tuple[str, str, bool]]
    shared: frozenset[str]
    exports: frozenset[str]


def library(ordinal: int, dependencies: tuple[tuple[str, str], ...]) -> str:
    """The library of an ordinal, or what a special one means."""
    return dependencies[ordinal - 1][0] if ordinal > 0 else SPECIAL[ordinal]


def ours(path: Path) -> list[Facts]:
    """What engine-ci says."""
    with pages.opened(path) as source:
        return [_facts(each) for each in source.slices]


def _facts(of: Slice) -> Facts:
    image = read.image(of)
    dependencies = tuple((name, str(kind)) for name, kind in image.dependencies)
    return Facts(
        arch=image.arch,
        dependencies=dependencies,
        run_paths=image.run_paths,
        minimum_os=tuple(str(build.minimum_os) for build in image.builds),
        sdk=tuple(str(build.sdk) for build in image.builds),
        imports=frozenset(
            (each.name, library(each.ordinal, dependencies), each.weak)
            for each in image.imports
            if each.ordinal != Ordinal.WEAK_LOOKUP
        ),
        shared=frozenset(
            each.name for each in image.imports if each.ordinal == Ordinal.WEAK_LOOKUP
        ),
        exports=frozenset(each.name for each in read.all_exports(of)),
    )
