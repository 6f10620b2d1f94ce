"""Lets requests through to an engine only when its cache has room for the most they may take.

Without it, requests that overlap can fill a unified cache together; llama-server then fails every
one of them. See `docs/kv.md`.
"""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count as numbers
from threading import Condition
from typing import TYPE_CHECKING

from engine_ci.engine import kv
from engine_ci.engine.admission_log import Decision, Record, Snapshot, Tally
from engine_ci.engine.kv import Plan, Request, Tokens
from engine_ci.errors import (
    EngineAnswerError,
    EngineRefusedError,
    NeverFitsError,
    NotAdmittedError,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from engine_ci.engine.client import Client, Completion


@dataclass(kw_only=True, slots=True)
class Grant:
    """A share of the cache for one request.

    Attributes:
        slot: the one to decode in, with the cached prompt.
        kept: tokens of the prompt that it is taken to hold.
        answer: the tokens that were decoded, when somebody has told them.
    """

    slot: int
    kept: int
    answer: Tokens | None = None

    def answered(self, tokens: Sequence[int]) -> None:
        """Tells what was decoded, so that the next request can go on from there."""
        self.answer = tuple(tokens)


@contextmanager
def opened(
    client: Client, *, budget: int, clock: Callable[[], float] = time.monotonic
) -> Iterator[Admission]:
    """Admission to an engine, which nobody must ask to decode by another way meanwhile.

    It begins with an empty cache: all slots are erased. At the end, those who wait are sent away.

    Args:
        client: of an engine with a unified cache that may erase slots.
        budget: cells of that cache, one for a token.
        clock: seconds, for the telemetry.

    Raises:
        UsageError: a slot cannot have so many.
        EngineRefusedError: the engine does not erase slots.
    """
    found = client.slots()
    if (most := min((slot.n_ctx for slot in found), default=0)) < budget:
        raise UsageError(
            f"expected slots that can take all {budget} tokens of the cache, found {most}",
            hint="start the engine with --kv-unified, and with a context of so many tokens",
        )
    for slot in found:
        client.slot("erase", slot=slot.id)
    admission = Admission(client, kv.empty(budget=budget, slots=len(found)), clock=clock)
    try:
        yield admission
    finally:
        admission.close()


class Admission:
    """Shares an engine's cache among threads; made by `opened`."""

    def __init__(self, client: Client, cache: kv.Cache, *, clock: Callable[[], float]) -> None:
        self._client = client
        self._cache = cache
        self._clock = clock
        self._tally = Tally()
        self._numbers = numbers()
        self._closed = False
        self._changed = Condition()

    def complete(
        self,
        prompt: Sequence[int],
        *,
        count: int,
        top: int = 0,
        ignore_eos: bool = True,
        timeout_s: float | None = None,
    ) -> Completion:
        """`Client.complete` by way of the cache, when there is room.

        Raises:
            NotAdmittedError: as for `admitted`.
            EngineAnswerError: as for the client.
        """
        try:
            with self.admitted(prompt, count=count, timeout_s=timeout_s) as grant:
                found = self._client.complete(
                    prompt, count=count, top=top, cache=True, slot=grant.slot, ignore_eos=ignore_eos
                )
                grant.answered(found.tokens)
        except EngineRefusedError:
            self.reconcile()
            raise
        if found.evaluated not in (None, len(prompt) - grant.kept):
            self.reconcile()
        return found

    @contextmanager
    def admitted(
        self, prompt: Sequence[int], *, count: int, timeout_s: float | None = None
    ) -> Iterator[Grant]:
        """Waits in line for a share of the cache, which ends with the block.

        Args:
            prompt: token IDs.
            count: the most tokens of the answer, at least 1.
            timeout_s: how long to wait in line; for ever when not given.

        Raises:
            NeverFitsError: the cache is smaller than that.
            NotAdmittedError: not in time, or the admission was closed.
            EngineAnswerError: what had to go could not be erased.
        """
        number, now = next(self._numbers), self._clock()
        request = Request(number=number, at=now, prompt=tuple(prompt), count=count)
        with self._in_line(request):
            plan = self._turn(request, timeout_s=timeout_s)
            self._erase(request, plan)
        grant = Grant(slot=plan.slot, kept=plan.kept)
        try:
            yield grant
        finally:
            self._release(request, grant)

    def reconcile(self) -> None:
        """Asks the engine what idle slots hold, and believes it; not if it does not answer."""
        since = self._cache
        with suppress(EngineAnswerError):
            counts = {
                slot.id: slot.held
                for slot in self._client.slots()
                if not slot.is_processing and slot.held is not None
            }
            with self._changing():
                now = kv.corrected(self._cache, counts, since=since)
                self._tally.corrected += kv.changed(self._cache, now)
                self._cache = now

    def close(self) -> None:
        """Sends away those who wait and who come; those who decode may end."""
        with self._changing():
            self._closed = True

    def snapshot(self) -> Snapshot:
        """What there is to see now."""
        with self._changed:
            return self._tally.snapshot(self._cache)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Alone, and who waits looks again afterwards."""
        with self._changed:
            yield
            self._changed.notify_all()

    @contextmanager
    def _in_line(self, request: Request) -> Iterator[None]:
        """Waits behind those who are there; nobody behind gets a plan before the block ends."""
        with self._changed:
            self._cache = kv.joined(self._cache, request)
        try:
            yield
        finally:
            with self._changing():
                self._cache = kv.left(self._cache, request)

    def _turn(self, request: Request, *, timeout_s: float | None) -> Plan:
        """What is to happen before it decodes, once that can; its slot is reserved."""
        with self._changed:
            if not kv.fits(self._cache, request):
                self._note(request, Decision.NEVER_FITS)
                raise NeverFitsError(
                    f"expected 1 to {self._cache.budget} tokens of prompt and answer together, "
                    f"found {request.most}",
                    hint="ask for a shorter answer, or start the engine with a larger context",
                )
            plan = self._changed.wait_for(
                lambda: self._closed or kv.plan(self._cache, request), timeout_s
            )
            if not isinstance(plan, Plan):
                self._note(request, Decision.CLOSED if self._closed else Decision.GAVE_UP)
                raise NotAdmittedError(
                    "no more requests are let through to the engine"
                    if self._closed
                    else f"no room for {request.most} tokens in the engine's cache, which has "
                    f"{self._cache.budget}, within {timeout_s:g} s"
                )
            self._cache = kv.granted(self._cache, request, plan)
            return plan

    def _erase(self, request: Request, plan: Plan) -> None:
        """Erases what has to go; who cannot have that gives the slot back."""
        try:
            for number in plan.evicted:
                self._client.slot("erase", slot=number)
                with self._changed:
                    self._cache = kv.erased(self._cache, number)
        except BaseException:
            with self._changing():
                self._note(request, Decision.NOT_ERASED, plan)
                resident = self._cache.slots[plan.slot].resident
                self._cache = kv.released(self._cache, plan.slot, resident)
            raise
        with self._changed:
            self._note(request, Decision.ADMITTED, plan)

    def _release(self, request: Request, grant: Grant) -> None:
        # What was chosen last has been told, and never went into the cache.
        resident = None if grant.answer is None else request.prompt + grant.answer[:-1]
        with self._changing():
            self._tally.overran += len(resident or ()) > request.most
            self._cache = kv.released(self._cache, grant.slot, resident)

    def _note(self, request: Request, decision: Decision, plan: Plan | None = None) -> None:
        now = self._clock()
        self._tally.add(
            Record(
                at=now,
                waited_s=now - request.at,
                decision=decision,
                prompt=len(request.prompt),
                count=request.count,
                plan=plan,
            )
        )
