"""Asks llama.cpp's repository what changed between the pinned engine and another, through git.

What it cannot tell is said with its reason, and never taken for "nothing changed".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from engine_ci.errors import CommandError, OutsideError
from engine_ci.records.upstream import (
    LONGEST_SUBJECT,
    Missed,
    Names,
    Range,
    Unavailable,
    Upstream,
    UpstreamCommit,
)
from engine_ci.releases import features, relevance
from engine_ci.releases.modules import module
from engine_ci.releases.regressions import known
from engine_ci.system import markdown
from engine_ci.system.history import TIP, History

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from engine_ci.pins.model import Commit, Pin
    from engine_ci.releases.relevance import Shipped
    from engine_ci.system.history import Change

Answer = TypeVar("Answer")

NOT_ASKED: Final = Unavailable(reason="the configuration names no repository of llama.cpp")
_LONGEST_REASON: Final = 300
_FATAL: Final = "fatal: "


def ask(
    pin: Pin,
    *,
    address: str | None,
    cache: Path,
    shipped: Shipped,
    build: int | None = None,
    commit: Commit | None = None,
) -> Upstream:
    """What changed from the pinned commit to a candidate's, and what the pinned engine misses.

    Args:
        pin: what is used now.
        address: of llama.cpp's repository; None where it is not to be asked.
        cache: the user's folder; clones lie in it as `upstream/<key>`.
        shipped: what the app's bundle has, for what is relevant to it.
        build: upstream's number of the candidate, whose commit is that of the tag `b<build>`.
        commit: the candidate's, where its source tells one; both None where there is no candidate,
            or nobody knows what it was made of.
    """
    regressions = known(build, shipped=shipped) if build is not None else ()
    home = cache / "upstream"
    history = _told(lambda: History.fetched(address, home=home)) if address else NOT_ASKED
    if isinstance(history, Unavailable):
        return Upstream(repository=address, range=history, missed=history, regressions=regressions)
    return Upstream(
        repository=address,
        range=_told(lambda: _range(history, pin, shipped, build=build, commit=commit)),
        missed=_told(lambda: _missed(history, pin)),
        regressions=regressions,
    )


def _range(
    history: History, pin: Pin, shipped: Shipped, *, build: int | None, commit: Commit | None
) -> Range:
    old, new = _pinned(history, pin), _candidate(history, build=build, commit=commit)
    return Range(
        old=old,
        new=new,
        commits=_commits(history.between(old, new), shipped),
        architectures=_told(lambda: _difference(_architectures(history), old=old, new=new)),
        chat_formats=_told(lambda: _difference(_chat_formats(history), old=old, new=new)),
    )


def _commits(changes: Sequence[Change], shipped: Shipped) -> tuple[UpstreamCommit, ...]:
    return tuple(
        UpstreamCommit(
            id=change.id,
            at=change.at,
            subject=change.subject[:LONGEST_SUBJECT],
            module=module(change.subject, change.paths),
            relevant=relevance.touches(change.paths, shipped=shipped),
        )
        for change in changes
    )


def _missed(history: History, pin: Pin) -> Missed:
    names = _architectures(history)
    tip = _known(history, TIP)
    lacking = names(tip) - names(_pinned(history, pin))
    return Missed(tip=tip, at=history.date(tip), architectures=tuple(sorted(lacking)))


def _pinned(history: History, pin: Pin) -> str:
    return _known(history, pin.commit.id)


def _candidate(history: History, *, build: int | None, commit: Commit | None) -> str:
    if commit is not None:
        return _known(history, commit.id)
    if build is not None:
        return history.tagged(f"b{build}")
    raise OutsideError("no build and no commit is known to compare the pin with")


def _known(history: History, name: str) -> str:
    found = history.commit(name)
    if found is None:
        raise OutsideError(f"{history.address} has no commit {name}, or more than one")
    return found


def _architectures(history: History) -> Callable[[str], frozenset[str]]:
    return _listed(history, features.ARCHITECTURES, features.architectures)


def _chat_formats(history: History) -> Callable[[str], frozenset[str]]:
    return _listed(history, features.CHAT_FORMATS, features.chat_formats)


def _listed(
    history: History, path: str, read: Callable[[str], frozenset[str] | None]
) -> Callable[[str], frozenset[str]]:
    """A function that gives the names which a file lists in a commit."""

    def names(commit: str) -> frozenset[str]:
        text = history.read(path, at=commit)
        found = None if text is None else read(text)
        if found is None:
            raise OutsideError(f"{path} of the commit {commit} does not list them as expected")
        return found

    return names


def _difference(names: Callable[[str], frozenset[str]], *, old: str, new: str) -> Names:
    return Names.between(names(old), names(new))


def _told(question: Callable[[], Answer]) -> Answer | Unavailable:
    try:
        return question()
    except OutsideError as error:
        return _unavailable(error)


def _unavailable(error: OutsideError) -> Unavailable:
    """Why git gave up, or else what went wrong, in one line."""
    said = error.stderr.splitlines() if isinstance(error, CommandError) else []
    fatal = [line.removeprefix(_FATAL) for line in said if line.startswith(_FATAL)]
    text = markdown.visible(" ".join([*fatal, error.message][0].split()))
    return Unavailable(reason=text[:_LONGEST_REASON])
