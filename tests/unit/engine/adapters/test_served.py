from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import psutil
import pytest

from engine_ci.engine.adapters.contract import (
    Applied,
    Capability,
    Metrics,
    NeedsRestart,
    Patch,
    Prepared,
    Refused,
)
from engine_ci.engine.adapters.llama_server import LlamaServer
from engine_ci.engine.adapters.settings import Settings
from engine_ci.errors import EngineAnswerError, EngineDiedError, EngineStartError
from engine_ci.records.runtime import Grade

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine_ci.engine.supervisor import Start
    from tests.unit.engine.conftest import StandIn

    Launched = Callable[..., Start]

FLAGS = frozenset({"-m", "--host", "--port", "-c", "-t"})
SETTINGS = Settings(context=64)
# Paths that an engine knows, and what it answers.
SLOTS = """
slot = {"id": 0, "n_ctx": 64, "is_processing": True}
answers["/slots"] = [dict(slot, id_task=1, n_prompt_tokens=3)]
answers["/metrics"] = b"llamacpp:prompt_tokens_total 5\\n"
status |= {"/slots": 200, "/metrics": 200}
"""
NEITHER = """
refusal = {"error": {"code": 501, "type": "not_supported_error", "message": "no"}}
for path in ("/slots", "/metrics", "/v1/chat/completions", "/v1/embeddings", "/tokenize",
             "/slots/0?action=erase"):
    answers[path], status[path] = refusal, 501
"""
PROPS = """
answers["/props"], status["/props"] = dict(answers["/props"], threads=3), 200
"""
QUITS = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"


class Known(LlamaServer):
    """One whose options are known without asking it."""

    def flags(self) -> frozenset[str]:
        return FLAGS


class Live(Known):
    """One that changes while it runs."""

    live = frozenset({"threads"})


def prepared_by(adapter: LlamaServer, model: Path) -> Prepared:
    prepared = adapter.prepare(model, settings=SETTINGS)
    assert isinstance(prepared, Prepared)
    return prepared


@pytest.fixture
def launched(stand_in: StandIn, model: Path, tmp_path: Path) -> Launched:
    def launch(change: str = "") -> Start:
        adapter = Known(stand_in(QUITS + change))
        return adapter.launch(prepared_by(adapter, model), log=tmp_path / "log")

    return launch


@pytest.fixture
def adapter(tmp_path: Path) -> Known:
    return Known(tmp_path / "llama-server")


def test_it_is_launched_as_it_was_prepared_and_shut_down(
    launched: Launched, adapter: Known
) -> None:
    with launched() as engine:
        arguments = psutil.Process(engine.pid).cmdline()
        stopped = adapter.shutdown(engine)

    assert arguments[-6:] == ["--port", str(engine.port), "-c", "64", "-t", "1"]
    assert (stopped.status, stopped.killed) == (0, False)
    assert adapter.shutdown(engine) is stopped


def test_one_that_does_not_start_says_so_on_entering(launched: Launched) -> None:
    with pytest.raises(EngineStartError, match="status 3"), launched("sys.exit(3)"):
        pytest.fail("it became ready")


def test_one_that_answers_is_well_whatever_it_says_of_slots(
    launched: Launched, adapter: Known
) -> None:
    with launched(NEITHER) as engine:
        health = adapter.health(engine)

    assert (health.grade, health.reason) == (Grade.OK, "")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param(
            'healthy = iter([{"status": "ok"}])\n'
            'answers["/health"] = lambda: next(healthy, {"status": "error"})',
            "GET /health: expected `ok`, found `error`",
            id="unwell",
        ),
        pytest.param(
            'answers["/slots"], status["/slots"] = never, 200',
            "GET /slots: no whole answer within",
            id="its-loop-hangs",
        ),
    ],
)
def test_one_that_lives_and_does_not_answer_is_degraded(
    launched: Launched, adapter: Known, change: str, reason: str
) -> None:
    with launched(change) as engine:
        health = adapter.health(engine, timeout_s=0.2)

    assert health.grade is Grade.DEGRADED
    assert health.reason.startswith(reason)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("", id="before"),
        pytest.param(
            'answers["/slots"], status["/slots"] = lambda: os.kill(os.getpid(), 9), 200',
            id="while-it-is-asked",
        ),
    ],
)
def test_one_that_has_ended_is_gone(launched: Launched, adapter: Known, change: str) -> None:
    with launched(change) as engine:
        if not change:
            psutil.Process(engine.pid).kill()
            assert engine.process.ended(within_s=10)
        health = adapter.health(engine)

    assert health.grade is Grade.DOWN
    assert health.reason.startswith("the engine died of SIGKILL")


