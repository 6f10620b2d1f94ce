"""An engine that has to be what it was claimed to be, else its fallback, else nothing.

A claim is looked at before every start: by what the files of the bundles, this host and the program
tell. The first engine that runs is asked for the rest. It is ready when all is met.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from engine_ci.engine.adapters.contract import CPU
from engine_ci.engine.claim_checks import shortfalls
from engine_ci.engine.claims import Degraded, Granted, Rejected, decide
from engine_ci.engine.events import ClaimAcquired, ClaimRejected, FallbackEngaged
from engine_ci.engine.latest import Latest
from engine_ci.engine.profiles import misfits
from engine_ci.engine.start_failures import DYING_S, explained
from engine_ci.errors import (
    ClaimError,
    EngineAnswerError,
    EngineStartError,
    IllegalInstructionError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from engine_ci.engine.adapters.kinds import Server
    from engine_ci.engine.claims import Claim, Decision
    from engine_ci.engine.events import Channel
    from engine_ci.engine.launch import Launch
    from engine_ci.engine.profiles import Host, Profile
    from engine_ci.engine.ready_engine import Engine

# Keeps an engine on the CPU that has other backends too.
_NO_DEVICE: Final = ("--device", "none")
# They stand for no device.
_BESIDES: Final = frozenset({CPU, "blas", "rpc"})


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A bundle that may serve.

    Attributes:
        server: what is started.
        profile: what its files tell.
    """

    server: Server
    profile: Profile


class _Choice(NamedTuple):
    """The bundle that serves, and why those before it do not."""

    serves: Candidate
    others: tuple[str, ...]


