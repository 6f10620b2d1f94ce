"""Pure. What an engine tells of its work, in `/metrics` and `/slots` as llama-server has them.

Builds rename and drop counters and fields, so one that is not there is unknown.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from engine_ci.engine.adapters.contract import Metrics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine_ci.engine.answers import SlotState

_SAMPLE: Final = re.compile(r"^llamacpp:(\w+) (\S+)$", re.MULTILINE)


def samples(text: str) -> dict[str, float]:
    """The counters of an engine by name; what is no number of zero or more is left out."""
    found = {}
    for name, written in _SAMPLE.findall(text):
        try:
            value = float(written)
        except ValueError:
            continue
        if 0 <= value < math.inf:
            found[name] = value
    return found


def metrics(
    counted: Mapping[str, float], slots: Sequence[SlotState] | None, *, total: int | None = None
) -> Metrics:
    """What is known by both.

    Args:
        counted: from `samples`; empty where an engine does not count.
        slots: None where an engine does not tell of them.
        total: how many slots there are, as the engine says elsewhere.
    """
    return Metrics(
        evaluated=_whole(counted, "prompt_tokens_total"),
        generated=_whole(counted, "tokens_predicted_total"),
        evaluating_s=counted.get("prompt_seconds_total"),
        generating_s=counted.get("tokens_predicted_seconds_total"),
        slots=total if slots is None else len(slots),
        busy=None if slots is None else sum(slot.is_processing for slot in slots),
        waiting=_whole(counted, "requests_deferred"),
        cached=None if slots is None else _cached(slots),
    )


def _whole(counted: Mapping[str, float], name: str) -> int | None:
    return int(counted[name]) if name in counted else None


def _cached(slots: Sequence[SlotState]) -> int | None:
    held = [slot.held for slot in slots]
    return None if None in held else sum(count for count in held if count)
