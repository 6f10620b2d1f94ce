from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from engine_ci.engine import process as processes
from engine_ci.engine.readiness import PortTakenError, await_ready
from engine_ci.engine.tasks import Task
from engine_ci.errors import EngineAnswerError
from engine_ci.system.http import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from engine_ci.engine.process import Process
    from tests.unit.engine.conftest import Canned, StandIn

    Start = Callable[..., Process]


@pytest.fixture
def start(tmp_path: Path, model: Path) -> Iterator[Start]:
    started = []

    def launch(program: Path, *, port: int) -> Process:
        process = processes.start(
            [str(program), "--port", str(port), "-m", str(model)],
            cwd=tmp_path,
            env=processes.environment(tmp_path),
            log=tmp_path / "log",
        )
        started.append(process)
        return process

    yield launch
    for process in started:
        process.stop(grace_s=0)


def refusal(process: Process, *, port: int, model: Path, timeout_s: float = 10.0) -> str:
    with pytest.raises(EngineAnswerError) as caught:
        await_ready(process, port=port, model=model, timeout_s=timeout_s)
    return str(caught.value)


def test_an_honest_server_is_ready(start: Start, stand_in: StandIn, model: Path) -> None:
    port = free_port()
    process = start(stand_in(), port=port)

    await_ready(process, port=port, model=model, timeout_s=10)

    assert not process.ended()


def test_a_server_of_embeddings_is_asked_for_a_vector(
    start: Start, stand_in: StandIn, model: Path
) -> None:
    port = free_port()
    change = """
del answers["/completion"]
answers["/v1/embeddings"] = {"data": [{"embedding": [0.6, 0.8]}]}
status["/v1/embeddings"] = 200
"""
    process = start(stand_in(change), port=port)

    await_ready(process, port=port, model=model, timeout_s=10, task=Task.VECTORS)

    assert not process.ended()


def test_a_server_of_ranks_is_asked_for_one(start: Start, stand_in: StandIn, model: Path) -> None:
    port = free_port()
    change = """
del answers["/completion"]
rank = {"index": 0, "relevance_score": -1.5}
answers["/v1/rerank"] = {"results": [rank], "usage": {"prompt_tokens": 3}}
status["/v1/rerank"] = 200
"""
    process = start(stand_in(change), port=port)

    await_ready(process, port=port, model=model, timeout_s=10, task=Task.RANKS)

    assert not process.ended()


def test_a_server_of_embeddings_that_gives_none_is_not_ready(
    start: Start, stand_in: StandIn, model: Path
) -> None:
    port = free_port()
    change = 'answers["/v1/embeddings"] = {"data": []}; status["/v1/embeddings"] = 200'
    process = start(stand_in(change), port=port)

    with pytest.raises(EngineAnswerError, match="expected 1 vectors, found 0"):
        await_ready(process, port=port, model=model, timeout_s=10, task=Task.VECTORS)


def test_a_server_that_loads_first_is_waited_for(
    start: Start, stand_in: StandIn, model: Path
) -> None:
    port = free_port()
    change = """
asked = iter([503, 503, 200])
def health():
    status["/health"] = next(asked)
    return {"status": "ok"}
answers["/health"] = health
"""
    process = start(stand_in(change), port=port)

    await_ready(process, port=port, model=model, timeout_s=10)

    assert not process.ended()


def test_a_server_in_a_child_of_the_program_is_its_own(
    start: Start, stand_in: StandIn, model: Path
) -> None:
    port = free_port()
    process = start(stand_in("os.fork() and never()"), port=port)

    await_ready(process, port=port, model=model, timeout_s=10)

    assert not process.ended()


def test_a_path_through_a_link_is_the_same_model(
    start: Start, stand_in: StandIn, model: Path, tmp_path: Path
) -> None:
    port = free_port()
    process = start(stand_in(), port=port)
    link = tmp_path / "link.gguf"
    link.symlink_to(model)

    await_ready(process, port=port, model=link, timeout_s=10)

    assert not process.ended()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param(
            'answers["/props"]["model_path"] = "/another.gguf"',
            "/props names another model: expected {model}, found '/another.gguf'",
            id="another-model",
        ),
        pytest.param(
            'answers["/props"] = b"<html>"',
            "GET /props: the answer (status 200) is not JSON: '<html>'",
            id="garbage",
        ),
        pytest.param(
            'answers["/completion"] = {"error": "Compute error."}; status["/completion"] = 500',
            'POST /completion: expected status 200, found 500: {{"error": "Compute error."}}',
            id="healthy-but-every-request-fails",
        ),
        pytest.param(
            'answers["/completion"] = {"error": "Compute error."}',
            "POST /completion: an error under status 200: 'Compute error.'",
            id="an-error-under-status-200",
        ),
    ],
)
def test_a_healthy_server_that_is_not_ready_says_why(
    start: Start, stand_in: StandIn, model: Path, change: str, reason: str
) -> None:
    port = free_port()
    process = start(stand_in(change), port=port)

    assert refusal(process, port=port, model=model) == reason.format(model=model)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("never()", id="does-not-listen"),
        pytest.param('status["/health"] = 503', id="loads-for-ever"),
        pytest.param('answers["/health"] = never', id="does-not-answer"),
    ],
)
def test_a_server_that_is_never_ready_is_given_up_in_time(
    start: Start, stand_in: StandIn, model: Path, change: str
) -> None:
    port = free_port()
    process = start(stand_in(change), port=port)

    found = refusal(process, port=port, model=model, timeout_s=0.3)

    assert re.fullmatch(r"GET /health was not ok within [01]\.\d s", found)


def test_a_program_that_ends_is_not_waited_for(
    start: Start, stand_in: StandIn, model: Path
) -> None:
    port = free_port()
    process = start(stand_in("sys.exit(3)"), port=port)

    assert refusal(process, port=port, model=model, timeout_s=600) == "it ended"


def test_the_end_of_a_program_is_seen_though_somebody_else_keeps_us_waiting(
    start: Start, stand_in: StandIn, model: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        process = start(stand_in(), port=port)

        assert refusal(process, port=port, model=model, timeout_s=600) == "it ended"


def test_a_server_of_somebody_else_is_not_ours(
    start: Start, stand_in: StandIn, model: Path, canned: Canned
) -> None:
    canned.answers["/health"] = {"status": "ok"}
    process = start(stand_in("never()"), port=canned.port)

    with pytest.raises(PortTakenError):
        await_ready(process, port=canned.port, model=model, timeout_s=10)


def test_a_server_of_somebody_else_is_not_that_of_a_program_that_is_gone(
    model: Path, canned: Canned
) -> None:
    canned.answers["/health"] = {"status": "ok"}
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass

    class Gone(processes.Process):
        pid = gone.pid

    with pytest.raises(PortTakenError):
        await_ready(Gone.__new__(Gone), port=canned.port, model=model, timeout_s=10)
    with pytest.raises(ProcessLookupError):
        os.kill(gone.pid, 0)


def test_nor_is_it_that_of_a_program_that_goes_while_it_is_looked_at(
    start: Start, stand_in: StandIn, model: Path, canned: Canned, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(self: psutil.Process, _: str) -> None:
        raise psutil.NoSuchProcess(self.pid)

    canned.answers["/health"] = {"status": "ok"}
    process = start(stand_in("never()"), port=canned.port)
    monkeypatch.setattr(psutil.Process, "net_connections", gone)

    with pytest.raises(PortTakenError):
        await_ready(process, port=canned.port, model=model, timeout_s=10)
