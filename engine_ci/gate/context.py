"""What every suite is given: the engines, the models, and where logs go."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from engine_ci.config import PerformancePolicy
    from engine_ci.engine.adapters.kinds import Server
    from engine_ci.engine.backends import Backends
    from engine_ci.gate.zoo import Model
    from engine_ci.records.gate import EngineFacts
    from engine_ci.records.runtime import Measured


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """One of the two engines.

    Attributes:
        app_argv: the app's own arguments for it, with `{model}` and `{port}` as places.
        refused: by model, why nothing waits a second time for the engine to start with it; `*` is
            for every model.
        computes: what it computes with, from each log that tells.
        starts: what was measured of it when it was started as its users do.
    """

    server: Server
    facts: EngineFacts
    app_argv: tuple[str, ...]
    refused: dict[str, str] = field(default_factory=dict, compare=False)
    computes: list[Backends] = field(default_factory=list, compare=False)
    starts: list[Measured] = field(default_factory=list, compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class LocatedModel:
    """A model of the catalogue, and its verified file."""

    model: Model
    path: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """The set-up of one gate run.

    Attributes:
        baseline: the current pin's engine; None when it cannot run, and comparisons are skipped.
        models: by name.
        logs: the folder for the engines' logs, one file per start.
        goldens: the folder of the golden files, one `<model>.json` each.
        seed: of every random choice.
        runner: the label of this machine, for the floors of its speed.
    """

    candidate: Subject
    baseline: Subject | None
    models: Mapping[str, LocatedModel]
    logs: Path
    goldens: Path
    performance: PerformancePolicy
    seed: int
    runner: str | None = None
