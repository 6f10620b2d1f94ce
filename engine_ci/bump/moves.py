"""Pure. What a branch changes: which engines move, and whether a bump touches anything else."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Literal

from engine_ci.errors import ConfigError
from engine_ci.pins import targets
from engine_ci.records.change import Change, ChangedFile, PinChange, Stray

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from engine_ci.bump.named import Named
    from engine_ci.pins.model import Pin
    from engine_ci.records.candidate import Release


def decide(
    before: Named | None,
    after: Named,
    *,
    files: Iterable[str],
    head: str,
    base: str | None,
    branch: str | None,
) -> Change:
    """What happened between two states of an app's files.

    Args:
        before: None where there is no such state, or none that can be read: all pins are new then.
        after: as they are.
        files: that differ, from the top of the clone.
        head: the commit of `after`.
        base: that of `before`.
        branch: that the pull request comes from.
    """
    kinds = tuple(ChangedFile(path=path, kind=_kind(path, before, after)) for path in files)
    pins = tuple(_pins(before, after))
    # Its base says what a bump is: no branch can say of itself that it is none.
    policy = (before or after).config.pull_request
    bump = branch in (policy.branch, policy.rollback_branch)
    return Change(
        schema=1,
        head=head,
        base=base,
        branch=branch,
        bump=bump,
        pin_moved=any(pin.moved for pin in pins),
        pins=pins,
        files=kinds,
        strays=tuple(_strays(before, after, files=kinds, pins=pins)) if bump else (),
    )


def _kind(path: str, *states: Named | None) -> Literal["pin", "target", "other"]:
    known = [state for state in states if state is not None]
    if any(path in state.pins for state in known):
        return "pin"
    carries = any(path == place.path for state in known for place in state.places)
    return "target" if carries else "other"


def _pins(before: Named | None, after: Named) -> Iterator[PinChange]:
    states = (before, after)
    names = {name for state in states if state for name in state.engines}
    for name in sorted(names):
        old, new = (state.engines.get(name) if state else None for state in states)
        files = [
            file
            for state in states
            for file, pin in (state.pins if state else {}).items()
            if pin.name == name
        ]
        yield PinChange(
            name=name,
            file=files[-1],
            before=old.version if old else None,
            after=new.version if new else None,
            moved=_facts(old) != _facts(new),
        )


def _facts(engine: Pin | Release | None) -> dict[str, object] | None:
    """All that tells one engine from another: what is held is no part of it."""
    return engine.model_dump(exclude={"holds"}) if engine else None


def _strays(
    before: Named | None,
    after: Named,
    *,
    files: Sequence[ChangedFile],
    pins: Sequence[PinChange],
) -> Iterator[Stray]:
    for file in files:
        if file.kind == "other":
            yield Stray(path=file.path, why="it is neither a pin nor a target")
    if before is None:
        for pin in pins:
            yield Stray(path=pin.file, why="no pin before it can be read: nothing says what moved")
        return
    pairs = tuple(_pairs(before, after, [pin.name for pin in pins if pin.moved]))
    for path, old, new in pairs:
        if (old.source, old.adapter) != (new.source, new.adapter):
            yield Stray(path=path, why="the engine is of another kind, or comes from elsewhere")
    expected = _with_values(before, [(old, new) for _, old, new in pairs])
    for place in after.places:
        if expected.get(place.path, place.text) != place.text:
            yield Stray(path=place.path, why="more of it changed than the values of the pin")


def _pairs(before: Named, after: Named, names: Iterable[str]) -> Iterator[tuple[str, Pin, Pin]]:
    """The pins of those names as they were and as they are, with the file."""
    old = {pin.name: pin for pin in before.pins.values()}
    for file, pin in after.pins.items():
        if pin.name in names and pin.name in old:
            yield file, old[pin.name], pin


def _with_values(before: Named, pairs: Iterable[tuple[Pin, Pin]]) -> dict[str, str]:
    """The files of targets, as nothing but a move of the pins would leave them."""
    texts = {place.path: place.text for place in before.places}
    for old, new in pairs:
        for place in before.places:
            # Where its values are not those of the pin, nothing in it was to change.
            with suppress(ConfigError):
                texts[place.path] = targets.moved(texts[place.path], place.target, old=old, new=new)
    return texts
