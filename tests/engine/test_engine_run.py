"""`engine-ci engine run` with a real engine, from its first event to its last."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine_ci.engine.client import Client
from engine_ci.errors import Exit

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.engine

ROOT = Path(__file__).parents[2]
ZOO = ROOT / "fixtures" / "zoo"


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A copy of the example app."""
    return Path(shutil.copytree(ROOT / "examples" / "demo" / "app", tmp_path / "app"))


@pytest.fixture
def begun(app: Path, mineru: Callable[[str], Path]) -> Callable[..., subprocess.Popen[str]]:
    def run(*more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "engine_ci", "engine", "run",
             "--bundle", mineru("0.1.3"), *more],
            cwd=app,
            stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip

    return run


def heard(command: subprocess.Popen[str], last: str) -> list[dict[str, Any]]:
    """Its events until the engine is in a state of that name."""
    assert command.stdout is not None
    events = []
    for line in command.stdout:
        events.append(json.loads(line))
        if events[-1].get("to", {}).get("name") == last:
            break
    return events


def names(events: list[dict[str, Any]]) -> list[str]:
    return [event["to"]["name"] if "to" in event else event["kind"] for event in events]


def asked(events: list[dict[str, Any]]) -> Client:
    """Who asks the engine where its last event says that it answers."""
    return Client(int(events[-1]["reason"].rpartition(":")[2]))


def test_a_claimed_engine_answers_is_measured_and_ends_when_it_is_asked_to(
    begun: Callable[..., subprocess.Popen[str]], app: Path
) -> None:
    wishes = ("--context", "512", "--feature", "streaming", "--min-tokens-per-second", "0.1")
    model = str(ZOO / "stable.gguf")
    with begun("--model", model, "--metrics", "engine.prom", *wishes) as command:
        events = heard(command, "ready")
        assert asked(events).complete("Hello", count=4).tokens
        command.terminate()
        events += heard(command, "stopped")

    assert command.returncode == Exit.TERMINATED
    expected = ["starting", "runtime.claim.acquired", "ready", "stopping", "stopped"]
    assert names(events) == expected
    assert "status 0" in events[-1]["reason"]
    assert 'runtime_restarts_total{engine="stable"} 0.0' in (app / "engine.prom").read_text()


def test_an_engine_of_vectors_is_run_as_the_app_starts_it(
    begun: Callable[..., subprocess.Popen[str]], app: Path
) -> None:
    config = app / "engine-ci.yaml"
    config.write_text(config.read_text().replace('"4096"', '"256", "--embeddings"'))
    model = str(ZOO / "embedding-bert.gguf")
    with begun("--model", model, "--feature", "embeddings") as command:
        events = heard(command, "ready")
        (vector,) = asked(events).embed("Hello")
        command.terminate()

    assert names(events) == ["starting", "runtime.claim.acquired", "ready"]
    assert any(vector)


def test_an_engine_of_ranks_is_run_as_the_app_starts_it(
    begun: Callable[..., subprocess.Popen[str]], app: Path
) -> None:
    config = app / "engine-ci.yaml"
    config.write_text(config.read_text().replace('"4096"', '"256", "--reranking"'))
    with begun("--model", str(ZOO / "embedding-bert.gguf")) as command:
        events = heard(command, "ready")
        ranked = asked(events).rank("Where is Paris?", ["In Rome.", "In France."])
        command.terminate()

    assert names(events) == ["starting", "runtime.claim.acquired", "ready"]
    assert sorted(rank.index for rank in ranked.results) == [0, 1]
