from __future__ import annotations

import errno
import re
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from engine_ci.engine import supervisor
from engine_ci.engine.adapters.llama_server import LlamaServer
from engine_ci.engine.adapters.settings import Settings
from engine_ci.errors import (
    EngineSilentError,
    EngineStartError,
    HarnessError,
    IllegalInstructionError,
)
from engine_ci.system.http import free_port, port_is_free
from tests.unit.engine.conftest import command

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from engine_ci.engine.ready_engine import Engine
    from tests.unit.engine.conftest import Canned, Life, Run, StandIn


def failure(running: AbstractContextManager[Engine]) -> EngineStartError:
    with pytest.raises(EngineStartError) as caught, running:
        pytest.fail("it became ready")
    return caught.value


def test_a_ready_engine_answers_and_is_ended_after_use(
    run: Run, stand_in: StandIn, life: Life
) -> None:
    with run(stand_in()) as engine:
        assert engine.alive()
        assert engine.client.complete([1], count=1).tokens == (1,)
        assert engine.log_tail() == (f"listening on {engine.port}",)
        assert 0 < engine.started_s < 10
        assert "llama-server" in " ".join(psutil.Process(engine.pid).cmdline())

    assert life.is_over()
    assert port_is_free(engine.port)


def test_an_engine_can_be_stopped_before_the_end(run: Run, stand_in: StandIn) -> None:
    with run(stand_in("signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))")) as engine:
        stopped = engine.stop()

        assert (stopped.status, stopped.signal, stopped.killed) == (0, None, False)
        assert not engine.alive()
        assert engine.stop() is stopped


def test_a_start_that_is_ended_before_it_begins_starts_nothing(
    stand_in: StandIn, model: Path, tmp_path: Path
) -> None:
    begun = supervisor.Start(command(stand_in(), model=model), log=tmp_path / "log")
    begun.end()

    with pytest.raises(EngineStartError, match="was stopped before it was started"), begun:
        pytest.fail("it became ready")
    assert not (tmp_path / "log").exists()


def test_an_engine_that_ignores_requests_is_killed(run: Run, stand_in: StandIn, life: Life) -> None:
    program = stand_in("signal.signal(signal.SIGTERM, signal.SIG_IGN)")

    with run(program, grace_s=0.05) as engine:
        assert engine.stop().killed
    assert life.is_over()


def test_an_engine_is_ended_when_its_use_fails(run: Run, stand_in: StandIn, life: Life) -> None:
    with pytest.raises(KeyboardInterrupt), run(stand_in()):
        raise KeyboardInterrupt

    assert life.is_over()


def test_an_engine_runs_in_a_folder_that_is_gone_afterwards(run: Run, stand_in: StandIn) -> None:
    with run(stand_in('print(os.environ["HOME"], os.getcwd(), flush=True)')) as engine:
        home, folder = engine.log_tail()[0].split()

    assert home == folder
    assert "engine-" in home
    assert not Path(home).exists()


def test_a_program_is_found_when_its_path_is_relative(
    run: Run, stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = stand_in()
    monkeypatch.chdir(tmp_path)

    with run(program.relative_to(tmp_path)) as engine:
        assert engine.alive()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            "print('no such option', flush=True); sys.exit(1)",
            "the engine ended with status 1 {s} s after its start; its last line: no such option",
            id="a-status",
        ),
        pytest.param(
            "sys.exit(0)",
            "the engine ended with status 0 {s} s after its start; it wrote nothing",
            id="status-0-is-no-start-either",
        ),
        pytest.param(
            "os.kill(os.getpid(), signal.SIGILL)",
            "the engine died of SIGILL (illegal instruction) {s} s after its start; "
            "it wrote nothing",
            id="illegal-instruction",
        ),
        pytest.param(
            "print('AMX is not ready to be used!', flush=True)\n"
            "os.kill(os.getpid(), signal.SIGILL)",
            "the engine died of SIGILL (illegal instruction) {s} s after its start; its last line: "
            "AMX is not ready to be used!; it was built for amx, which this machine lacks",
            id="illegal-instruction-of-a-kind-that-is-told",
        ),
        pytest.param(
            'answers["/completion"] = lambda: os.kill(os.getpid(), signal.SIGSEGV)',
            "the engine died of SIGSEGV (segmentation fault) {s} s after its start; "
            "its last line: listening on {port}",
            id="at-the-first-token",
        ),
    ],
)
def test_an_engine_that_ends_early_is_reported_with_how_and_its_last_line(
    run: Run, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, change: str, message: str
) -> None:
    port = free_port()
    monkeypatch.setattr(supervisor, "free_port", lambda: port)

    error = failure(run(stand_in(change)))

    assert [
        str(error) == message.format(s=f"{tenths / 10:.1f}", port=port) for tenths in range(50)
    ].count(True) == 1


def test_the_status_of_an_early_end_comes_with_the_error(run: Run, stand_in: StandIn) -> None:
    assert failure(run(stand_in("sys.exit(3)"))).status == 3


def test_an_illegal_instruction_is_explained(run: Run, stand_in: StandIn, tmp_path: Path) -> None:
    error = failure(run(stand_in("os.kill(os.getpid(), signal.SIGILL)")))

    assert isinstance(error, IllegalInstructionError)
    assert error.hint is not None
    assert "needs instructions that this machine lacks" in error.hint
    assert str(tmp_path / "log") in error.hint


