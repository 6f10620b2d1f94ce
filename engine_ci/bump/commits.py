"""Pure. Upstream's commits by module, those that reach the bundle apart from the rest."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine_ci.records.upstream import UpstreamCommit


@dataclass(frozen=True, kw_only=True, slots=True)
class Module:
    """A part of llama.cpp, with commits of it, newest first."""

    name: str
    commits: tuple[UpstreamCommit, ...]


def by_module(commits: Iterable[UpstreamCommit], *, relevant: bool) -> tuple[Module, ...]:
    """The commits that reach the bundle, or those that do not: first the module with most."""
    found: defaultdict[str, list[UpstreamCommit]] = defaultdict(list)
    for commit in commits:
        if commit.relevant == relevant:
            found[commit.module].append(commit)
    return tuple(
        Module(name=name, commits=tuple(each))
        for name, each in sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    )
