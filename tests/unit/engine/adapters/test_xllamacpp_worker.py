from __future__ import annotations

import runpy
import signal
import sys
from enum import IntEnum
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from engine_ci.engine.adapters import xllamacpp_worker as worker
from engine_ci.engine.adapters.xllamacpp_worker import OptionError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# A wheel whose server is told to stop as soon as it serves.
WHEEL = """
import signal, threading
class Model:
    path = ""
class CommonParams:
    def __init__(self):
        self.model, self.port = Model(), 0
class Server:
    served = []
    def __init__(self, params):
        if params.model.path == "broken":
            raise RuntimeError("Failed to init server")
        self.served.append((params.model.path, params.port))
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    def __del__(self):
        self.served.append("ended")
"""


class Flash(IntEnum):
    FLASH_AUTO = -1
    FLASH_DISABLED = 0
    FLASH_ENABLED = 1


class Kind(IntEnum):
    KIND_F32 = 0
    KIND_BF16 = 30
    KIND_MMAP_MLOCK = 3
    KIND_MLOCK = 2


def params(**more: object) -> SimpleNamespace:
    threads = SimpleNamespace(n_threads=-1)
    return SimpleNamespace(
        model=SimpleNamespace(path=""),
        cpuparams=threads,
        port=0,
        fit_params=True,
        use_jinja=False,
        flash_attn_type=Flash.FLASH_AUTO,
        cache_type_k=Kind.KIND_F32,
        sampling=SimpleNamespace(temp=0.8),
        **more,
    )


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a package `xllamacpp`; signals and modules are as before afterwards."""
    (tmp_path / "xllamacpp").mkdir()
    (tmp_path / "xllamacpp" / "__init__.py").write_text(WHEEL)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "xllamacpp", raising=False)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    yield tmp_path
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    sys.modules.pop("xllamacpp", None)


def test_it_serves_until_it_is_told_to_stop_and_ends_the_server(wheel: Path) -> None:
    assert worker.main(str(wheel), ["-m", "a.gguf", "--port", "8080"]) == 0
    assert sys.modules["xllamacpp"].Server.served == [("a.gguf", 8080), "ended"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        pytest.param(["-m", "broken"], "error: Failed to init server\n", id="model"),
        pytest.param(["--poetry"], "error: unknown argument: --poetry\n", id="option"),
    ],
)
def test_what_it_cannot_serve_ends_it_with_the_reason(
    wheel: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], reason: str
) -> None:
    assert worker.main(str(wheel), arguments) == 1
    assert capsys.readouterr().err == reason


def test_the_help_lists_the_options_that_this_wheel_has_a_field_for(
    wheel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert worker.main(str(wheel), ["--help"]) == 0
    assert capsys.readouterr().out == "-m, --model  VALUE\n--port  VALUE\n"


def test_a_switch_is_listed_without_a_value() -> None:
    assert "\n--jinja  \n" in worker.listing(params())


def test_no_name_stands_for_two_options() -> None:
    names = [name for option in worker.OPTIONS for name in option.names]

    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", ["-m", "--model"])
def test_every_name_of_an_option_sets_its_field(name: str) -> None:
    found = params()
    worker.apply([name, "a.gguf"], found)

    assert found.model.path == "a.gguf"


def test_values_become_what_their_fields_hold() -> None:
    found = params(slot_save_path="", api_keys=[], model_alias=set())
    worker.apply(
        [
            *("--port", "8080", "-t", "2", "--temp", "0.5", "--fit", "off", "--jinja"),
            *("--slot-save-path", ".", "--api-key", "a,b", "--alias", "c"),
        ],
        found,
    )

    assert (found.port, found.cpuparams.n_threads, found.sampling.temp) == (8080, 2, 0.5)
    assert (found.fit_params, found.use_jinja, found.slot_save_path) == (False, True, "./")
    assert (found.api_keys, found.model_alias) == (["a", "b"], {"c"})


def test_a_template_can_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "one.jinja").write_text("{{ caf\u00e9 }}", encoding="utf-8")
    found = params(chat_template="")
    worker.apply(["--chat-template-file", str(tmp_path / "one.jinja")], found)

    assert found.chat_template == "{{ caf\u00e9 }}"


@pytest.mark.parametrize(
    ("option", "word", "expected"),
    [
        pytest.param("-fa", "off", Flash.FLASH_DISABLED, id="off"),
        pytest.param("-fa", "on", Flash.FLASH_ENABLED, id="on"),
        pytest.param("-fa", "auto", Flash.FLASH_AUTO, id="auto"),
        pytest.param("-ctk", "bf16", Kind.KIND_BF16, id="type"),
        pytest.param("-ctk", "mlock", Kind.KIND_MLOCK, id="the-end-of-another"),
        pytest.param("-ctk", "mmap-mlock", Kind.KIND_MMAP_MLOCK, id="dash"),
    ],
)
def test_words_become_enumerators(option: str, word: str, expected: IntEnum) -> None:
    found = params()
    worker.apply([option, word], found)

    assert expected in (found.flash_attn_type, found.cache_type_k)
    assert params() != found or word == "auto"


@pytest.mark.parametrize(
    ("field", "before", "after"),
    [("hostname", "::1", "127.0.0.1"), ("hostnames", ["::1"], ["127.0.0.1"])],
)
def test_a_field_that_was_renamed_is_found_under_either_name(
    field: str, before: object, after: object
) -> None:
    found = params(**{field: before})
    worker.apply(["--host", "127.0.0.1"], found)

    assert getattr(found, field) == after


def test_of_an_option_that_is_given_twice_the_last_counts() -> None:
    found = params()
    worker.apply(["--port", "1", "--port", "2"], found)

    assert found.port == 2


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--mlock"], "unknown argument: --mlock"),
        (["--threads-batch", "2"], "unknown argument: --threads-batch"),
        (["--port"], "expected a value for argument: --port"),
        (["--port", "x"], "unknown value for argument: --port x"),
        (["--fit", "maybe"], "unknown value for argument: --fit maybe"),
        (["-fa", "maybe"], "unknown value for argument: -fa maybe"),
        (
            ["--chat-template-file", "no-such-file"],
            "unknown value for argument: --chat-template-file no-such-file",
        ),
    ],
)
def test_what_this_wheel_does_not_know_is_refused(arguments: list[str], reason: str) -> None:
    with pytest.raises(OptionError) as caught:
        worker.apply(arguments, params(chat_template=""))

    assert str(caught.value) == reason


def test_it_is_a_program(
    wheel: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [worker.__file__, str(wheel), "--port", "x"])

    with pytest.raises(SystemExit) as ended:
        runpy.run_path(worker.__file__, run_name="__main__")

    assert ended.value.code == 1
    assert capsys.readouterr().err == "error: unknown value for argument: --port x\n"


DEVICES = """
def get_device_info():
    return [
        {"name": "CPU", "description": "AMD EPYC", "type": 0},
        {"name": "CUDA0", "description": "NVIDIA H200", "type": 1},
    ]
"""


def test_devices_are_listed_but_for_processors_where_a_wheel_knows_them(
    wheel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (wheel / "xllamacpp" / "__init__.py").write_text(WHEEL + DEVICES)

    assert worker.main(str(wheel), ["--help"]) == 0
    assert "--list-devices\n" in capsys.readouterr().out
    assert worker.main(str(wheel), ["--list-devices"]) == 0
    assert capsys.readouterr().out == "Available devices:\n  CUDA0: NVIDIA H200\n"


def test_a_wheel_that_knows_no_devices_does_not_know_the_option(
    wheel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert worker.main(str(wheel), ["--help"]) == 0
    assert "--list-devices" not in capsys.readouterr().out
    assert worker.main(str(wheel), ["--list-devices"]) == 1
