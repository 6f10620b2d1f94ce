from __future__ import annotations

import sys
from pathlib import Path

import pytest

from engine_ci.engine.adapters import xllamacpp_worker
from engine_ci.engine.adapters.settings import Settings
from engine_ci.engine.adapters.xllamacpp import Xllamacpp
from engine_ci.errors import EngineStartError, UsageError

MODEL = Path("/models/m.gguf")
WHEEL = """
class CommonParams:
    n_ctx = port = 0
"""


def wheel(folder: Path, text: str = WHEEL) -> Xllamacpp:
    (folder / "xllamacpp").mkdir()
    (folder / "xllamacpp" / "__init__.py").write_text(text)
    return Xllamacpp.in_folder(folder)


def test_the_worker_runs_in_this_python_with_nothing_of_its_surroundings(tmp_path: Path) -> None:
    server = wheel(tmp_path)
    before = ("-I", "-S", "-B", xllamacpp_worker.__file__, str(tmp_path))

    arguments = server.command(MODEL, settings=Settings(context=64)).arguments(1234)
    app = server.app_command(["-m", "{model}", "--port", "{port}"], model=MODEL).arguments(1234)

    assert server.program == Path(sys.executable)
    place = ("-m", "/models/m.gguf", "--host", "127.0.0.1", "--port", "1234")
    assert arguments == (*before, *place, "-c", "64")
    assert app == (*before, "-m", "/models/m.gguf", "--port", "1234", "--host", "127.0.0.1")


def test_flags_are_those_that_the_wheel_has_a_field_for(tmp_path: Path) -> None:
    assert wheel(tmp_path).flags() == {"-c", "--ctx-size", "--port"}


def test_asking_for_flags_leaves_nothing_in_the_folder(tmp_path: Path) -> None:
    server = wheel(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    server.flags()

    assert sorted(tmp_path.rglob("*")) == before


def test_a_wheel_that_cannot_be_imported_says_so(tmp_path: Path) -> None:
    server = wheel(tmp_path, "raise ImportError('libgomp.so.1: cannot open')")

    with pytest.raises(EngineStartError) as caught:
        server.flags()

    assert caught.value.log[-1] == "ImportError: libgomp.so.1: cannot open"


def test_a_package_that_is_gone_is_a_reason_not_to_start(tmp_path: Path) -> None:
    server = wheel(tmp_path)
    (tmp_path / "xllamacpp" / "__init__.py").unlink()

    refused = server.prepare(MODEL, settings=Settings())

    assert str(refused) == (
        f"{tmp_path}: expected a folder `xllamacpp` with a Python package, found none"
    )


def test_a_folder_without_the_package_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected a folder `xllamacpp` with a Python package"):
        Xllamacpp.in_folder(tmp_path)
