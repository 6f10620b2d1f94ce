"""`engine-ci golden`, with the models that ship."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from engine_ci.errors import Exit
from engine_ci.gate import zoo
from tests.unit.cli.command import CommandLine

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(capsys)


@pytest.fixture
def goldens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copies of one golden of each form, so that nothing of the repository is written."""
    folder = tmp_path / "golden"
    folder.mkdir()
    for name in ("stable", "embedding-bert", "projector-gemma3"):
        shutil.copy(zoo.golden_folder() / f"{name}.json", folder)
    monkeypatch.setattr(zoo, "golden_folder", lambda: folder)
    return folder


def test_the_shipped_goldens_hold(run: CommandLine) -> None:
    ran = run("golden", "verify")

    assert (ran.status, ran.out) == (Exit.OK, "every golden holds\n")
    assert "verifying sensitive" in ran.err
    assert "verifying embedding-nomic-bert" in ran.err


@pytest.mark.skipif(platform.machine() != "x86_64", reason="OpenBLAS has these kernels on x86-64")
@pytest.mark.parametrize("processor", ["Prescott", "Haswell"])
def test_they_hold_on_another_processor(processor: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "engine_ci", "golden", "verify"],
        env={**os.environ, "OPENBLAS_CORETYPE": processor},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ran.returncode, ran.stdout) == (Exit.OK, "every golden holds\n"), ran.stderr


def test_a_golden_that_does_not_hold_is_named_and_recorded_anew(
    run: CommandLine, goldens: Path
) -> None:
    path = goldens / "stable.json"
    golden = json.loads(path.read_text(encoding="utf-8"))
    step = golden["cases"][0]["steps"][0]
    step["logprob"] -= 1.0
    step["margin"] -= 1.0
    step["top"][0][1] -= 1.0
    before = path.read_text(encoding="utf-8")
    path.write_text(json.dumps(golden), encoding="utf-8")

    ran = run("golden", "verify")
    run("golden", "record")

    assert ran.status == Exit.VERIFICATION
    assert "step 0: a log-probability moved by 1.0" in ran.err
    assert _logprobs(path.read_text(encoding="utf-8")) == pytest.approx(_logprobs(before), abs=1e-4)


def test_a_vector_that_does_not_hold_is_named_and_recorded_anew(
    run: CommandLine, goldens: Path
) -> None:
    path = goldens / "embedding-bert.json"
    before = path.read_text(encoding="utf-8")
    golden = json.loads(before)
    vector = golden["passages"][0]["vector"]
    vector[0], vector[1] = vector[1], vector[0]
    path.write_text(json.dumps(golden), encoding="utf-8")

    ran = run("golden", "verify")
    run("golden", "record")

    assert ran.status == Exit.VERIFICATION
    assert "embedding-bert, passage random-1: a component moved by 0." in ran.err
    assert _components(path.read_text(encoding="utf-8")) == pytest.approx(
        _components(before), abs=1e-4
    )


def test_what_is_said_of_a_picture_and_does_not_hold_is_named_and_recorded_anew(
    run: CommandLine, goldens: Path
) -> None:
    path = goldens / "projector-gemma3.json"
    before = path.read_text(encoding="utf-8")
    golden = json.loads(before)
    golden["glances"][1]["steps"][0]["top"][-1][1] -= 1.0
    path.write_text(json.dumps(golden), encoding="utf-8")

    ran = run("golden", "verify")
    run("golden", "record")

    assert ran.status == Exit.VERIFICATION
    assert "glance another, step 0: a log-probability moved by 1.0" in ran.err
    assert _said(path.read_text(encoding="utf-8")) == pytest.approx(_said(before), abs=3e-3)


def test_recording_anew_changes_nothing_while_the_model_is_the_same(
    run: CommandLine, goldens: Path
) -> None:
    names = ("stable", "embedding-bert", "projector-gemma3")
    paths = [goldens / f"{name}.json" for name in names]
    before = [path.read_bytes() for path in paths]

    ran = run("golden", "record")

    assert ran.out.splitlines() == [str(path) for path in paths]
    assert [path.read_bytes() for path in paths] == before


def _logprobs(golden: str) -> list[float]:
    steps = [step for case in json.loads(golden)["cases"] for step in case["steps"]]
    return [step["logprob"] for step in steps]


def _said(golden: str) -> list[float]:
    glances = json.loads(golden)["glances"]
    return [step["top"][-1][1] for glance in glances for step in glance["steps"]]


def _components(golden: str) -> list[float]:
    return [part for passage in json.loads(golden)["passages"] for part in passage["vector"]]
