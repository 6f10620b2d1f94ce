"""What is asked of every file: one function for each question.

An answer names who was compared, and where they differ; None means that they agree. A question of a
whole file that has no second reader names the rule that it checks.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from benchmarks.macho_corpus.facts import Facts

    Readings = Mapping[str, list[Facts]]

OURS = "engine-ci"
_LONGEST = 80


class Answer(NamedTuple):
    """One comparison of one architecture."""

    against: str
    difference: str | None


def dependencies(readings: Readings) -> Iterator[Answer]:
    """Libraries with their kinds, in order."""
    return _agreement(readings, attrgetter("dependencies"))


def run_paths(readings: Readings) -> Iterator[Answer]:
    """Run paths, in order."""
    return _agreement(readings, attrgetter("run_paths"))


def minimum_os(readings: Readings) -> Iterator[Answer]:
    """The oldest system, and the SDK."""
    return _agreement(readings, lambda facts: (*facts.minimum_os, *facts.sdk))


def imports(readings: Readings) -> Iterator[Answer]:
    """Symbols with their library, and whether they may be missing."""
    return _agreement(readings, attrgetter("imports"))


def shared(readings: Readings) -> Iterator[Answer]:
    """Symbols that C++ shares among images."""
    return _agreement(readings, attrgetter("shared"))


def exports(readings: Readings) -> Iterator[Answer]:
    """Symbols that the image gives."""
    return _agreement(readings, attrgetter("exports"))


QUESTIONS: dict[str, Callable[[Readings], Iterator[Answer]]] = {
    "dependencies": dependencies,
    "run paths": run_paths,
    "minimum OS and SDK": minimum_os,
    "imports": imports,
    "shared definitions": shared,
    "exports": exports,
}


def _agreement(
    readings: Readings, of: Callable[[Facts], tuple[object, ...] | frozenset[object]]
) -> Iterator[Answer]:
    ours = readings[OURS]
    for reader, theirs in readings.items():
        if reader == OURS:
            continue
        for mine, other in zip(ours, theirs, strict=True):
            yield Answer(reader, _difference(of(mine), of(other)))


def _difference(
    mine: tuple[object, ...] | frozenset[object], other: tuple[object, ...] | frozenset[object]
) -> str | None:
    if mine == other:
        return None
    only_mine = {each for each in mine if each not in other}
    only_other = {each for each in other if each not in mine}
    example = min(map(str, only_mine | only_other), default="another order")
    return f"{len(only_mine)} only here, {len(only_other)} only there, such as {example[:_LONGEST]}"
