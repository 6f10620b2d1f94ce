"""`engine-ci backtest`, without engines: what is gated against what, and what is left behind."""

from __future__ import annotations

import json
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine_ci import config as configuration
from engine_ci.artifact import whole
from engine_ci.cli import backtest_build, models
from engine_ci.cli import gate as gate_command
from engine_ci.errors import Exit, OutsideError, VerificationError
from engine_ci.gate import setup
from engine_ci.gate.backtest import Asked, Pair
from engine_ci.records.backtest import Outcome
from engine_ci.records.candidate import PublishedAsset
from engine_ci.records.gate import Verdict
from engine_ci.releases.sources import package_index
from engine_ci.system import documents
from tests.unit.cli.command import APP
from tests.unit.gate import test_backtest as records
from tests.unit.releases.build import version

if TYPE_CHECKING:
    from engine_ci.engine.adapters.kinds import Server
    from engine_ci.records.gate import GateResult
    from tests.unit.cli.command import CommandLine

ASKED = Asked(package="toy", adapter="llama-server", suites=("loads",))
EMPTY, DAMAGED, DIES, RUNS = "0.1", "0.2", "0.3", "0.4"


class Stage:
    """What stands for the index, the wheels, the engines and the gate.

    Attributes:
        gated: the folders of the candidate and the baseline of each gate run.
        packages: whose versions those folders were said to be called by.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.gated: list[tuple[Path, Path | None]] = []
        self.packages: list[str] = []
        patch.setattr(package_index, "wheel", self._wheel)
        patch.setattr(whole, "unpacked", self._unpacked)
        patch.setattr(models, "located", lambda **_: ({"stable": None}, ()))
        patch.setattr(setup, "why_not", self._why_not)
        patch.setattr(gate_command, "run", self._gate)

    def _wheel(self, package: str, version: str) -> PublishedAsset:
        return PublishedAsset(name=f"{package}-{version}.whl", sha256="0" * 64)

    def _unpacked(self, _: PublishedAsset, *, version: str, into: Path, **__: object) -> Path:
        if version == DAMAGED:
            raise VerificationError("damaged")
        into.mkdir()
        if version != EMPTY:
            (into / "llama-server").touch()
        return into

    def _why_not(self, server: Server, _: object, *, log: Path) -> str:
        assert log.parent.is_dir()
        return "dies" if server.program.parent.name == DIES else ""

    def _gate(
        self, *_: object, candidate: Path, baseline: Path | None, package: str, **__: object
    ) -> GateResult:
        assert candidate.is_dir()
        self.gated.append((candidate, baseline))
        self.packages.append(package)
        return records.result(Verdict.PASS)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(monkeypatch)


def gate(out: Path, *predecessors: str, of: str = "0.5") -> Outcome:
    pair = Pair(version=of, build=None, predecessors=predecessors)
    config = configuration.load(APP / "engine-ci.yaml")
    job = backtest_build.Job(pair=pair, asked=ASKED, config=config, root=APP, out=out)
    return backtest_build.run(job)


def test_the_baseline_is_the_newest_predecessor_that_runs(stage: Stage, tmp_path: Path) -> None:
    outcome = gate(tmp_path, DIES, DAMAGED, EMPTY, RUNS, "0.0")

    ((candidate, baseline),) = stage.gated
    assert baseline is not None
    assert (candidate.name, baseline.name, outcome.baseline) == ("0.5", RUNS, RUNS)
    assert stage.packages == ["toy"]


@pytest.mark.parametrize("predecessors", [(), (DIES, EMPTY)])
def test_where_none_runs_there_is_no_baseline(
    stage: Stage, tmp_path: Path, predecessors: tuple[str, ...]
) -> None:
    outcome = gate(tmp_path, *predecessors)

    assert (stage.gated[0][1], outcome.baseline) == (None, None)


@pytest.mark.usefixtures("stage")
def test_an_outcome_is_left_and_the_engines_are_not(tmp_path: Path) -> None:
    stale = tmp_path / "toy-0.5" / "engines" / "of-a-killed-run"
    stale.mkdir(parents=True)

    outcome = gate(tmp_path, RUNS)

    stored = documents.load_json(tmp_path / "toy-0.5.json", Outcome, error=VerificationError)
    assert stored == outcome
    assert list((tmp_path / "toy-0.5").iterdir()) == []


@pytest.mark.usefixtures("stage")
def test_a_build_that_cannot_be_got_is_an_error_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> PublishedAsset:
        raise OutsideError("no network")

    monkeypatch.setattr(package_index, "wheel", gone)

    outcome = gate(tmp_path, RUNS)

    assert (outcome.verdict, outcome.problem) == (Verdict.ERROR, "no network")
    assert (tmp_path / "toy-0.5.json").exists()
    assert list((tmp_path / "toy-0.5").iterdir()) == []


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package index that lists three versions, and has no file of any."""
    every = [version(text) for text in ("0.2.0", "0.1.0", "0.10.0")]
    monkeypatch.setattr(package_index, "versions", lambda _: every)


