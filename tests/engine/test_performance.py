"""Speed is measured with real engines, reduced to few restarts; no test looks at absolute times."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import pytest

from engine_ci.config import Config
from engine_ci.engine.adapters.llama_server import LlamaServer
from engine_ci.gate import setup, speed, streaming, zoo
from engine_ci.gate.context import LocatedModel
from engine_ci.gate.profiles import PROFILES, Profile
from engine_ci.gate.speed import Metric
from engine_ci.gate.streaming import Question
from engine_ci.gate.suites import performance
from engine_ci.records.gate import Check, Measurement, Status
from tests.faults import proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path


pytestmark = pytest.mark.engine

# Of each profile one look, after the fewest restarts that can give a bound of this confidence.
LOOKS = (4,)
QUICK = replace(PROFILES["quick"], looks=LOOKS)
PROMPT, GENERATION = Metric(name="prompt"), Metric(name="generation")
SMALL = Profile(
    questions=(
        Question(
            model="performance",
            prompt_tokens=256,
            tokens=16,
            rounds=4,
            metrics={PROMPT: streaming.prompt, GENERATION: streaming.generation},
        ),
    ),
    looks=LOOKS,
)
CONFIG = Config.model_validate(
    {
        "schema": 1,
        "pins": ["pins/llama.cpp.yaml"],
        "platforms": ["ubuntu-x64"],
        "gate": {"performance": {"limit": 0.9, "confidence": 0.9}},
    }
)


class Report(NamedTuple):
    """What the suite says, by id and by metric."""

    checks: Mapping[str, Check]
    measurements: Mapping[str, Measurement]

    @property
    def unfit(self) -> bool:
        """Whether the host is; then its check says why, to the third decimal.

        A collapse ends the session without asking: who is held up for half as long as the clock
        says is held up for much longer than it computes, where the host is very busy.
        """
        if "performance/host" not in self.checks:
            return False
        host = self.checks["performance/host"]
        ratios = re.findall(r"(\d\.\d+) \((\d\.\d+) to (\d\.\d+)\)", host.observed)
        assert len(ratios) == len(self.measurements)
        off = [abs(float(centre) - 1) > speed.CONTROL_CENTRE - 0.001 for centre, _, _ in ratios]
        wide = [
            max(1 - float(low), float(high) - 1) > speed.CONTROL_BOUND - 0.001
            for _, low, high in ratios
        ]
        assert host.status is Status.PASS or any(off + wide)
        return host.status is Status.WARN


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, smollm2: Path) -> dict[str, LocatedModel]:
    def fetch(member: zoo.WheelMember) -> Path:
        pytest.fail(f"{member.file} is not needed here")

    asked = {question.model for question in QUICK.questions}
    catalogue = {model.name: model for model in zoo.load_catalogue() if model.name in asked}
    real = catalogue.pop("smollm2-135m")
    cache = tmp_path_factory.mktemp("cache")
    found, _ = setup.located(catalogue.values(), cache=cache, fetch=fetch)
    return found | {real.name: LocatedModel(model=real, path=smollm2)}


@pytest.fixture
def compare(
    models: dict[str, LocatedModel],
    mineru: Callable[[str], Path],
    tmp_path: Path,
) -> Callable[..., Report]:
    """`compare(candidate)` with 0.1.2."""

    def compared(candidate: Path, profile: Profile) -> Report:
        context, problems = setup.context_for(
            candidate,
            baseline=mineru("0.1.2"),
            platform="ubuntu-x64",
            models=models,
            config=CONFIG,
            logs=tmp_path,
            seed=1,
        )
        assert problems == ()
        answers = list(performance.run(context, profile=profile))
        return Report(
            checks={answer.id: answer for answer in answers if isinstance(answer, Check)},
            measurements={
                answer.metric: answer for answer in answers if isinstance(answer, Measurement)
            },
        )

    return compared


@pytest.fixture
def slowed(mineru: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Path]:
    """`slowed("1.5")` is 0.1.3, held up so that all takes 1.5 times as long."""
    real = LlamaServer.in_folder(mineru("0.1.3")).program
    return lambda factor: proxy.plant(tmp_path / "slow", server=real, fault="slow", argument=factor)


def test_a_good_build_is_not_refused(
    compare: Callable[..., Report], mineru: Callable[[str], Path]
) -> None:
    report = compare(mineru("0.1.3"), QUICK)

    assert tuple(report.measurements) == tuple(metric.name for metric in QUICK.metrics)
    assert {found.restarts for found in report.measurements.values()} == set(LOOKS)
    for found in report.measurements.values():
        assert [len(pairs) for pairs in found.samples] == [found.pairs // found.restarts] * 4
    assert report.checks["performance/start"].status is Status.PASS
    assert report.unfit or not any(check.status is Status.FAIL for check in report.checks.values())


def test_an_engine_that_takes_half_as_long_again_is_refused(
    compare: Callable[..., Report], slowed: Callable[[str], Path]
) -> None:
    report = compare(slowed("1.5"), SMALL)

    for metric, found in report.measurements.items():
        check = report.checks[f"performance/{metric}"]
        unsure = report.unfit or found.high >= CONFIG.gate.performance.limit
        assert check.status in ({Status.FAIL, Status.WARN} if unsure else {Status.FAIL})
        assert found.ratio < 0.9


def test_a_screening_refuses_one_that_takes_twice_as_long_and_proves_no_other(
    compare: Callable[..., Report], slowed: Callable[[str], Path], mineru: Callable[[str], Path]
) -> None:
    slow, good = (
        compare(engine, replace(SMALL, screens=True)) for engine in (slowed("2"), mineru("0.1.3"))
    )

    refused = {name for name, check in slow.checks.items() if check.status is Status.FAIL}
    unfit = "performance/host" in slow.checks and (
        slow.checks["performance/host"].status is Status.WARN
    )
    assert unfit or {"performance/prompt", "performance/generation"} <= refused
    for report in (slow, good):
        assert {found.verdict for found in report.measurements.values()} <= {"regressed"}
        assert report.checks["performance/generation"].status is not Status.PASS


@pytest.fixture
def busy() -> Iterator[None]:
    """Every core has other work to do."""
    burn = [sys.executable, "-c", "while True: pass"]
    with ExitStack() as stack:
        for _ in range(os.cpu_count() or 1):
            stack.callback(stack.enter_context(subprocess.Popen(burn)).kill)
        yield


@pytest.mark.usefixtures("busy")
def test_other_work_on_every_core_hides_no_slow_engine(
    compare: Callable[..., Report], slowed: Callable[[str], Path]
) -> None:
    report = compare(slowed("1.5"), SMALL)

    assert report.measurements
    for metric, found in report.measurements.items():
        assert found.ratio < 0.9
        assert report.checks[f"performance/{metric}"].status in {Status.FAIL, Status.WARN}


def test_an_engine_that_takes_ten_times_as_long_is_refused_at_once_on_any_host(
    compare: Callable[..., Report], slowed: Callable[[str], Path]
) -> None:
    question = replace(SMALL.questions[0], prompt_tokens=8, tokens=8, rounds=6)

    report = compare(slowed("10"), replace(SMALL, questions=(question,)))

    collapsed = [found for found in report.measurements.values() if found.verdict == "regressed"]
    assert collapsed
    assert all(found.high < speed.COLLAPSED for found in collapsed)
    assert {(found.restarts, found.pairs) for found in collapsed} == {(1, 6)}
    assert all(
        report.checks[f"performance/{found.metric}"].status is Status.FAIL for found in collapsed
    )
