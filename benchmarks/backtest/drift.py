"""Pure. How far real builds are from the reference and from each other, by model and comparison.

The data behind the thresholds of the suite `drift`: what its passing checks observed.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine_ci.records.backtest import Outcome

_CHECK = re.compile(r"drift/(?P<model>[^/]+)/(?P<comparison>[^/]+)")
_MEASURE = re.compile(r"((?:mean|median) (?:difference|KL)) ([\d.e+-]+)")
_LARGEST = re.compile(r"nats over \d+ steps; largest (?P<largest>\S+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """What all builds showed in one comparison of one model.

    Attributes:
        measure: that is judged; quantised models have two.
        least, most: of the measure, in nats.
        largest: difference of any one log-probability, in nats.
        builds: how many were compared.
    """

    model: str
    comparison: str
    measure: str
    least: float
    most: float
    largest: float
    builds: int


def spreads(outcomes: Iterable[Outcome]) -> list[Spread]:
    """A spread for each measure of each comparison that any build passed, by model."""
    found: dict[tuple[str, str, str], list[tuple[float, float]]] = defaultdict(list)
    for outcome in outcomes:
        for check, observed in outcome.passed.items():
            named, largest = _CHECK.fullmatch(check), _LARGEST.search(observed)
            if named and largest:
                for measure, moved in _MEASURE.findall(observed):
                    key = (named["model"], named["comparison"], measure)
                    found[key].append((float(moved), float(largest["largest"])))
    return [_spread(*key, pairs) for key, pairs in sorted(found.items())]


def _spread(model: str, comparison: str, measure: str, pairs: list[tuple[float, float]]) -> Spread:
    moved, largest = zip(*pairs, strict=True)
    return Spread(
        model=model,
        comparison=comparison,
        measure=measure,
        least=min(moved),
        most=max(moved),
        largest=max(largest),
        builds=len(pairs),
    )
