"""Contexts whose engines are never started."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine_ci.config import EnginePolicy, PerformancePolicy
from engine_ci.engine.adapters.llama_server import LlamaServer
from engine_ci.gate import zoo
from engine_ci.gate.context import Context, LocatedModel, Subject
from engine_ci.records.gate import EngineFacts

if TYPE_CHECKING:
    from engine_ci.config import ProfileName

NOWHERE = Path("nowhere")


def subject(version: str, *, tree: str) -> Subject:
    """An engine with that version, and one digit for its bytes."""
    return Subject(
        server=LlamaServer(NOWHERE / version / "llama-server"),
        facts=EngineFacts(
            pin="llama.cpp",
            version=version,
            tree_sha256=tree * 64,
            adapter="llama-server",
            platform="ubuntu-x64",
        ),
        app_argv=EnginePolicy().argv,
    )


def context(
    *,
    baseline: Subject | None = None,
    models: tuple[str, ...] = ("performance", "sensitive-wide", "smollm2-135m"),
    confidence: float = 0.99,
    profile: ProfileName = "quick",
    floors: dict[str, dict[str, float]] | None = None,
    runner: str | None = None,
) -> Context:
    """A candidate 2.0, models of our catalogue by name, and no files."""
    catalogue = {model.name: model for model in zoo.load_catalogue()}
    return Context(
        candidate=subject("2.0", tree="c"),
        baseline=baseline,
        models={name: LocatedModel(model=catalogue[name], path=NOWHERE / name) for name in models},
        logs=NOWHERE,
        goldens=NOWHERE,
        performance=PerformancePolicy(confidence=confidence, profile=profile, floors=floors or {}),
        seed=7,
        runner=runner,
    )
