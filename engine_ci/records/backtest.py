"""What a backtest leaves for each build: the gate's word, and every check that did not pass."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from engine_ci.pins.model import Build, Package, Version
from engine_ci.records.gate import Check, CheckId, Host, Measurement, Status, Verdict
from engine_ci.system.documents import Document, Versioned


class Outcome(Versioned):
    """One build, gated against its predecessor.

    Attributes:
        baseline: the predecessor that it was compared with; None where none runs.
        suites: that were asked for.
        counts: how many checks had each status.
        checks: those that did not pass, without their evidence.
        passed: what was observed in each check that passed, by its id.
        problem: why the gate could not run at all; empty when it did.
        seconds: that the gate took.
    """

    package: Package
    version: Version
    build: Build | None = None
    baseline: Version | None = None
    adapter: str
    suites: tuple[str, ...]
    verdict: Verdict
    counts: dict[Status, int] = Field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    passed: dict[CheckId, str] = Field(default_factory=dict)
    performance: tuple[Measurement, ...] = ()
    problem: str = ""
    host: Host
    at: datetime
    seconds: Annotated[float, Field(ge=0)] = 0.0


class Backtest(Document):
    """All outcomes of a range of builds, oldest build first."""

    outcomes: tuple[Outcome, ...]