def test_the_last_lines_come_with_the_error(run: Run, stand_in: StandIn) -> None:
    error = failure(run(stand_in("print(*range(100), sep='\\n', flush=True); sys.exit(1)")))

    assert error.log == tuple(str(number) for number in range(80, 100))


def test_a_flood_in_the_log_is_no_trouble(run: Run, stand_in: StandIn, tmp_path: Path) -> None:
    flood = "for _ in range(400): print('x' * 99_999, flush=True)\nsys.exit(1)"

    error = failure(run(stand_in(flood)))

    assert (tmp_path / "log").stat().st_size == 40_000_000
    assert len("".join(error.log)) <= 20 * 500


@pytest.mark.parametrize(
    ("change", "timeout_s", "reason"),
    [
        pytest.param("never()", 0.2, r"GET /health was not ok within [01]\.\d s", id="never-ready"),
        pytest.param(
            'answers["/health"] = b"hello"',
            0.2,
            r"GET /health was not ok within [01]\.\d s",
            id="garbage",
        ),
        pytest.param(
            'answers["/completion"] = {"error": 1}',
            10,
            "POST /completion: an error under status 200: 1",
            id="healthy-only",
        ),
    ],
)
def test_an_engine_that_is_not_ready_is_reported(
    run: Run, stand_in: StandIn, change: str, timeout_s: float, reason: str
) -> None:
    error = failure(run(stand_in(change), ready_timeout_s=timeout_s))

    assert re.fullmatch(f"the engine is not ready: {reason}", str(error))
    assert error.hint is not None


def test_an_engine_that_keeps_us_waiting_is_told_from_one_that_is_wrong(
    run: Run, stand_in: StandIn
) -> None:
    waiting = failure(run(stand_in("never()"), ready_timeout_s=0.2))
    hanging = failure(run(stand_in('answers["/completion"] = never'), ready_timeout_s=0.2))
    wrong = failure(run(stand_in('answers["/completion"] = {"error": 1}'), ready_timeout_s=10))

    assert isinstance(waiting, EngineSilentError)
    assert isinstance(hanging, EngineSilentError)
    assert not isinstance(wrong, EngineSilentError)


def test_an_engine_that_is_not_ready_is_ended(run: Run, stand_in: StandIn, life: Life) -> None:
    failure(run(stand_in('answers["/props"]["model_path"] = "/another.gguf"')))

    assert life.is_over()


def test_when_the_port_is_taken_at_the_last_moment_another_is_chosen(
    run: Run, stand_in: StandIn, canned: Canned, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = free_port()
    chosen = iter([canned.port, other])
    monkeypatch.setattr(supervisor, "free_port", lambda: next(chosen))
    canned.answers["/health"] = (503, {})

    with run(stand_in()) as engine:
        assert engine.port == other


def test_when_somebody_else_is_healthy_on_the_port_another_is_chosen(
    run: Run, stand_in: StandIn, canned: Canned, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = free_port()
    chosen = iter([canned.port, other])
    monkeypatch.setattr(supervisor, "free_port", lambda: next(chosen))
    canned.answers["/health"] = {"status": "ok"}

    with run(stand_in()) as engine:
        assert engine.port == other


def test_ports_are_not_tried_for_ever(
    run: Run, stand_in: StandIn, canned: Canned, life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "free_port", lambda: canned.port)
    canned.answers["/health"] = {"status": "ok"}

    error = failure(run(stand_in()))

    five = ", ".join([str(canned.port)] * 5)
    assert str(error) == f"somebody else listened where the engine was to: {five}"
    assert life.is_over()


def test_without_loopback_nothing_is_started_and_no_engine_is_blamed(
    run: Run, stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(_: socket.socket, __: object) -> None:
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", unreachable)

    with pytest.raises(HarnessError, match="this machine cannot reach itself"), run(stand_in()):
        pytest.fail("it became ready")

    assert not (tmp_path / "log").exists()


def test_a_given_port_is_used(run: Run, stand_in: StandIn) -> None:
    port = free_port()

    with run(stand_in(), port=port) as engine:
        assert engine.port == port


def test_a_given_port_that_is_taken_is_not_exchanged_for_another(
    run: Run, stand_in: StandIn, canned: Canned
) -> None:
    canned.answers["/health"] = {"status": "ok"}

    error = failure(run(stand_in(), port=canned.port))

    assert str(error) == f"somebody else listened where the engine was to: {canned.port}"
    assert error.hint is not None
    assert error.hint.startswith("leave the port to us")


def test_the_short_form_starts_with_the_adapters_arguments(
    stand_in: StandIn, model: Path, tmp_path: Path
) -> None:
    program = stand_in("""
if "--help" in sys.argv:
    print("-c N   size of the context")
    sys.exit()
print(sys.argv[1:], flush=True)
""")

    with supervisor.start(
        LlamaServer(program),
        model=model,
        settings=Settings(context=128, strict=True),
        log=tmp_path / "log",
    ) as engine:
        said = engine.log_tail()[0]

    expected = ["-m", str(model), "--host", "127.0.0.1", "--port", str(engine.port), "-c", "128"]
    assert said == str(expected)


def test_an_early_end_is_seen_long_before_the_time_is_up(run: Run, stand_in: StandIn) -> None:
    begin = time.monotonic()
    failure(run(stand_in("sys.exit(1)"), ready_timeout_s=600))

    assert time.monotonic() - begin < 10
