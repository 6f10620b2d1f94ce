from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from engine_ci.errors import EngineAnswerError, HarnessError
from engine_ci.gate import timing
from engine_ci.gate.profiles import PROFILES
from engine_ci.gate.schedule import Role
from engine_ci.gate.suites import performance
from engine_ci.gate.timing import BaselineFailedError, Restart
from engine_ci.records.gate import Check, Measurement, Status
from tests.unit.gate.contexts import NOWHERE, context, subject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from engine_ci.engine.adapters.llama_server import LlamaServer
    from engine_ci.gate.streaming import Question

BASELINE = subject("1.0", tree="b")
METRICS = ("prompt", "wide-prompt", "first-token", "generation")
LOOKS = PROFILES["quick"].looks


class Host:
    """Stands in for two engines on a quiet host; notes what it was asked to measure."""

    def __init__(self) -> None:
        self.ratios: dict[str, float] = {}
        self.noise = 0.01
        self.fails_in: int | None = None
        self.failure: Exception = EngineAnswerError("no answer", log=("last words",))
        self.servers: Mapping[Role, LlamaServer] = {}
        self.models: Mapping[str, Path] = {}
        self.seed = 0
        self.restarts = 0
        self.asked: Counter[str] = Counter()

    def measure(
        self,
        servers: Mapping[Role, LlamaServer],
        *,
        models: Mapping[str, Path],
        logs: Path,
        seed: int,
        restarts: int,
        questions: tuple[Question, ...],
        wanted: Callable[[Question], bool],
    ) -> Iterator[Restart]:
        assert logs == NOWHERE
        self.servers, self.models, self.seed = servers, models, seed
        generator = np.random.default_rng(1)
        for number in range(restarts):
            asked = [question for question in questions if wanted(question)]
            if not asked:
                return
            if number == self.fails_in:
                raise self.failure
            self.restarts += 1
            self.asked.update(question.model for question in asked)
            yield Restart(
                started=dict.fromkeys(Role, 0.1),
                speeds={
                    metric: [
                        {role: self._speed(role, metric.name, generator) for role in Role}
                        for _ in range(question.rounds)
                    ]
                    for question in asked
                    for metric in question.metrics
                },
                clock_s=2.0,
                waited_s=0.5,
            )

    def _speed(self, role: Role, metric: str, generator: np.random.Generator) -> float:
        ratio = self.ratios.get(metric, 1.0) if role is Role.CANDIDATE else 1.0
        return 300 * ratio * float(np.exp(generator.normal(0, self.noise)))


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    found = Host()
    monkeypatch.setattr(timing, "measure", found.measure)
    return found


def statuses(answers: list[Check | Measurement]) -> dict[str, str]:
    return {answer.id: answer.status.value for answer in answers if isinstance(answer, Check)}


def verdicts(answers: list[Check | Measurement]) -> dict[str, str]:
    return {answer.metric: answer.verdict for answer in answers if isinstance(answer, Measurement)}


def test_equal_engines_pass_every_check(host: Host) -> None:
    answers = list(performance.run(context(baseline=BASELINE)))

    assert statuses(answers) == {
        "performance/prompt": "pass",
        "performance/wide-prompt": "pass",
        "performance/first-token": "pass",
        "performance/generation": "pass",
        "performance/start": "pass",
        "performance/host": "pass",
    }
    assert verdicts(answers) == dict.fromkeys(METRICS, "ok")
    assert host.restarts == LOOKS[0]


@pytest.mark.parametrize(("ratio", "noise"), [(1.0, 0.01), (1.2, 0.01), (1.0, 0.3)])
def test_a_screening_is_over_after_eight_restarts_and_proves_nothing_for_the_candidate(
    ratio: float, noise: float, host: Host
) -> None:
    host.ratios, host.noise = dict.fromkeys(METRICS, ratio), noise

    answers = list(performance.run(context(baseline=BASELINE), profile=PROFILES["screen"]))

    said = statuses(answers)
    assert {said[f"performance/{metric}"] for metric in METRICS} == {"skip"}
    assert verdicts(answers) == {}
    assert host.restarts == 8
    told = {check.id: check.observed for check in answers if isinstance(check, Check)}
    assert re.fullmatch(
        r"not clearly slower: \S+ \(\S+ to \S+\) after 8 restarts, which prove no more",
        told["performance/generation"],
    )


@pytest.mark.parametrize("metric", METRICS)
def test_a_screening_refuses_what_is_clearly_slower(metric: str, host: Host) -> None:
    host.ratios[metric] = 0.75

    answers = list(performance.run(context(baseline=BASELINE), profile=PROFILES["screen"]))

    assert statuses(answers)[f"performance/{metric}"] == "fail"
    assert verdicts(answers) == {metric: "regressed"}


