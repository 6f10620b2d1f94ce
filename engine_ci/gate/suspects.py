"""Pure. Which operation is to blame when drift shows in some models and modes and not in others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from engine_ci.gate import operations
from engine_ci.gate.asking import Mode

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from engine_ci.gate.operations import Feature, Marks, Place

Pair: TypeAlias = tuple[str, Mode]


@dataclass(frozen=True, kw_only=True, slots=True)
class Suspect:
    """An operation, and what it would disturb.

    Attributes:
        conditions: how much it takes to say where it is at work: 0 for what all do everywhere.
        reach: the models and modes that were asked and need it.
    """

    name: str
    conditions: int
    reach: frozenset[Pair]


def suspects(moved: Mapping[Pair, bool], models: Mapping[str, Marks]) -> tuple[Suspect, ...]:
    """The narrowest operations that account for everything that moved; none when nothing did.

    Another move outside its reach acquits an operation.

    Args:
        moved: for each model and mode that was asked, whether it was too far away.
        models: the marks of each of these models.
    """
    hits = {pair for pair, is_hit in moved.items() if is_hit}
    if not hits:
        return ()
    accounting = [found for found in _all(moved.keys(), models) if hits <= found.reach]
    narrowest = min(_narrowness(found) for found in accounting)
    return tuple(found for found in accounting if _narrowness(found) == narrowest)


def _narrowness(suspect: Suspect) -> tuple[int, int]:
    return len(suspect.reach), suspect.conditions


def _all(asked: Collection[Pair], models: Mapping[str, Marks]) -> Iterator[Suspect]:
    """Every operation of models, of modes, and of both at once."""
    for feature in (None, *operations.features(models.values())):
        for place in (None, *operations.PLACES):
            yield Suspect(
                name=_name(feature, place),
                conditions=(feature is not None) + (place is not None),
                reach=frozenset(
                    (model, mode)
                    for model, mode in asked
                    if (feature is None or feature.is_of(models[model]))
                    and (place is None or mode in place.modes)
                ),
            )


def _name(feature: Feature | None, place: Place | None) -> str:
    if feature and place:
        return f"{feature.name} with {place.name}"
    found = feature or place
    return found.name if found else "what every model does, such as norms and matrix products"
