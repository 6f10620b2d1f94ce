"""What adapters have in common whose engine is a program that speaks llama-server's HTTP API."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, TypeVar

from engine_ci.engine import answers, reading
from engine_ci.engine.adapters import counters, features
from engine_ci.engine.adapters.contract import (
    Applied,
    Capability,
    Health,
    NeedsRestart,
    Refused,
)
from engine_ci.engine.client import Client
from engine_ci.engine.start_failures import DYING_S
from engine_ci.engine.supervisor import Start
from engine_ci.errors import EngineAnswerError, EngineDiedError, EngineRefusedError
from engine_ci.records.runtime import Grade

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from engine_ci.engine.adapters.contract import Command, Metrics, Patch, Prepared
    from engine_ci.engine.adapters.settings import Settings
    from engine_ci.engine.process import Stopped
    from engine_ci.engine.ready_engine import Engine

T = TypeVar("T")


class Served(ABC):
    """Starts, asks, changes and ends such engines; how a start is prepared, a subclass knows.

    Attributes:
        live: names of settings that a running engine of this kind changes by `POST /props`.
    """

    live: frozenset[str] = frozenset()

    @abstractmethod
    def prepare(self, model: Path, *, settings: Settings) -> Prepared | Refused:
        """As the contract says."""

    def launch(
        self,
        command: Command,
        *,
        log: Path,
        port: int | None = None,
        ready_timeout_s: float = 60.0,
        grace_s: float = 5.0,
    ) -> Start:
        """As the contract says."""
        return Start(command, log=log, port=port, ready_timeout_s=ready_timeout_s, grace_s=grace_s)

    def shutdown(self, engine: Engine) -> Stopped:
        """As the contract says."""
        return engine.stop()

    def health(self, engine: Engine, *, timeout_s: float = 15.0) -> Health:
        """As the contract says."""
        flaw = engine.ailment(timeout_s=timeout_s)
        if not engine.alive():
            return Health(grade=Grade.DOWN, reason=f"the engine {engine.stop()}")
        return Health(grade=Grade.DEGRADED if flaw else Grade.OK, reason=flaw or "")

    def metrics(self, engine: Engine) -> Metrics:
        """As the contract says."""
        client = engine.client
        return counters.metrics(
            _told(features.counted, client) or {},
            _told(Client.slots, client),
            total=client.props().total_slots,
        )

    def capabilities(self, engine: Engine) -> frozenset[Capability]:
        """As the contract says."""
        reasons = {each: features.why_not(engine.client, each) for each in Capability}
        if any(reasons.values()) and engine.process.ended(within_s=DYING_S):
            message = f"the engine {engine.stop()} while it was asked what it can do"
            raise EngineDiedError(message, log=engine.log_tail())
        return frozenset(each for each, reason in reasons.items() if reason is None)

    def apply_patch(
        self, engine: Engine, patch: Patch, *, prepared: Prepared
    ) -> Applied | NeedsRestart | Refused:
        """As the contract says."""
        wished = {name: value for name, value in asdict(patch).items() if value is not None}
        if senseless := [name for name, value in wished.items() if value < 1]:
            return Refused(reason=f"{senseless[0]}: expected at least 1")
        now = prepared.settings
        again = self.prepare(prepared.model, settings=replace(now, **wished))
        if isinstance(again, Refused):
            return again
        changes = {name: value for name, value in wished.items() if value != getattr(now, name)}
        if not changes.keys() <= self.live:
            return NeedsRestart(prepared=again)
        if changes:
            _change(engine.client, changes)
        return Applied(prepared=again)


def _told(ask: Callable[[Client], T], client: Client) -> T | None:
    try:
        return ask(client)
    except EngineRefusedError:
        return None


def _change(client: Client, changes: Mapping[str, int]) -> None:
    endpoint = "POST /props"
    answer = client.call("POST", "/props", body=changes)
    reading.read(answer, answers.Shape, endpoint=endpoint)
    has = answer.json()
    if differs := {name: has.get(name) for name in changes if has.get(name) != changes[name]}:
        raise EngineAnswerError(f"{endpoint}: expected {changes}, found {differs}")
