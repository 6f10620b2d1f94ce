"""`check.json`: what was held against what for one commit, and the gate's word on it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from engine_ci.pins.model import Name, Platform, Version
from engine_ci.records.gate import Devices, Verdict
from engine_ci.system.documents import CommitId, Document, Sha256, Versioned


class Metal(Document):
    """Whether the engine's kernels for Metal ran on a Mac's own GPU, and else why not."""

    state: Literal["ran", "not-run"]
    why: str = ""


class CheckRecord(Versioned):
    """The outcome of `check`.

    Attributes:
        head: the commit that is checked out.
        base: the last one that it has in common with its base; None where there is none.
        pull: the pull request that the commit merged, as its first line says; None where it says
            of none.
        runner: the label of the machine; None where it was not told.
        candidate: the version that is started.
        baseline: the one that it is held against; None where there is none.
        no_baseline: why there is none.
        pin_moved: whether any pin names another engine than before.
        same_engine: whether the bytes are the same, and so are the arguments.
        devices: that the candidate computed with; None where no log tells.
        gate_sha256: of `gate.json`.
        seconds: all together, both engines' preparation among it.
    """

    head: CommitId
    base: CommitId | None
    pull: Annotated[int, Field(ge=1)] | None = None
    runner: str | None = None
    pin: Name
    platform: Platform
    candidate: Version
    baseline: Version | None
    no_baseline: str = ""
    pin_moved: bool
    same_engine: bool
    verdict: Verdict
    devices: Devices | None
    metal: Metal
    gate_sha256: Sha256
    started: datetime
    seconds: float
