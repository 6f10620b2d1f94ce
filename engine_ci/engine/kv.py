"""Pure. Who may decode when several slots share one cache, and which prefixes have to go first.

A cell of the cache holds one token of one slot; slots share none, even where their texts begin
alike. A request takes a cell for each token of its prompt and of its answer, so that the most it
may take is known before it begins. That much is reserved for it, prefix and all. Who decodes never
holds more than its reservation, an idle slot never more than its prefix, and together they fit:
nobody who was admitted can meet a cache that is full.

Requests are admitted in the order in which they came. None is overtaken, whatever it needs, so that
none starves: in time those before it end, and what is idle can be evicted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import repeat, takewhile
from operator import eq, ne
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Tokens: TypeAlias = tuple[int, ...]

# In place of tokens that nobody told us: no prompt begins with it.
UNKNOWN: Final = -1


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """One slot of the engine.

    Attributes:
        resident: the tokens that it holds or, while it decodes, held before.
        reserved: cells that are promised to who decodes in it; 0 when it is idle.
        used: when somebody last gave it back, as a number that grows; 0 for never.
    """

    number: int
    resident: Tokens = ()
    reserved: int = 0
    used: int = 0

    @property
    def held(self) -> int:
        """The most cells that it may take now."""
        return max(len(self.resident), self.reserved)


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A request that is to decode.

    Attributes:
        number: its own.
        at: when it came, in seconds by any clock.
        prompt: token IDs.
        count: the most tokens of its answer.
    """

    number: int
    at: float
    prompt: Tokens
    count: int

    @property
    def most(self) -> int:
        """The most cells that it may take."""
        return len(self.prompt) + self.count


@dataclass(frozen=True, kw_only=True, slots=True)
class Cache:
    """What is known of an engine's cache.

    Attributes:
        budget: cells that all slots share.
        slots: by number, from 0.
        line: who waits, in the order in which they came.
    """

    budget: int
    slots: tuple[Slot, ...]
    line: tuple[Request, ...] = ()

    @property
    def held(self) -> int:
        """The most cells that may be taken now; more than the budget only if somebody overran."""
        return sum(slot.held for slot in self.slots)


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What has to happen before a request decodes.

    Attributes:
        slot: the one that it decodes in.
        kept: tokens of its prompt that this slot holds already.
        evicted: slots to erase, each at most once, the least recently used first.
        evicted_tokens: that they hold.
    """

    slot: int
    kept: int
    evicted: tuple[int, ...]
    evicted_tokens: int


def empty(*, budget: int, slots: int) -> Cache:
    """A cache that holds nothing yet."""
    return Cache(budget=budget, slots=tuple(Slot(number=number) for number in range(slots)))


def fits(cache: Cache, request: Request) -> bool:
    """Whether a request can ever be admitted."""
    return 0 < request.most <= cache.budget


def joined(cache: Cache, request: Request) -> Cache:
    """With a request at the end of the line."""
    return replace(cache, line=(*cache.line, request))


def left(cache: Cache, request: Request) -> Cache:
    """Without a request in the line."""
    return replace(cache, line=tuple(other for other in cache.line if other != request))


def plan(cache: Cache, request: Request) -> Plan | None:
    """How a request can decode now; None while it has to wait for others.

    Its slot is the idle one that holds most of its prompt, if more of what it holds is used than
    lost; else an empty one; else the least recently used. A request that continues nothing that is
    known is no other case: no slot serves it.
    """
    first = cache.line[:1] == (request,)
    idle = sorted((slot for slot in cache.slots if first and not slot.reserved), key=_last_use)
    if not idle:
        return None
    # An engine works on the last token even when it holds the whole prompt.
    known = request.prompt[:-1]
    kept = {slot.number: _common(slot.resident, known) for slot in idle}
    serving = [slot for slot in idle if 2 * kept[slot.number] > len(slot.resident)]
    slot = max(serving, key=lambda slot: kept[slot.number]) if serving else idle[0]
    # What serves the request goes last of all.
    order = sorted(idle, key=lambda other: bool(serving) and other is slot)
    evicted = _evicted(cache, order, slot=slot, most=request.most)
    if evicted is None:
        return None
    return Plan(
        slot=slot.number,
        kept=0 if slot in evicted else kept[slot.number],
        evicted=tuple(victim.number for victim in evicted),
        evicted_tokens=sum(len(victim.resident) for victim in evicted),
    )


def granted(cache: Cache, request: Request, plan: Plan) -> Cache:
    """With a plan's slot reserved; what it evicts is there until it is `erased`."""
    return _with(cache, replace(cache.slots[plan.slot], reserved=request.most))


def erased(cache: Cache, slot: int) -> Cache:
    """With a slot that holds nothing, reserved or not."""
    return _with(cache, replace(cache.slots[slot], resident=()))


def released(cache: Cache, slot: int, resident: Tokens | None) -> Cache:
    """With an idle slot that holds those tokens; as many unknown ones as it may where None."""
    before, used = cache.slots[slot], 1 + max(slot.used for slot in cache.slots)
    now = _unknown(before.held) if resident is None else resident
    return _with(cache, replace(before, resident=now, reserved=0, used=used))


def corrected(cache: Cache, counts: Mapping[int, int], *, since: Cache) -> Cache:
    """With as many tokens in idle slots as the engine says, unknown ones where we took others.

    Args:
        cache: what is known now.
        counts: tokens by slot, of those that were idle when the engine was asked.
        since: what was known before it was asked; what has changed meanwhile is left as it is.
    """
    for now, before in zip(cache.slots, since.slots, strict=True):
        count = counts.get(now.number, len(now.resident))
        if now is before and not now.reserved and count != len(now.resident):
            cache = _with(cache, replace(now, resident=_unknown(count)))
    return cache


def changed(one: Cache, other: Cache) -> int:
    """In how many slots two states of a cache differ."""
    return sum(map(ne, one.slots, other.slots))


def _last_use(slot: Slot) -> tuple[bool, int]:
    return bool(slot.resident), slot.used


def _common(resident: Sequence[int], prompt: Sequence[int]) -> int:
    """How many tokens they begin with alike."""
    return sum(takewhile(bool, map(eq, resident, prompt)))


def _evicted(cache: Cache, order: Sequence[Slot], *, slot: Slot, most: int) -> list[Slot] | None:
    """As many of the idle slots in order as make room for `most` in `slot`; None if all do not."""
    needed = max(len(slot.resident), most)
    short = cache.held - slot.held + needed - cache.budget
    evicted = []
    for other in order:
        gain = needed - most if other is slot else len(other.resident)
        if short > 0 and gain > 0:
            evicted.append(other)
            short -= gain
    return evicted if short <= 0 else None


def _unknown(count: int) -> Tokens:
    return tuple(repeat(UNKNOWN, count))


def _with(cache: Cache, slot: Slot) -> Cache:
    slots = (*cache.slots[: slot.number], slot, *cache.slots[slot.number + 1 :])
    return replace(cache, slots=slots)
