from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from engine_ci.errors import EngineAnswerError, HarnessError
from engine_ci.gate import timing
from engine_ci.gate.schedule import Role
from engine_ci.gate.suites import performance
from engine_ci.gate.timing import Restart, Speed
from engine_ci.records.gate import Check, Measurement, Status
from tests.unit.gate.contexts import NOWHERE, context, subject

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from engine_ci.engine.adapters.llama_server import LlamaServer
    from engine_ci.gate.schedule import Round

BASELINE = subject("1.0", tree="b")


class Host:
    """Stands in for two engines on a quiet host; notes what it was asked to measure."""

    def __init__(self, *, generation: float = 1.0, prompt: float = 1.0) -> None:
        self.ratio = Speed(generation=generation, prompt=prompt)
        self.fails_in: int | None = None
        self.servers: Mapping[Role, LlamaServer] = {}
        self.model: Path | None = None
        self.restarts: list[tuple[Round, ...]] = []

    def measure(
        self,
        servers: Mapping[Role, LlamaServer],
        *,
        model: Path,
        logs: Path,
        plan: tuple[tuple[Round, ...], ...],
    ) -> Iterator[Restart]:
        assert logs == NOWHERE
        self.servers, self.model = servers, model
        generator = np.random.default_rng(1)
        for number, rounds in enumerate(plan):
            if number == self.fails_in:
                raise EngineAnswerError("no answer", log=("last words",))
            self.restarts.append(rounds)
            yield Restart(
                started=dict.fromkeys(Role, 0.1),
                rounds=[
                    {role: self._speed(role, noise=generator.normal(0, 0.01)) for role in order}
                    for order in rounds
                ],
            )

    def _speed(self, role: Role, *, noise: float) -> Speed:
        ratio = self.ratio if role is Role.CANDIDATE else Speed(1.0, 1.0)
        return Speed(
            generation=300 * ratio.generation * (1 + noise),
            prompt=2000 * ratio.prompt * (1 - noise),
        )


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
    assert len(host.restarts) == 12


def test_the_control_is_the_baselines_program_once_more(host: Host) -> None:
    asked = context(baseline=BASELINE)

    list(performance.run(asked))

    assert host.servers == {
        Role.CANDIDATE: asked.candidate.server,
        Role.BASELINE: BASELINE.server,
        Role.CONTROL: BASELINE.server,
    }
    assert host.model == NOWHERE / "performance"


@pytest.mark.parametrize("metric", ["generation", "prompt"])
def test_each_metric_fails_alone(metric: str, host: Host) -> None:
    host.ratio = host.ratio._replace(**{metric: 0.9})

    answers = list(performance.run(context(baseline=BASELINE)))

    other = {"generation": "prompt", "prompt": "generation"}[metric]
    assert statuses(answers)[f"performance/{metric}"] == "fail"
    assert statuses(answers)[f"performance/{other}"] == "pass"
    assert verdicts(answers) == {metric: "regressed", other: "ok"}


def test_a_collapse_ends_the_measurement_at_once(host: Host) -> None:
    host.ratio = Speed(generation=0.1, prompt=0.9)

    answers = list(performance.run(context(baseline=BASELINE)))

    assert statuses(answers) == {
        "performance/generation": "fail",
        "performance/prompt": "skip",
    }
    assert verdicts(answers) == {"generation": "regressed"}
    assert len(host.restarts) == 2


def test_a_candidate_that_stops_answering_fails(host: Host) -> None:
    host.fails_in = 3

    (check,) = performance.run(context(baseline=BASELINE))

    assert isinstance(check, Check)
    assert (check.id, check.status) == ("performance/answers", Status.FAIL)
    assert (check.observed, check.detail) == ("no answer", "last words")


def test_a_higher_confidence_takes_the_restarts_that_it_needs(host: Host) -> None:
    list(performance.run(context(baseline=BASELINE, confidence=0.99999)))

    assert len(host.restarts) == 17


def test_a_lower_number_of_restarts_can_be_asked_for(host: Host) -> None:
    answers = list(performance.run(context(baseline=BASELINE), restarts=8))

    assert len(host.restarts) == 8
    assert statuses(answers)["performance/generation"] == "pass"


def test_the_seed_decides_the_order_of_the_questions(host: Host) -> None:
    list(performance.run(context(baseline=BASELINE)))
    first = list(host.restarts)
    host.restarts.clear()

    list(performance.run(context(baseline=BASELINE)))

    assert host.restarts == first


def test_without_a_baseline_nothing_is_measured_and_the_reason_is_said(host: Host) -> None:
    answers = list(performance.run(context(baseline=None)))

    assert statuses(answers) == {
        "performance/generation": "skip",
        "performance/prompt": "skip",
    }
    assert {answer.observed for answer in answers if isinstance(answer, Check)} == {
        "there is no baseline to compare with"
    }
    assert not host.restarts


def test_the_same_engine_is_not_measured_against_itself(host: Host) -> None:
    answers = list(performance.run(context(baseline=subject("1.9", tree="c"))))

    assert set(statuses(answers).values()) == {"skip"}
    assert not host.restarts


@pytest.mark.usefixtures("host")
def test_a_catalogue_without_a_model_for_it_is_our_fault() -> None:
    with pytest.raises(HarnessError, match="no model of the role `performance`"):
        list(performance.run(context(baseline=BASELINE, models=("stable",))))