def test_metrics_are_those_of_counters_and_slots(launched: Launched, adapter: Known) -> None:
    with launched(SLOTS) as engine:
        assert adapter.metrics(engine) == Metrics(evaluated=5, slots=1, busy=1, cached=3)


def test_what_it_refuses_to_tell_is_unknown(launched: Launched, adapter: Known) -> None:
    with launched(NEITHER) as engine:
        assert adapter.metrics(engine) == Metrics(slots=1)


def test_what_it_tells_and_nobody_can_read_is_an_error(launched: Launched, adapter: Known) -> None:
    with (
        launched(SLOTS + 'answers["/slots"] = [{}]') as engine,
        pytest.raises(EngineAnswerError, match=r"GET /slots: `slots\.0\.id`"),
    ):
        adapter.metrics(engine)


def test_capabilities_are_those_that_it_shows(launched: Launched, adapter: Known) -> None:
    with launched(NEITHER + SLOTS) as engine:
        assert adapter.capabilities(engine) == {Capability.METRICS, Capability.SLOTS}


def test_one_that_shows_all_of_them_is_not_waited_for(
    launched: Launched, adapter: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine_ci.engine.adapters.features.why_not", lambda *_: None)

    with launched() as engine:
        assert adapter.capabilities(engine) == set(Capability)


def test_one_that_dies_of_a_question_is_not_one_that_cannot(
    launched: Launched, adapter: Known
) -> None:
    with (
        launched(NEITHER + 'answers["/metrics"] = lambda: os.kill(os.getpid(), 9)') as engine,
        pytest.raises(EngineDiedError, match=r"died of SIGKILL .* asked what it can"),
    ):
        adapter.capabilities(engine)


def test_a_patch_that_it_cannot_have_while_it_runs_needs_a_restart(
    stand_in: StandIn, model: Path, tmp_path: Path
) -> None:
    adapter = Known(stand_in(QUITS))
    prepared = prepared_by(adapter, model)

    with adapter.launch(prepared, log=tmp_path / "log") as engine:
        done = adapter.apply_patch(engine, Patch(threads=2, context=128), prepared=prepared)

    assert isinstance(done, NeedsRestart)
    assert done.prepared.settings == replace(SETTINGS, threads=2, context=128)
    assert {"-t", "2", "-c", "128"} <= set(done.prepared.arguments(1))


def test_a_patch_of_nothing_is_there_already(
    stand_in: StandIn, model: Path, tmp_path: Path
) -> None:
    adapter = Known(stand_in(QUITS))
    prepared = prepared_by(adapter, model)

    with adapter.launch(prepared, log=tmp_path / "log") as engine:
        for patch in (Patch(), Patch(context=64, threads=1)):
            done = adapter.apply_patch(engine, patch, prepared=prepared)
            assert isinstance(done, Applied)
            assert done.prepared.settings == SETTINGS


@pytest.mark.parametrize(
    ("patch", "reason"),
    [
        pytest.param(Patch(context=0), "context: expected at least 1", id="senseless"),
        pytest.param(Patch(slots=2), "this build cannot do several slots", id="lacking"),
    ],
)
def test_a_patch_that_no_start_would_have_is_refused(
    launched: Launched, adapter: Known, model: Path, patch: Patch, reason: str
) -> None:
    with launched() as engine:
        prepared = prepared_by(adapter, model)
        assert adapter.apply_patch(engine, patch, prepared=prepared) == Refused(reason=reason)


def test_what_a_kind_changes_while_it_runs_is_changed(
    stand_in: StandIn, model: Path, tmp_path: Path
) -> None:
    adapter = Live(stand_in(QUITS + PROPS))
    prepared = prepared_by(adapter, model)

    with adapter.launch(prepared, log=tmp_path / "log") as engine:
        done = adapter.apply_patch(engine, Patch(threads=3), prepared=prepared)
        both = adapter.apply_patch(engine, Patch(threads=3, context=128), prepared=prepared)

    assert isinstance(done, Applied)
    assert done.prepared.settings == replace(SETTINGS, threads=3)
    assert isinstance(both, NeedsRestart)


def test_an_engine_that_says_yes_and_changes_nothing_is_not_believed(
    stand_in: StandIn, model: Path, tmp_path: Path
) -> None:
    adapter = Live(stand_in(QUITS + PROPS))
    prepared = prepared_by(adapter, model)

    with (
        adapter.launch(prepared, log=tmp_path / "log") as engine,
        pytest.raises(EngineAnswerError, match=r"expected \{'threads': 5\}, found \{'threads': 3}"),
    ):
        adapter.apply_patch(engine, Patch(threads=5), prepared=prepared)