class ClaimedEngine:
    """One engine, its claim, and what has been found out about it so far."""

    def __init__(
        self,
        claim: Claim,
        *,
        candidates: Sequence[Candidate],
        host: Host,
        launch: Callable[[Server, tuple[str, ...]], Launch[Engine]],
        name: str,
        events: Channel,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Nothing is looked at yet.

        Args:
            claim: what it should be.
            candidates: the catalog; of those that can serve, the first does.
            host: what is known of this machine.
            launch: prepares one start of a server, with arguments besides the app's own.
            name: of the engine, in events.
            events: where it is told what becomes of the claim.
            now: the time of day.
        """
        self._claim = claim
        self._candidates = candidates
        self._host = host
        self._launch = launch
        self._name = name
        self._events = events
        self._now = now
        self._serving: dict[str | None, _Choice] = {}
        self._short: dict[tuple[str | None, str], tuple[str, ...]] = {}
        self._decision: Decision | None = None
        self._acquired = False

    def refusal(self) -> str | None:
        """Why the claim is rejected, if so; the fallback is engaged where that will do."""
        decision = decide(self._claim, against=self._against)
        if decision != self._decision:
            self._decision = decision
            self._tell(decision)
        return "; ".join(decision.reasons) if isinstance(decision, Rejected) else None

    def launch(self) -> Launch[Engine]:
        """One start of whatever serves by then, and of the fallback where it falls short."""
        return _Launch(self)

    def start(self) -> Launch[Engine]:
        """One start of what was found to serve; nothing is known of it yet."""
        serves = self._serving[self._accelerator].serves
        keeps = self._accelerator == CPU and serves.profile.backends - _BESIDES
        return self._launch(serves.server, _NO_DEVICE if keeps else ())

    def is_met_by(self, engine: Engine) -> bool:
        """Whether a running engine is what was claimed. What has once been met is not asked again.

        Raises:
            EngineStartError: it ended or answered wrongly.
        """
        if self._tried not in self._short:
            with explained(engine.process, port=engine.port, log=engine.log):
                self._short[self._tried] = self._asked(engine)
        if self._short[self._tried]:
            return False
        if isinstance(self._decision, Granted) and not self._acquired:
            self._acquired = True
            self._tell_acquired(self._serving[self._accelerator])
        return True

    def _asked(self, engine: Engine) -> tuple[str, ...]:
        found = shortfalls(self._claim, engine.client)
        if found and engine.process.ended(within_s=DYING_S):
            raise EngineAnswerError(found[0])  # it has died of a question: that says nothing
        return found

    def cannot_run(self, reason: str) -> None:
        """What was started cannot run on this host, and is not started again."""
        self._short[self._tried] = (reason,)

    @property
    def _accelerator(self) -> str | None:
        decision = self._decision
        return decision.fallback if isinstance(decision, Degraded) else self._claim.accelerator

    @property
    def _tried(self) -> tuple[str | None, str]:
        """What was started last: the accelerator, and the name of the bundle."""
        return self._accelerator, self._serving[self._accelerator].serves.profile.name

    def _against(self, accelerator: str | None) -> tuple[str, ...]:
        reasons: list[str] = []
        for candidate in self._candidates:
            found = tuple(self._flaws(candidate, accelerator))
            if not found:
                self._serving[accelerator] = _Choice(candidate, _once(reasons))
                return ()
            reasons += found
        return _once(reasons)

    def _flaws(self, candidate: Candidate, accelerator: str | None) -> Iterator[str]:
        """Why a bundle will not do; what costs more is only looked at where the rest would do."""
        server, model = candidate.server, self._claim.model
        if reason := server.refusal(model):
            yield reason
            return
        size = model.stat().st_size
        seen = tuple(
            misfits(candidate.profile, self._host, accelerator=accelerator, model_size=size)
        )
        yield from seen
        if not seen:
            name = candidate.profile.name
            short = self._short.get((accelerator, name)) or self._unsupported(server, accelerator)
            yield from (f"{name}: {lacking}" for lacking in short)

    def _unsupported(self, server: Server, accelerator: str | None) -> tuple[str, ...]:
        claim, accelerator = self._claim, accelerator or CPU
        if not claim.features and not claim.context and accelerator == CPU:
            return ()
        try:
            return server.supports(
                claim.model,
                features=claim.features,
                context=claim.context,
                accelerator=accelerator,
            )
        except EngineStartError as problem:
            return (problem.message,)

    def _tell_acquired(self, choice: _Choice) -> None:
        self._events.publish(
            ClaimAcquired(
                engine=self._name,
                at=self._now(),
                bundle=choice.serves.profile.name,
                others=choice.others,
            )
        )

    def _tell(self, decision: Decision) -> None:
        """Tells of a decision; of a granted claim later, when an engine has shown that it is so."""
        name, at = self._name, self._now()
        if isinstance(decision, Rejected):
            self._events.publish(ClaimRejected(engine=name, at=at, reasons=decision.reasons))
        elif isinstance(decision, Degraded):
            fallback, reasons = decision.fallback, decision.reasons
            self._events.publish(
                FallbackEngaged(engine=name, at=at, fallback=fallback, reasons=reasons)
            )


def _once(reasons: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(reasons))


class _Launch:
    """One start of what a claim comes to. To enter is to wait until it is met."""

    def __init__(self, claimed: ClaimedEngine) -> None:
        self._claimed = claimed
        self._latest: Latest[Launch[Engine]] = Latest()
        self._undo = ExitStack()

    def __enter__(self) -> Engine:
        """Waits until an engine is what was claimed.

        Raises:
            ClaimError: none is.
            EngineStartError: it was stopped, ended, hangs or answers wrongly.
        """
        while True:
            try:
                if engine := self._entered():
                    return engine
            except IllegalInstructionError as problem:
                self._claimed.cannot_run(problem.message)
            if reason := self._claimed.refusal():
                raise ClaimError(reason)

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def end(self, *, at_once: bool = False) -> None:
        """Ends it from another thread, whatever it is at, `at_once` without any grace."""
        if start := self._latest.cancel():
            start.end(at_once=at_once)

    def _entered(self) -> Engine | None:
        """What is started next, where it is what was claimed; else it is ended."""
        with ExitStack() as undo:
            engine = undo.enter_context(self._latest.start(self._claimed.start))
            if not self._claimed.is_met_by(engine):
                return None
            self._undo = undo.pop_all()
            return engine
