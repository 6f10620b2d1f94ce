"""What a build is made with."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from engine_ci.artifact import toolchain
from engine_ci.artifact.toolchain import JOB_MEMORY
from tests.unit.artifact import code

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tools = code.pretended_cmake(tmp_path)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    return tools


@pytest.mark.usefixtures("tools")
def test_the_usual_compilers_are_asked() -> None:
    assert toolchain.versions([]) == ("cmake version 3.99", "cc 12.2", "c++ 12.2")


@pytest.mark.parametrize("flag", ["-DCMAKE_C_COMPILER=", "-DCMAKE_C_COMPILER:FILEPATH="])
def test_the_compiler_that_a_flag_names_is_asked_instead(tools: Path, flag: str) -> None:
    (tools / "cc").rename(tools / "clang-19")

    assert toolchain.versions(["-DA=1", f"{flag}clang-19"])[1] == "cc 12.2"


def test_ninja_and_ccache_are_used_where_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine_ci.artifact.toolchain.shutil.which", lambda name: f"/bin/{name}")
    assert toolchain.conveniences() == (
        "-G", "Ninja",
        "-DCMAKE_C_COMPILER_LAUNCHER=/bin/ccache", "-DCMAKE_CXX_COMPILER_LAUNCHER=/bin/ccache",
    )  # fmt: skip

    monkeypatch.setattr("engine_ci.artifact.toolchain.shutil.which", lambda _: None)
    assert toolchain.conveniences() == ()


@pytest.mark.parametrize(
    ("cores", "memory", "jobs"),
    [(8, 64 * JOB_MEMORY, 8), (8, 3 * JOB_MEMORY + 1, 3), (8, JOB_MEMORY // 2, 1), (None, 9e9, 1)],
)
def test_no_more_jobs_than_cores_nor_than_fit_into_memory(
    monkeypatch: pytest.MonkeyPatch, cores: int | None, memory: int, jobs: int
) -> None:
    monkeypatch.setattr("engine_ci.artifact.toolchain.os.cpu_count", lambda: cores)
    free = SimpleNamespace(available=int(memory))
    monkeypatch.setattr("engine_ci.artifact.toolchain.psutil.virtual_memory", lambda: free)

    assert toolchain.jobs() == jobs