BACKTEST = ("backtest", "--package", "toy", "--suite", "loads", "--out", "out")


@pytest.mark.usefixtures("app", "listed")
def test_the_matrix_is_of_what_is_left(run: CommandLine) -> None:
    done = records.outcome("0.2.0", asked=ASKED)
    documents.write(Path("out/toy-0.2.0.json"), documents.dump_json(done))

    ran = run(*BACKTEST, "--builds", "0.1.0..0.10.0", "--matrix")

    assert ran.status == Exit.OK
    assert [job["version"] for job in json.loads(ran.out)["include"]] == ["0.1.0", "0.10.0"]


@pytest.mark.usefixtures("app", "listed")
def test_what_is_finished_is_shown_and_not_gated_again(run: CommandLine) -> None:
    for number, verdict in (("0.1.0", Verdict.PASS), ("0.2.0", Verdict.INCONCLUSIVE)):
        done = records.outcome(number, verdict=verdict, asked=ASKED)
        documents.write(Path(f"out/toy-{number}.json"), documents.dump_json(done))

    shown = run(*BACKTEST, "--builds", "..0.2.0")
    ran = run(*BACKTEST, "--builds", "..0.2.0", "--json")

    assert (shown.status, ran.status) == (Exit.INCONCLUSIVE, Exit.INCONCLUSIVE)
    assert [line.split()[0] for line in shown.out.splitlines()] == ["build", "0.1.0", "0.2.0"]
    outcomes = json.loads(ran.out)["outcomes"]
    assert [outcome["version"] for outcome in outcomes] == ["0.1.0", "0.2.0"]


@pytest.mark.usefixtures("app", "listed", "pip_on_its_own")
def test_builds_are_gated_in_processes_of_their_own(run: CommandLine) -> None:
    ran = run(*BACKTEST, "--builds", "..0.2.0", "--jobs", "2")

    assert ran.status == Exit.OUTSIDE
    assert "backtest: 2 builds, 2 at a time\n" in ran.err
    for number in ("0.1.0", "0.2.0"):
        assert f"backtest: {number}: error" in ran.err
        stored = json.loads(Path(f"out/toy-{number}.json").read_text(encoding="utf-8"))
        assert stored["problem"].startswith("`pip install` failed: ")


@pytest.mark.usefixtures("app", "listed")
def test_a_process_that_was_killed_is_no_answer_about_the_build(
    run: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> Future[Outcome]:
        future: Future[Outcome] = Future()
        future.set_exception(BrokenProcessPool())
        return future

    monkeypatch.setattr(ProcessPoolExecutor, "submit", killed)

    ran = run(*BACKTEST, "--builds", "0.1.0..0.1.0")

    assert ran.status == Exit.OUTSIDE
    assert "error: a process that gated a build was killed\n" in ran.err


@pytest.mark.usefixtures("app", "listed")
@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (("--builds", "..", "--source", "github-releases"), "`github-releases` cannot be listed"),
        (("--builds", "0.11.0.."), "no version of the package lies in 0.11.0.."),
        (("--builds", "..", "--suite", "poetry"), "there is no suite `poetry`"),
    ],
)
def test_what_cannot_be_gated_is_refused_before_anything_is_fetched(
    run: CommandLine, more: tuple[str, ...], reason: str
) -> None:
    ran = run(*BACKTEST, *more, "--matrix")

    assert ran.status == Exit.USAGE
    assert reason in ran.err
