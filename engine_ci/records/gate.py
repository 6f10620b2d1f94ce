"""`gate.json`: every question that was asked of an engine, and the answers."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from engine_ci.pins.model import Build, Commit, Name, Platform, Version
from engine_ci.system.documents import Document, Sha256, Versioned

CheckId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._/-]*$")]


class Status(StrEnum):
    """The answer to one check."""

    PASS = "pass"
    FAIL = "fail"
    WARN = "warn"
    SKIP = "skip"
    ERROR = "error"


class Verdict(StrEnum):
    """The gate's word. Ordered by rank: `fail` outranks `error`, which outranks `inconclusive`."""

    PASS = "pass"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"
    FAIL = "fail"


class FaultClass(StrEnum):
    """What kind of regression a check is there to catch (research/gate.md, section 3).

    `harness` is none of the engine's: the host, the set-up, or our own harness is at fault.
    """

    PACKAGING = "packaging"
    MINIMUM_OS = "minimum-os"
    CLI = "cli"
    CRASH_LOAD = "crash-load"
    CRASH_RUNTIME = "crash-runtime"
    EXIT = "exit"
    FALSE_READY = "false-ready"
    FALLBACK = "fallback"
    NUMERIC = "numeric"
    TOKENIZER = "tokenizer"
    CHAT_TEMPLATE = "chat-template"
    API = "api"
    KV = "kv-pressure"
    PERFORMANCE = "performance"
    LOAD_TIME = "load-time"
    MEMORY = "memory"
    ORPHAN = "orphan"
    HARNESS = "harness"


class Check(Document):
    """One yes-or-no question.

    Attributes:
        blocking: whether `fail` here fails the gate.
        detail: evidence: numbers, or the engine's last log lines.
    """

    id: CheckId
    suite: str
    status: Status
    blocking: bool = True
    fault_class: FaultClass
    expected: str
    observed: str
    detail: str = ""
    seconds: Annotated[float, Field(ge=0)] = 0.0


class Measurement(Document):
    """A paired comparison: `ratio` is candidate speed over baseline speed, above 1 is faster.

    Attributes:
        low, high: the bounds of the ratio at the confidence the config asks for.
        pairs: how many pairs were measured, over `restarts` starts of each engine.
    """

    metric: str
    ratio: float
    low: float
    high: float
    pairs: int
    restarts: int
    verdict: Literal["ok", "regressed", "improved", "inconclusive"]


class Devices(Document):
    """What an engine computed with, as its log has it.

    Attributes:
        backends: sorted names, such as `CPU` and `MTL`.
        gpus: what each is called.
        families: of the GPU, as Metal calls them.
        layers: how many of a model's went to a GPU; None where the log does not say.
    """

    backends: tuple[str, ...]
    gpus: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    layers: Annotated[int, Field(ge=0)] | None = None


class EngineFacts(Document):
    """Which engine answered.

    Attributes:
        devices: None where no log was read that tells.
    """

    pin: Name
    version: Version
    build: Build | None = None
    commit: Commit | None = None
    tree_sha256: Sha256
    adapter: str
    platform: Platform
    flags: tuple[str, ...] = ()
    devices: Devices | None = None


class Engines(Document):
    """The engine under test and the one it is compared with."""

    candidate: EngineFacts
    baseline: EngineFacts | None = None


class Host(Document):
    """The machine that the engines ran on."""

    system: str
    machine: str
    processor: str
    cores: int
    memory: int
    python: str


class GateResult(Versioned):
    """The outcome of `gate`."""

    verdict: Verdict
    engines: Engines
    host: Host
    checks: tuple[Check, ...]
    performance: tuple[Measurement, ...] = ()
    started: datetime
    seconds: float
