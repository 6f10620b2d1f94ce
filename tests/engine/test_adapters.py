"""Every kind of engine is launched, told, asked and ended in the same way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil
import pytest

from engine_ci.engine import supervisor
from engine_ci.engine.adapters import kinds
from engine_ci.engine.adapters.llama_server import SLOT_FILES, Settings
from engine_ci.errors import EngineRefusedError, EngineStartError
from engine_ci.gate import goldens, zoo

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine_ci.engine.adapters.kinds import Server

pytestmark = pytest.mark.engine

# The options that the app of our configuration passes, and those of the harness.
FLAGS = {
    *("-m", "--host", "--port", "-c", "--parallel", "-t", "-tb", "-b", "-ub", "--fit"),
    *("--cache-ram", "--kv-unified", SLOT_FILES, "--jinja", "--offline", "-fa", "-ctk", "-ctv"),
}


@pytest.fixture(
    params=[
        pytest.param(("llama-server", "0.1.3"), id="llama-server"),
        pytest.param(("xllamacpp", "2026.4.8929"), id="xllamacpp-hostname"),
        pytest.param(("xllamacpp", "2026.10.11549"), id="xllamacpp-hostnames"),
    ]
)
def server(
    request: pytest.FixtureRequest,
    mineru: Callable[[str], Path],
    xllamacpp: Callable[[str], Path],
) -> Server:
    adapter, version = request.param
    folder = (mineru if adapter == "llama-server" else xllamacpp)(version)
    return kinds.server_in(folder, adapter=adapter)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (stable, *_) = zoo.load_catalogue()

    def wheel(member: zoo.WheelMember) -> Path:
        pytest.fail(f"{member.file} is not needed here")

    return zoo.locate(stable, cache=tmp_path, fetch=wheel)


def test_it_knows_the_options_of_the_harness_and_the_app(server: Server) -> None:
    assert server.flags() >= FLAGS
    assert "--poetry" not in server.flags()


@pytest.mark.parametrize("strict", [True, False])
def test_it_gives_the_golden_tokens_and_names_its_model(
    server: Server, model: Path, tmp_path: Path, strict: bool
) -> None:
    case = goldens.load(zoo.golden_folder() / "stable.json").cases[0]
    settings = Settings(strict=strict, context=512)

    with supervisor.start(server, model=model, settings=settings, log=tmp_path / "log") as engine:
        found = engine.client.complete(case.prompt, count=len(case.tokens), ignore_eos=False)
        props = engine.client.props()

    assert found.tokens == case.tokens
    assert (props.model_path, props.total_slots) == (str(model), 1)


def test_settings_reach_it(server: Server, model: Path, tmp_path: Path) -> None:
    settings = Settings(context=512, slots=2, slot_files=True)

    with supervisor.start(server, model=model, settings=settings, log=tmp_path / "log") as engine:
        assert engine.client.props().total_slots == 2
        engine.client.slot("save", slot=1, file="saved")
        with pytest.raises(EngineRefusedError) as refused:
            engine.client.complete([65] * 300, count=1)

    assert refused.value.kind == "exceed_context_size_error"


def test_the_apps_own_arguments_start_it_and_one_that_it_lacks_does_not(
    server: Server, model: Path, tmp_path: Path
) -> None:
    def ends(*more: str) -> int | None:
        def arguments(port: int) -> tuple[str, ...]:
            argv = ("-m", "{model}", "--port", "{port}", "-c", "512", "--parallel", "1", *more)
            return server.app_arguments(argv, model=model, port=port)

        with supervisor.running(
            server.program, arguments, model=model, log=tmp_path / "log"
        ) as engine:
            return engine.stop().status

    assert ends() == 0
    with pytest.raises(EngineStartError) as refused:
        ends("--poetry")
    assert refused.value.status == 1
    assert "--poetry" in "\n".join(refused.value.log)


def test_it_ends_with_0_on_sigterm_and_leaves_nothing(
    server: Server, model: Path, tmp_path: Path
) -> None:
    with supervisor.start(server, model=model, settings=Settings(), log=tmp_path / "log") as engine:
        stopped = engine.stop()

    assert (stopped.status, stopped.killed) == (0, False)
    assert not psutil.pid_exists(engine.pid)


def test_it_ends_with_another_status_when_it_cannot_load_the_model(
    server: Server, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF")

    with (
        pytest.raises(EngineStartError) as refused,
        supervisor.start(server, model=broken, settings=Settings(), log=tmp_path / "log"),
    ):
        pytest.fail("it is ready with a broken model")

    assert refused.value.status == 1
