"""A real server that is kept up: it crashes, hangs, decodes for long, and is never left behind."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from engine_ci.engine.adapters.llama_server import LlamaServer
from engine_ci.engine.adapters.settings import Settings
from engine_ci.engine.events import Channel
from engine_ci.engine.restarts import Policy
from engine_ci.engine.runtime import Runtime
from engine_ci.engine.states import NotSpawning, Restarting
from tests.unit.engine.kills import killed
from tests.unit.engine.launches import SOON_S, changes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from engine_ci.engine.events import Event
    from engine_ci.engine.ready_engine import Engine

    Supervised = Callable[..., AbstractContextManager[tuple[Runtime[Engine], list[Event]]]]

pytestmark = pytest.mark.engine

ZOO = Path(__file__).parents[2] / "fixtures" / "zoo"
MODEL = ZOO / "stable.gguf"
QUICK = Policy(first_s=0.01, health_every_s=0.1, health_limit_s=0.3)


@pytest.fixture(scope="module")
def server(mineru: Callable[[str], Path]) -> LlamaServer:
    return LlamaServer.in_folder(mineru("0.1.3"))


@pytest.fixture
def supervised(server: LlamaServer, tmp_path: Path) -> Supervised:
    """A runtime of a model, and in the end all that it told."""

    @contextmanager
    def begun(
        model: Path, *, context: int = 256, log: Path = tmp_path / "log"
    ) -> Iterator[tuple[Runtime[Engine], list[Event]]]:
        settings = Settings(context=context)
        launch = partial(server.launch, server.command(model, settings=settings), log=log)
        told: list[Event] = []
        channel = Channel()
        listener = channel.listen()
        gate = partial(server.refusal, model)
        with Runtime(launch, name="it", policy=QUICK, may_spawn=gate, events=channel) as runtime:
            runtime.start()
            yield runtime, told
        channel.close()
        told.extend(listener)

    return begun


def test_a_server_that_crashes_is_started_again_and_answers_as_before(
    supervised: Supervised,
) -> None:
    with supervised(MODEL) as (runtime, told):
        first = runtime.ready()
        before = first.client.complete("Hello", count=4).tokens
        os.kill(first.pid, signal.SIGSEGV)
        assert runtime.wait_for(lambda state: state.name == "restarting", timeout_s=SOON_S)
        second = runtime.ready()

        assert second.client.complete("Hello", count=4).tokens == before
        assert second.pid != first.pid

    expected = ["starting", "ready", "restarting", "starting", "ready", "stopping", "stopped"]
    assert changes(told) == expected


def test_a_server_that_hangs_is_ended_and_started_again(supervised: Supervised) -> None:
    with supervised(MODEL) as (runtime, told):
        first = runtime.ready()
        os.kill(first.pid, signal.SIGSTOP)
        assert runtime.wait_for(lambda state: isinstance(state, Restarting), timeout_s=60)
        assert runtime.ready().pid != first.pid

    assert not psutil.pid_exists(first.pid)
    assert [event.kind for event in told][2] == "runtime.health.degraded"


def test_a_server_that_decodes_a_long_prompt_is_left_alone(
    supervised: Supervised, smollm2: Path
) -> None:
    with supervised(smollm2, context=1024) as (runtime, told):
        engine = runtime.ready()
        # Batches that take longer than an answer about its health may.
        engine.client.complete([79, 100] * 300, count=1)

        assert runtime.engine is engine

    assert [event.kind for event in told] == ["runtime.state.changed"] * 4


def test_what_is_not_a_model_is_refused_and_tried_when_it_has_become_one(
    supervised: Supervised, tmp_path: Path
) -> None:
    model = tmp_path / "model.gguf"
    model.write_bytes(b"not a model")
    with supervised(model) as (runtime, told):
        runtime.wait()
        assert isinstance(runtime.state, NotSpawning)
        model.write_bytes(MODEL.read_bytes())
        runtime.start()
        assert runtime.ready().client.health()

    assert changes(told)[:4] == ["starting", "not_spawning", "starting", "ready"]


def test_no_server_outlives_a_supervisor_that_is_killed_at_any_moment(
    server: LlamaServer, tmp_path: Path
) -> None:
    left = [
        process
        for family in killed(server.program, model=MODEL, log=tmp_path / "log", times=20, seed=11)
        for process in family
    ]

    _, alive = psutil.wait_procs(left, timeout=SOON_S)
    assert alive == []
    assert len(left) > 20


def test_a_server_serves_while_its_log_has_no_room(supervised: Supervised) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no device that is always full")
    with supervised(MODEL, log=full) as (runtime, told):
        engine = runtime.ready()
        assert len(engine.client.complete("Hello", count=4).tokens) == 4
        engine.log_tail()
    assert changes(told) == ["starting", "ready", "stopping", "stopped"]
