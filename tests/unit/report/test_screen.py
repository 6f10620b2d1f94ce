"""The last screen: short whatever happened, the gravest first, and no line drives a terminal."""

from __future__ import annotations

import pytest

from engine_ci.records.gate import UNKNOWN, Check, FaultClass, GateResult, Status, Verdict
from engine_ci.report import screen
from tests.unit.report.build import PASSED, REFUSED, UNSURE, check, result

WIDE = 78


def of(found: GateResult) -> list[str]:
    return [f"{line.label} {line.text}".rstrip() for line in screen.lines(found, folder="gate")]


def failing(count: int, *, kinds: tuple[FaultClass, ...] = tuple(FaultClass)) -> GateResult:
    """So many checks that failed, each with evidence, of one kind of fault after the other."""
    checks = (
        check(f"suite/{at}", Status.FAIL, observed="it broke", detail="first\nlast\n").model_copy(
            update={"fault_class": kinds[at % len(kinds)]}
        )
        for at in range(count)
    )
    return result(*checks, verdict=Verdict.FAIL)


def test_what_passed_needs_no_screen() -> None:
    assert of(PASSED) == []


def test_one_failure_is_told_with_all_that_it_takes_to_go_on() -> None:
    assert of(REFUSED) == [
        "FAIL llama.cpp 0.2.0 against 0.1.2: 1 of 6 checks failed",
        "loads/smollm2 (crash-load)",
        "  expected ready",
        "  observed ended with SIGABRT before it was ready",
        r"  evidence \x1b[31mred",
        "report gate/gate.html",
        "all of it gate/gate.json, and gate/logs",
        "next each one's evidence is in the report; `--suite loads` asks it again",
        " for a build that is at fault: `engine-ci hold 0.2.0 --reason …`",
    ]


def test_nobody_is_told_to_hold_a_build_that_has_no_version() -> None:
    unknown = REFUSED.engines.candidate.model_copy(update={"version": UNKNOWN})
    engines = REFUSED.engines.model_copy(update={"candidate": unknown})

    assert of(REFUSED.model_copy(update={"engines": engines}))[-1].startswith("next each one's")


@pytest.mark.parametrize("count", range(1, 101, 3))
def test_however_many_have_failed_it_fits_a_terminal(count: int) -> None:
    found = of(failing(count))
    shown = sum(line.startswith("suite/") for line in found)
    left = [line for line in found if line.startswith("and ")]

    assert len(found) <= 25
    assert shown == min(count, 4)
    assert [int(line.split()[1]) for line in left] == ([count - shown] if count > shown else [])
    assert found[0].endswith(f"{count} of {count} checks failed")


def test_the_gravest_kinds_come_first_each_once_before_any_comes_again() -> None:
    kinds = (FaultClass.PERFORMANCE, FaultClass.API, FaultClass.CRASH_LOAD, FaultClass.NUMERIC)
    found = of(failing(40, kinds=kinds))

    assert [line.split()[1] for line in found if line.startswith("suite/")] == [
        *("(crash-load)", "(numeric)", "(api)", "(performance)")
    ]
    assert "and 36 more: 9 crash-load, 9 numeric, 9 api, 9 performance" in found


def test_every_kind_of_fault_has_its_place() -> None:
    assert set(screen._GRAVEST_FIRST) == set(FaultClass)


def test_of_many_kinds_the_most_frequent_are_named() -> None:
    (line,) = (line for line in of(failing(100)) if line.startswith("and "))

    assert line.count(",") == 4
    assert line.endswith(", …")


def test_a_suspect_is_named() -> None:
    suspect = check("drift/suspect", Status.WARN, observed="suspect: flash attention (3 of 4)")
    acquitted = check("drift/suspect", Status.PASS, observed="none in 4 models and modes")
    failed = check("drift/stable", Status.FAIL)

    assert "suspect flash attention (3 of 4)" in of(result(failed, suspect, verdict=Verdict.FAIL))
    assert not [line for line in of(result(failed, acquitted)) if line.startswith("suspect")]


def test_doubt_says_why_and_what_would_end_it() -> None:
    assert of(UNSURE) == [
        (
            "INCONCLUSIVE llama.cpp 0.1.3: There was no baseline to compare with. "
            "Too noisy to tell: generation"
        ),
        "report gate/gate.html",
        "all of it gate/gate.json, and gate/logs",
        "next again, on a quieter machine; `--profile nightly` measures longer",
    ]


def test_what_could_not_be_asked_says_nothing_of_the_engine() -> None:
    broken = check("loads/harness", Status.ERROR, observed="no\nroom")
    found = of(result(check("loads/a"), broken, verdict=Verdict.ERROR))

    assert found[0] == "ERROR llama.cpp 0.2.0 against 0.1.2: 1 of 2 checks could not be asked"
    assert "  observed no room" in found
    assert found[-1].startswith("next this says nothing of the engine")


def test_a_gate_that_asked_nothing_says_so() -> None:
    (first, *_) = of(result(verdict=Verdict.ERROR))

    assert first == "ERROR llama.cpp 0.2.0 against 0.1.2: No check was run"


def test_a_failure_that_does_not_count_is_none() -> None:
    counts: Check = check("loads/a", Status.FAIL)
    other = check("loads/b", Status.FAIL, blocking=False)

    assert "loads/b (crash-load)" not in of(result(counts, other, verdict=Verdict.FAIL))
