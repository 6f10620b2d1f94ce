from __future__ import annotations

import runpy
import signal
import socket
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from engine_ci.engine.adapters import llama_cpp_python_worker as worker
from engine_ci.engine.adapters.llama_cpp_python_worker import program
from engine_ci.engine.adapters.llama_cpp_python_worker.program import OptionError
from engine_ci.engine.adapters.options import offered
from engine_ci.engine.client import Client
from engine_ci.system.http import HOST, free_port
from tests.unit.engine.adapters import standin_llama_cpp

if TYPE_CHECKING:
    from collections.abc import Iterator

MODEL = ["-m", "model", "--host", HOST]


@pytest.fixture(autouse=True)
def package(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The stand-in is the package; signals and paths are as before afterwards."""
    monkeypatch.setitem(sys.modules, "llama_cpp", standin_llama_cpp)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


def test_it_serves_until_it_is_told_to_stop() -> None:
    port, this = free_port(), threading.get_ident()
    healthy = []

    def tell() -> None:
        client = Client(port)
        while not client.health():
            pass
        healthy.append(client.props().model_path)
        signal.pthread_kill(this, signal.SIGTERM)

    teller = threading.Thread(target=tell)
    teller.start()
    status = program.main("/nowhere", [*MODEL, "--port", str(port), "--metrics"])
    teller.join()

    assert (status, healthy) == (0, ["model"])
    assert sys.path[0] == "/nowhere"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        pytest.param(["--poetry"], "unknown argument: --poetry", id="option"),
        pytest.param(["-m", "broken", "--host", HOST, "--port", "1"], "Failed to load", id="model"),
        pytest.param(["-m", "model"], "'host'", id="place"),
    ],
)
def test_what_cannot_be_served_is_status_1_with_a_reason(
    arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.main("/nowhere", arguments) == 1
    assert reason in capsys.readouterr().err


def test_a_port_that_somebody_has_is_status_1(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server((HOST, free_port())) as taken:
        port = str(taken.getsockname()[1])
        assert program.main("/nowhere", [*MODEL, "--port", port]) == 1

    assert "Address already in use" in capsys.readouterr().err


def test_the_help_lists_what_is_read_from_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main("/nowhere", ["--help"]) == 0
    found = offered(capsys.readouterr().out)

    assert found == {name for option in program.OPTIONS for name in option.names}
    assert {"-m", "--flash-attn", "--metrics", "--list-devices"} <= found
    assert "--parallel" not in found


def test_of_an_option_that_is_given_twice_the_last_counts() -> None:
    found = program.parsed(["-c", "1", "--ctx-size", "2", "-fa", "on", "-ctk", "f32", "--metrics"])

    assert found == {"n_ctx": 2, "flash_attn": True, "type_k": "F32", "metrics": True}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["-c"], "expected a value for argument: -c"),
        (["-c", "many"], "unknown value for argument: -c many"),
        (["-fa", "auto"], "unknown value for argument: -fa auto"),
    ],
)
def test_values_that_make_no_sense_are_refused(arguments: list[str], reason: str) -> None:
    with pytest.raises(OptionError, match=reason):
        program.parsed(arguments)


class _Function:
    """One of a C library: called, and told what it returns."""

    def __init__(self, found: list[object]) -> None:
        self._found = found

    def __call__(self, device: object = None) -> object:
        return self._found[int(getattr(device, "value", None) or 0)]


def test_devices_are_listed_but_for_processors(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    library = SimpleNamespace(
        ggml_backend_dev_count=_Function([2]),
        ggml_backend_dev_get=_Function([0, 1]),
        ggml_backend_dev_type=_Function([0, 1]),
        ggml_backend_dev_name=_Function([b"CPU", b"CUDA0"]),
        ggml_backend_dev_description=_Function([b"a processor", b"NVIDIA H200"]),
    )
    monkeypatch.setitem(sys.modules, "llama_cpp._ggml", SimpleNamespace(libggml=library))

    assert program.main("/nowhere", ["--list-devices"]) == 0
    assert capsys.readouterr().out == "Available devices:\n  CUDA0: NVIDIA H200\n"


def test_it_is_run_as_a_folder_and_leaves_no_path_of_ours(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(worker.__file__).parent
    monkeypatch.setattr(sys, "argv", [str(folder), "/nowhere", "--help"])
    before = set(sys.modules)

    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(folder), run_name="__main__")

    for name in set(sys.modules) - before:
        monkeypatch.delitem(sys.modules, name)
    assert ended.value.code == 0
    assert "--ctx-size" in capsys.readouterr().out
    assert str(folder.parent) not in sys.path


def test_it_is_imported_without_being_run() -> None:
    found = runpy.run_path(str(Path(worker.__file__).parent / "__main__.py"), run_name="imported")

    assert found["__name__"] == "imported"
