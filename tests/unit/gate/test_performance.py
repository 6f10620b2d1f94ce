from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from engine_ci.errors import EngineAnswerError, HarnessError
from engine_ci.gate import timing
from engine_ci.gate.schedule import Role
from engine_ci.gate.suites import performance
from engine_ci.gate.timing import BaselineFailedError, Restart
from engine_ci.records.gate import Check, Measurement, Status
from tests.unit.gate.contexts import NOWHERE, context, subject

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from engine_ci.engine.adapters.llama_server import LlamaServer
    from engine_ci.gate.timing import Metric, ModelRole, Question

BASELINE = subject("1.0", tree="b")


class Host:
    """Stands in for two engines on a quiet host; notes what it was asked to measure."""

    def __init__(self) -> None:
        self.ratios: dict[Metric, float] = {"generation": 1.0, "prompt": 1.0}
        self.fails_in: int | None = None
        self.failure: Exception = EngineAnswerError("no answer", log=("last words",))
        self.servers: Mapping[Role, LlamaServer] = {}
        self.models: Mapping[ModelRole, Path] = {}
        self.seed = 0
        self.restarts = 0

    def measure(
        self,
        servers: Mapping[Role, LlamaServer],
        *,
        models: Mapping[ModelRole, Path],
        logs: Path,
        seed: int,
        restarts: int,
        questions: tuple[Question, ...],
    ) -> Iterator[Restart]:
        assert logs == NOWHERE
        self.servers, self.models, self.seed = servers, models, seed
        generator = np.random.default_rng(1)
        for number in range(restarts):
            if number == self.fails_in:
                raise self.failure
            self.restarts += 1
            yield Restart(
                started=dict.fromkeys(Role, 0.1),
                speeds={
                    question.metric: [
                        {role: self._speed(role, question.metric, generator) for role in Role}
                        for _ in range(question.rounds)
                    ]
                    for question in questions
                },
            )

    def _speed(self, role: Role, metric: Metric, generator: np.random.Generator) -> float:
        ratio = self.ratios[metric] if role is Role.CANDIDATE else 1.0
        return 300 * ratio * generator.normal(1, 0.01)


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
        "performance/generation": "pass",
        "performance/prompt": "pass",
        "performance/start": "pass",
        "performance/host": "pass",
    }
    assert verdicts(answers) == {"generation": "ok", "prompt": "ok"}
    assert host.restarts == performance.RESTARTS


def test_the_control_is_the_baselines_program_once_more(host: Host) -> None:
    asked = context(baseline=BASELINE)

    list(performance.run(asked))

    assert host.servers == {
        Role.CANDIDATE: asked.candidate.server,
        Role.BASELINE: BASELINE.server,
        Role.CONTROL: BASELINE.server,
    }
    assert host.models == {
        "performance": NOWHERE / "performance",
        "real": NOWHERE / "smollm2-135m",
    }


@pytest.mark.parametrize("metric", ["generation", "prompt"])
def test_each_metric_fails_alone(metric: Metric, host: Host) -> None:
    host.ratios[metric] = 0.9

    answers = list(performance.run(context(baseline=BASELINE)))

    other = {"generation": "prompt", "prompt": "generation"}[metric]
    assert statuses(answers)[f"performance/{metric}"] == "fail"
    assert statuses(answers)[f"performance/{other}"] == "pass"
    assert verdicts(answers) == {metric: "regressed", other: "ok"}


def test_a_collapse_ends_the_measurement_at_once(host: Host) -> None:
    host.ratios = {"generation": 0.1, "prompt": 0.9}

    answers = list(performance.run(context(baseline=BASELINE)))

    assert statuses(answers) == {
        "performance/generation": "fail",
        "performance/prompt": "skip",
    }
    assert verdicts(answers) == {"generation": "regressed"}
    assert host.restarts == 2  # five pairs, four of them in a restart


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

    assert host.restarts == 24


def test_a_lower_number_of_restarts_can_be_asked_for(host: Host) -> None:
    answers = list(performance.run(context(baseline=BASELINE), restarts=8))

    assert host.restarts == 8
    assert statuses(answers)["performance/generation"] == "pass"


def test_the_seed_of_the_run_decides_the_order_of_the_questions(host: Host) -> None:
    list(performance.run(context(baseline=BASELINE)))

    assert host.seed == 7


def test_without_a_baseline_nothing_is_measured_and_the_reason_is_said(host: Host) -> None:
    answers = list(performance.run(context(baseline=None)))

    assert statuses(answers) == {
        "performance/generation": "skip",
        "performance/prompt": "skip",
    }
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
    with pytest.raises(HarnessError, match="no model of the role `performance`"):
        list(performance.run(context(baseline=BASELINE, models=("stable",))))
