"""What became of the requests for a share of the cache: numbers only, and only so many.

Nothing of a prompt is in here but how many tokens it had.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine_ci.engine.kv import Cache, Plan

# The latest decisions, which are remembered one by one.
RECORDS: Final = 256


class Decision(StrEnum):
    """What became of a request."""

    ADMITTED = "admitted"
    NEVER_FITS = "never-fits"
    GAVE_UP = "gave-up"
    CLOSED = "closed"
    NOT_ERASED = "not-erased"


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One decision.

    Attributes:
        at: seconds by the clock of the admission.
        waited_s: seconds from the request to the decision, erasing included.
        prompt: tokens of the prompt.
        count: the most tokens of the answer.
        plan: what was to happen before it decoded; None where it did not come to that.
    """

    at: float
    waited_s: float
    decision: Decision
    prompt: int
    count: int
    plan: Plan | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """What there is to see at one moment.

    Attributes:
        budget: cells of the cache.
        reserved: of these, for those who decode.
        resident: of these, in idle slots.
        waiting: requests in the line.
        decisions: how many of each kind so far.
        evicted: slots erased so far.
        evicted_tokens: that they held.
        overran: requests that took more cells than were reserved for them.
        corrected: times that a slot held another number of tokens than was thought.
        waited_s: seconds that all requests together waited for a decision.
        longest_s: seconds of the longest of these waits.
        records: the latest decisions, oldest first.
    """

    budget: int
    reserved: int
    resident: int
    waiting: int
    decisions: Mapping[Decision, int]
    evicted: int
    evicted_tokens: int
    overran: int
    corrected: int
    waited_s: float
    longest_s: float
    records: tuple[Record, ...]


@dataclass(kw_only=True, slots=True)
class Tally:
    """What is counted as it happens; whoever adds to it has it for himself."""

    decisions: Counter[Decision] = field(default_factory=Counter)
    evicted: int = 0
    evicted_tokens: int = 0
    overran: int = 0
    corrected: int = 0
    waited_s: float = 0.0
    longest_s: float = 0.0
    records: deque[Record] = field(default_factory=lambda: deque(maxlen=RECORDS))

    def add(self, record: Record) -> None:
        """Counts a decision."""
        self.decisions[record.decision] += 1
        self.waited_s += record.waited_s
        self.longest_s = max(self.longest_s, record.waited_s)
        if record.plan and record.decision is Decision.ADMITTED:
            self.evicted += len(record.plan.evicted)
            self.evicted_tokens += record.plan.evicted_tokens
        self.records.append(record)

    def snapshot(self, cache: Cache) -> Snapshot:
        """All of it, with what is known of the cache."""
        idle = [slot for slot in cache.slots if not slot.reserved]
        return Snapshot(
            budget=cache.budget,
            reserved=cache.held - sum(slot.held for slot in idle),
            resident=sum(slot.held for slot in idle),
            waiting=len(cache.line),
            decisions=dict(self.decisions),
            evicted=self.evicted,
            evicted_tokens=self.evicted_tokens,
            overran=self.overran,
            corrected=self.corrected,
            waited_s=self.waited_s,
            longest_s=self.longest_s,
            records=tuple(self.records),
        )
