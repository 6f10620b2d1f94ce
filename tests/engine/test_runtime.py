"""Real servers under supervision: they start, answer, end, and never outlive us."""

from __future__ import annotations

import math
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from engine_ci.engine import supervisor
from engine_ci.engine.adapters.llama_server import LlamaServer
from engine_ci.engine.adapters.settings import Settings
from engine_ci.errors import EngineAnswerError, EngineStartError
from engine_ci.system.http import free_port, port_is_free

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine_ci.engine.ready_engine import Engine

pytestmark = pytest.mark.engine

ZOO = Path(__file__).parents[2] / "fixtures" / "zoo"
SMALL = Settings(context=256)
HELLO = [{"role": "user", "content": "Hello"}]


@pytest.fixture(scope="module")
def server(mineru: Callable[[str], Path]) -> LlamaServer:
    return LlamaServer.in_folder(mineru("0.1.3"))


@pytest.fixture(scope="module")
def engine(
    server: LlamaServer, smollm2: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """An engine that the tests of answers share."""
    log = tmp_path_factory.mktemp("engine") / "log"
    with supervisor.start(server, model=smollm2, settings=SMALL, log=log) as engine:
        yield engine


@pytest.mark.parametrize("version", ["0.1.2", "0.1.3"])
@pytest.mark.parametrize("strict", [False, True], ids=["default", "strict"])
def test_an_engine_starts_answers_and_ends_with_0(
    mineru: Callable[[str], Path], smollm2: Path, tmp_path: Path, version: str, *, strict: bool
) -> None:
    server = LlamaServer.in_folder(mineru(version))
    settings = Settings(context=256, strict=strict)

    with supervisor.start(server, model=smollm2, settings=settings, log=tmp_path / "log") as engine:
        assert engine.client.complete([1, 2, 3], count=2).tokens == (79, 100)
        stopped = engine.stop()

    assert (stopped.status, stopped.signal, stopped.killed) == (0, None, False)
    assert not psutil.pid_exists(engine.pid)
    assert port_is_free(engine.port)


@pytest.mark.parametrize("version", ["0.1.2", "0.1.3", "0.2.0"])
def test_every_build_serves_a_model_of_the_zoo(
    mineru: Callable[[str], Path], tmp_path: Path, version: str
) -> None:
    server = LlamaServer.in_folder(mineru(version))
    model = ZOO / "stable.gguf"

    with supervisor.start(server, model=model, settings=SMALL, log=tmp_path / "log") as engine:
        assert len(engine.client.complete("Hello", count=4, top=2).steps) == 4


def test_the_build_that_cannot_load_this_model_says_how_it_died(
    mineru: Callable[[str], Path], smollm2: Path, tmp_path: Path
) -> None:
    server = LlamaServer.in_folder(mineru("0.2.0"))
    start = supervisor.start(server, model=smollm2, settings=SMALL, log=tmp_path / "log")

    with pytest.raises(EngineStartError) as caught, start:
        pytest.fail("it became ready")

    assert str(caught.value).startswith("the engine died of SIGABRT (aborted) ")
    assert str(caught.value).endswith("; its last line: free(): invalid pointer")
    assert caught.value.log[-1] == "free(): invalid pointer"


@pytest.mark.parametrize("version", ["0.1.2", "0.1.3", "0.2.0"])
def test_flags_are_read_from_real_help(mineru: Callable[[str], Path], version: str) -> None:
    flags = LlamaServer.in_folder(mineru(version)).flags()

    assert {"-m", "--model", "--fit", "--cache-ram", "--jinja", "-fa", "--no-kv-offload"} <= flags
    assert len(flags) > 300
    assert ("--mlock" in flags) is (version == "0.1.2")


def test_what_is_not_a_model_is_refused_with_status_1(server: LlamaServer, tmp_path: Path) -> None:
    model = tmp_path / "model.gguf"
    model.write_bytes(b"not a model")
    start = supervisor.start(server, model=model, settings=SMALL, log=tmp_path / "log")

    with pytest.raises(EngineStartError, match="the engine ended with status 1") as caught, start:
        pytest.fail("it became ready")

    assert caught.value.status == 1
    assert any("failed to load model" in line for line in caught.value.log)


def test_a_port_that_is_taken_is_exchanged_for_another(
    server: LlamaServer, smollm2: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = free_port()
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        chosen = iter([taken.getsockname()[1], other])
        monkeypatch.setattr(supervisor, "free_port", lambda: next(chosen))

        with supervisor.start(
            server, model=smollm2, settings=SMALL, log=tmp_path / "log"
        ) as engine:
            assert engine.port == other


def test_the_apps_own_arguments_start_an_engine(
    server: LlamaServer, smollm2: Path, tmp_path: Path
) -> None:
    own = ["-m", "{model}", "--port", "{port}", "-c", "256", "--parallel", "2", "-t", "1"]

    command = server.app_command(own, model=smollm2)
    with supervisor.running(command, log=tmp_path / "log") as engine:
        assert engine.client.props().total_slots == 2


_SUPERVISOR = """
import signal, sys
from pathlib import Path
from engine_ci.engine import supervisor
from engine_ci.engine.adapters.llama_server import LlamaServer
from engine_ci.engine.adapters.settings import Settings

server, model, log = map(Path, sys.argv[1:])
settings = Settings(context=256)
with supervisor.start(LlamaServer(server), model=model, settings=settings, log=log) as engine:
    print(engine.pid, flush=True)
    signal.pause()
"""


def test_a_server_does_not_outlive_a_supervisor_that_is_killed(
    server: LlamaServer, smollm2: Path, tmp_path: Path
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _SUPERVISOR, server.program, smollm2, tmp_path / "log"],
        stdout=subprocess.PIPE,
    ) as killed:
        assert killed.stdout is not None
        engine = psutil.Process(int(killed.stdout.readline()))
        assert engine.name() == "llama-server"
        killed.kill()

    assert killed.returncode == -signal.SIGKILL
    assert _is_gone(engine)


def _is_gone(process: psutil.Process) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


def test_steps_name_the_likeliest_tokens(engine: Engine) -> None:
    found = engine.client.complete([1, 2, 3], count=3, top=5)

    assert found.tokens == (79, 100, 43405)
    for step in found.steps:
        assert step.top[0] == (step.token, step.logprob)
        assert [likely for _, likely in step.top] == sorted(
            (likely for _, likely in step.top), reverse=True
        )
        assert sum(math.exp(likely) for _, likely in step.top) <= 1


def test_a_stream_gives_the_tokens_of_a_completion(engine: Engine) -> None:
    chunks = list(engine.client.stream([1, 2, 3], count=4))

    assert sum(chunk.tokens for chunk in chunks) == 4
    assert len({chunk.at for chunk in chunks}) == len(chunks)


def test_a_text_may_end_by_itself(engine: Engine) -> None:
    prompt = engine.client.apply_template(HELLO)
    found = engine.client.complete(prompt, count=64, top=1, ignore_eos=False)

    assert found.stop == "eos"
    assert len(found.steps) == len(found.tokens) < 64


def test_tokens_and_text_are_each_others_reverse(engine: Engine) -> None:
    text = "Hello, wörld! 1234"

    assert engine.client.detokenize(engine.client.tokenize(text)) == text


def test_a_chat_is_counted(engine: Engine) -> None:
    chat = engine.client.chat(HELLO, count=4)

    assert (chat.finish, chat.completion_tokens) == ("length", 4)
    assert chat.prompt_tokens == len(engine.client.tokenize(engine.client.apply_template(HELLO)))
    assert chat.text


def test_an_engine_names_its_model_and_build(engine: Engine, smollm2: Path) -> None:
    props = engine.client.props()

    assert (props.model_path, props.total_slots) == (str(smollm2), 1)
    assert props.build_info == "b1-86a2835"
    assert "im_start" in props.chat_template


def test_a_refusal_of_the_engine_is_an_error_that_shows_it(engine: Engine) -> None:
    with pytest.raises(EngineAnswerError, match=r"found 400: .*invalid tokens"):
        engine.client.complete([999_999], count=1)
    assert engine.client.health()
