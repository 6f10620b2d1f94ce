from __future__ import annotations

from benchmarks.gate import catalogue, planted
from engine_ci import config
from engine_ci.config import PerformancePolicy
from engine_ci.records.gate import Verdict
from tests.unit.report.build import REFUSED, measurement, result

BASE = catalogue.engines([catalogue.BASE])[0]


def test_what_passed_is_counted_and_the_rest_is_kept() -> None:
    kept = planted.compact(BASE, REFUSED, made_with="0")
    assert kept.verdict is Verdict.FAIL
    assert kept.passed == 2
    assert [finding.check for finding in kept.findings] == [
        "loads/smollm2", "loads/size", "drift/app", "chat/smollm2",
    ]  # fmt: skip


def test_advice_and_warnings_are_no_faults() -> None:
    kept = planted.compact(BASE, REFUSED, made_with="0")
    assert [finding.check for finding in kept.failed] == ["loads/smollm2"]


def test_measured_speed_is_kept_with_its_bounds() -> None:
    kept = planted.compact(BASE, result(performance=(measurement("prompt"),)), made_with="0")
    assert [(speed.metric, speed.ratio, speed.low, speed.high) for speed in kept.speed] == [
        ("prompt", 1.002, 0.991, 1.013)
    ]


def test_engines_are_held_to_the_limit_of_speed_that_ships() -> None:
    settings = planted.as_it_ships()

    assert settings.gate.performance == PerformancePolicy()
    assert settings.engine == config.load(planted.CONFIG).engine