@pytest.mark.parametrize(
    ("counts", "clock"), [(True, "25% of the clock's"), (False, "by the clock:")]
)
def test_the_clock_that_was_used_is_told(
    counts: bool, clock: str, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine_ci.engine.stopwatch.counts_waits", lambda: counts)

    answers = list(performance.run(context(baseline=BASELINE)))

    (about,) = (each for each in answers if isinstance(each, Check) and each.id.endswith("/host"))
    assert about.detail.startswith(clock)
    assert host.restarts == LOOKS[0]


def test_the_control_is_the_baselines_program_once_more(host: Host) -> None:
    asked = context(baseline=BASELINE)

    list(performance.run(asked))

    assert host.servers == {
        Role.CANDIDATE: asked.candidate.server,
        Role.BASELINE: BASELINE.server,
        Role.CONTROL: BASELINE.server,
    }
    assert host.models == {
        name: NOWHERE / name for name in ("performance", "sensitive-wide", "smollm2-135m")
    }


@pytest.mark.parametrize("metric", METRICS)
def test_each_metric_fails_alone(metric: str, host: Host) -> None:
    host.ratios[metric] = 0.75

    answers = list(performance.run(context(baseline=BASELINE)))

    failed = {name for name, status in statuses(answers).items() if status == "fail"}
    assert failed == {f"performance/{metric}"}
    assert verdicts(answers) == dict.fromkeys(METRICS, "ok") | {metric: "regressed"}


def test_only_a_metric_near_its_limit_is_asked_for_longer(host: Host) -> None:
    host.ratios["generation"] = 0.972

    answers = list(performance.run(context(baseline=BASELINE)))

    assert host.asked == {
        "performance": LOOKS[0],
        "sensitive-wide": LOOKS[0],
        "smollm2-135m": LOOKS[1],
    }
    assert verdicts(answers)["generation"] == "ok"


def test_a_host_too_noisy_to_tell_is_looked_at_to_the_end(host: Host) -> None:
    host.noise = 0.6

    answers = list(performance.run(context(baseline=BASELINE)))

    assert host.restarts == LOOKS[-1]
    assert statuses(answers)["performance/host"] == "warn"


def test_a_collapse_ends_the_measurement_at_once(host: Host) -> None:
    host.ratios = {"generation": 0.1, "prompt": 0.9}

    answers = list(performance.run(context(baseline=BASELINE)))

    assert statuses(answers) == {
        "performance/generation": "fail",
        "performance/first-token": "skip",
        "performance/wide-prompt": "skip",
        "performance/prompt": "skip",
    }
    assert verdicts(answers) == {"generation": "regressed"}
    assert host.restarts == 2  # five pairs, four of them in a restart


def test_a_floor_of_the_config_stands_beside_the_comparison(host: Host) -> None:
    floors = {"this-host": {"prompt": 200.0, "generation": 400.0}}

    answers = list(performance.run(context(baseline=BASELINE, floors=floors, runner="this-host")))

    assert statuses(answers)["performance/prompt/floor"] == "pass"
    assert statuses(answers)["performance/generation/floor"] == "fail"
    assert host.restarts == LOOKS[0]


def test_the_nightly_profile_asks_more_and_longer(host: Host) -> None:
    nightly = PROFILES["nightly"]

    answers = list(performance.run(context(baseline=BASELINE, profile="nightly")))

    assert set(host.models) == {"performance", "sensitive-wide", "smollm2-135m"}
    assert set(verdicts(answers)) == {metric.name for metric in nightly.metrics}
    assert host.restarts == nightly.looks[0]


def test_a_candidate_that_stops_answering_fails(host: Host) -> None:
    host.fails_in = 3

    (check,) = performance.run(context(baseline=BASELINE))

    assert isinstance(check, Check)
    assert (check.id, check.status) == ("performance/answers", Status.FAIL)
    assert (check.observed, check.detail) == ("no answer", "last words")


def test_a_baseline_that_fails_leaves_nothing_to_compare_with(host: Host) -> None:
    host.fails_in, host.failure = 0, BaselineFailedError("the baseline failed: no answer")
    baseline = subject("1.0", tree="b")

    answers = list(performance.run(context(baseline=baseline)))

    assert set(statuses(answers).values()) == {"skip"}
    assert baseline.refused == {"performance": "the baseline failed: no answer"}


def test_a_higher_confidence_takes_the_restarts_that_it_needs(host: Host) -> None:
    list(performance.run(context(baseline=BASELINE, confidence=0.9999999)))

    assert host.restarts == 25


def test_another_profile_can_be_asked_for(host: Host) -> None:
    short = replace(PROFILES["quick"], looks=(8,))

    answers = list(performance.run(context(baseline=BASELINE), profile=short))

    assert host.restarts == 8
    assert statuses(answers)["performance/generation"] == "pass"


def test_the_seed_of_the_run_decides_the_order_of_the_questions(host: Host) -> None:
    list(performance.run(context(baseline=BASELINE)))

    assert host.seed == 7


def test_without_a_baseline_nothing_is_measured_and_the_reason_is_said(host: Host) -> None:
    answers = list(performance.run(context(baseline=None)))

    assert statuses(answers) == {f"performance/{metric}": "skip" for metric in METRICS}
    assert {answer.observed for answer in answers if isinstance(answer, Check)} == {
        "there is no baseline to compare with"
    }
    assert host.restarts == 0


def test_the_same_engine_is_not_measured_against_itself(host: Host) -> None:
    answers = list(performance.run(context(baseline=subject("1.9", tree="c"))))

    assert set(statuses(answers).values()) == {"skip"}
    assert host.restarts == 0


@pytest.mark.usefixtures("host")
def test_a_catalogue_without_a_model_for_it_is_our_fault() -> None:
    with pytest.raises(HarnessError, match="no model `performance`"):
        list(performance.run(context(baseline=BASELINE, models=("stable",))))
