from __future__ import annotations

from benchmarks.gate import catalogue, render
from benchmarks.gate.catalogue import Engine
from benchmarks.gate.results import Finding, Result, load_all
from engine_ci.records.gate import FaultClass, Status, Verdict

BROKEN = Engine(name="broken", build=1, kind="planted", says="nonsense", fault_class="numeric")
SOUND = Engine(name="sound", build=1, kind="neighbour", says="as it was")


def _result(engine: Engine, *classes: FaultClass, status: Status = Status.FAIL) -> Result:
    return Result(
        engine=engine.name,
        baseline="base",
        made_with="0",
        suites=("drift",),
        verdict=Verdict.FAIL if classes and status is Status.FAIL else Verdict.PASS,
        seconds=1.0,
        passed=1,
        findings=tuple(
            Finding(check=f"drift/{number}", status=status, fault_class=name, observed="")
            for number, name in enumerate(classes)
        ),
    )


def test_the_page_is_the_one_that_the_results_give() -> None:
    assert render.PAGE.read_text() == render.whole()


def test_every_miss_has_an_explanation() -> None:
    passed = {result.engine for result in load_all() if result.verdict is Verdict.PASS}
    broken = {engine.name for engine in catalogue.engines() if engine.fault_class}
    missed = passed & broken
    assert missed <= set(catalogue.WHY_MISSED)


def test_a_fault_is_caught_by_the_verdict_and_named_by_a_failed_check() -> None:
    row = render.Row(BROKEN, _result(BROKEN, FaultClass.API, FaultClass.NUMERIC))
    assert (row.caught, row.named, row.classes) == (True, True, ["api", "numeric"])


def test_a_fault_of_another_class_is_caught_but_not_named() -> None:
    row = render.Row(BROKEN, _result(BROKEN, FaultClass.API))
    assert (row.caught, row.named) == (True, False)


def test_a_warning_catches_nothing() -> None:
    row = render.Row(BROKEN, _result(BROKEN, FaultClass.NUMERIC, status=Status.WARN))
    assert (row.caught, row.named, row.classes) == (False, False, [])


def test_totals_count_what_was_caught_named_and_passed() -> None:
    page = render.page([BROKEN, SOUND], [_result(BROKEN, FaultClass.API), _result(SOUND)], shown={})
    assert "| one line edited | 1 | 1 | 0 | 0 | 0 |" in page
    assert "| sound | 1 | 0 |  | 0 | 1 |" in page


def test_more_than_three_failed_checks_are_counted() -> None:
    page = render.page([BROKEN], [_result(BROKEN, *[FaultClass.NUMERIC] * 5)], shown={})
    assert "`drift/0`, `drift/1`, `drift/2`, 2 more |" in page


def test_a_miss_is_listed_with_its_name() -> None:
    page = render.page([BROKEN], [_result(BROKEN)], shown={})
    assert "## Missed or undecided" in page
    assert "- **broken**" in page


def test_what_the_host_was_too_busy_to_tell_is_undecided() -> None:
    unsure = _result(BROKEN).model_copy(update={"verdict": Verdict.INCONCLUSIVE})
    page = render.page([BROKEN], [unsure], shown={})
    assert "| one line edited | 1 | 0 | 0 | 1 | 0 |" in page
    assert f"- **broken**: {render.TOO_BUSY}" in page


def test_an_engine_without_a_result_is_left_out() -> None:
    assert "| broken | nonsense |" not in render.page([BROKEN], [], shown={})


def test_what_was_passed_at_first_is_said_with_the_reason() -> None:
    first, later = catalogue.engines(["b9802", "25515-null-parameter"])
    results = [_result(first, FaultClass.CRASH_LOAD), _result(later, FaultClass.API)]

    page = render.page([first, later], results, shown={})

    assert "| crash-load | refused | fail | `drift/0` |" in page
    assert "| api | passed: no question of the gate had a parameter that is null | fail |" in page


def test_what_a_sound_engine_is_warned_of_is_no_failure() -> None:
    page = render.page([SOUND], [_result(SOUND, FaultClass.KV, status=Status.WARN)], shown={})

    assert "| as it was | pass |  | `drift/0` |  |" in page
