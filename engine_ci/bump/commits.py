"""Pure. Upstream's commits by module, those that reach the bundle apart from the rest."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine_ci.records.upstream import UpstreamCommit


@dataclass(frozen=True, kw_only=True, slots=True)
class Module:
    """A part of llama.cpp, with its commits that reach the bundle, newest first."""

    name: str
    commits: tuple[UpstreamCommit, ...]


def relevant(commits: Iterable[UpstreamCommit]) -> tuple[Module, ...]:
    """The commits that reach the bundle, by module: first that with most of them."""
    found: defaultdict[str, list[UpstreamCommit]] = defaultdict(list)
    for commit in commits:
        if commit.relevant:
            found[commit.module].append(commit)
    return tuple(
        Module(name=name, commits=tuple(each))
        for name, each in sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    )


def irrelevant(commits: Iterable[UpstreamCommit]) -> tuple[tuple[str, int], ...]:
    """How many commits of each module reach no bundle: first the module with most of them."""
    counts = Counter(commit.module for commit in commits if not commit.relevant)
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
