"""`gate.json`: every question that was asked of an engine, and the answers."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from engine_ci.pins.model import Build, Commit, Name, Platform, Version
from engine_ci.records.bundle import Kind
from engine_ci.records.runtime import Measured
from engine_ci.system.documents import Document, Sha256, Versioned

# The suite whose answers are measurements, besides its checks.
SPEED: Final = "performance"

# Name and version in a folder that nothing was recorded about: nothing is run to learn them.
UNKNOWN: Final = "unknown"

# So that a result stays small whatever an engine is made of and a model answers.
MOST_FILES: Final = 200
MOST_POSITIONS: Final = 64

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


class Margins(Document):
    """How sure the expected tokens of a model are, and how far an engine was from them, in nats.

    Attributes:
        margin: by which the least sure of the expected tokens leads its runner-up.
        largest: difference of a log-probability of an expected token; None where only tokens were
            compared, and so are the rest.
        measure: what `positions` are.
        positions: at each generated token, over all cases; the first `MOST_POSITIONS`.
        passes, fails: what the same over all positions is held against.
    """

    margin: float
    largest: float | None = None
    measure: str = ""
    positions: tuple[float, ...] = ()
    passes: float | None = None
    fails: float | None = None


class Check(Document):
    """One yes-or-no question.

    Attributes:
        id: the suite and what was asked, as `chat/stream/usage`.
        suite: that asked.
        status: the answer.
        fault_class: what kind of regression it would be.
        expected, observed: in words, with the numbers.
        seconds: that it took.
        blocking: whether `fail` here fails the gate.
        detail: evidence: numbers, or the engine's last log lines.
        margins: None where no tokens were compared.
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
    margins: Margins | None = None


class Measurement(Document):
    """A paired comparison: `ratio` is candidate speed over baseline speed, above 1 is faster.

    Attributes:
        metric: what was timed, as `generation`.
        ratio: the estimate over all pairs.
        restarts: of each engine.
        verdict: what the bounds say of the limit.
        low, high: the bounds of the ratio at the confidence the config asks for.
        pairs: how many pairs were measured, over `restarts` starts of each engine.
        limit: the ratio below which it has regressed; None in results of before.
        samples: the ratio of each pair, by restart; () in results of before.
    """

    metric: str
    ratio: float
    low: float
    high: float
    pairs: int
    restarts: int
    verdict: Literal["ok", "regressed", "improved", "inconclusive"]
    limit: float | None = None
    samples: tuple[tuple[float, ...], ...] = ()


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


class EngineFile(Document):
    """A file of an engine; `kind` is None in a folder that is no bundle.

    Attributes:
        path: in its folder.
        kind: what it is there for.
        size: bytes.
        sha256: of its bytes.
    """

    path: str
    kind: Kind | None = None
    size: int
    sha256: Sha256


class Closure(Document):
    """What an engine is made of.

    Attributes:
        size: bytes of all files.
        files: sorted by path; the `MOST_FILES` largest.
        left_out: how many more there are.
        system_libraries: that it takes from the operating system, sorted; of a bundle only.
    """

    size: int
    files: tuple[EngineFile, ...]
    left_out: int = 0
    system_libraries: tuple[str, ...] = ()


class EngineFacts(Document):
    """Which engine answered.

    Attributes:
        pin: the name of its pin; `unknown` in a folder without a record, as is its version.
        version: as its source writes it.
        build, commit: of upstream; None where no record says.
        tree_sha256: of all its files; two that differ in nothing have the same.
        adapter: how it is driven.
        platform: that its bundle is for.
        flags: that its `--help` names, sorted.
        closure: None in results of before.
        devices: None where no log was read that tells.
        runtime: one start with the app's own flags; None where it was not measured.
    """

    pin: Name
    version: Version
    build: Build | None = None
    commit: Commit | None = None
    tree_sha256: Sha256
    adapter: str
    platform: Platform
    flags: tuple[str, ...] = ()
    closure: Closure | None = None
    devices: Devices | None = None
    runtime: Measured | None = None


class Engines(Document):
    """The engine under test and the one it is compared with.

    Attributes:
        candidate: the engine under test.
        baseline: None where there was nothing to compare with.
    """

    candidate: EngineFacts
    baseline: EngineFacts | None = None


class Host(Document):
    """The machine that the engines ran on.

    Attributes:
        system: its name and release.
        machine: the architecture.
        processor: what it calls itself.
        cores: of the processor, as the system counts them.
        memory: bytes of it.
        python: the version that ran the gate.
    """

    system: str
    machine: str
    processor: str
    cores: int
    memory: int
    python: str


class GateResult(Versioned):
    """The outcome of `gate`.

    Attributes:
        verdict: what follows from the checks and measurements.
        engines: which answered.
        host: where they ran.
        checks: in the order of the suites.
        started: when.
        seconds: that all took.
        performance: what the suite of that name measured; it may give no check besides.
    """

    verdict: Verdict
    engines: Engines
    host: Host
    checks: tuple[Check, ...]
    performance: tuple[Measurement, ...] = ()
    started: datetime
    seconds: float

    @property
    def suites(self) -> frozenset[str]:
        """Those that were asked."""
        measured = {SPEED} if self.performance else set()
        return frozenset(measured.union(check.suite for check in self.checks))
