from __future__ import annotations

import pytest

from benchmarks.gate import classes
from benchmarks.gate.bundle_faults import BundleResult
from benchmarks.gate.bundles import FAULTS
from benchmarks.gate.catalogue import Engine
from benchmarks.gate.classes import Kind
from benchmarks.gate.proxy_faults import Failed, ProxyResult
from benchmarks.gate.results import Finding, Result
from engine_ci.records.gate import FaultClass, Status, Verdict
from tests.engine.test_suites import PLANTED


def asked(suite: str, fault: str, *failed: FaultClass, argument: str = "") -> ProxyResult:
    checks = tuple(Failed(check=f"{suite}/one", fault_class=found) for found in failed)
    return ProxyResult(suite=suite, fault=fault, argument=argument, failed=checks)


def finding(check: str, fault_class: FaultClass) -> Finding:
    return Finding(check=check, status=Status.FAIL, fault_class=fault_class, observed="")


def packed(fault: str, *findings: Finding, prepare: int = 0) -> BundleResult:
    return BundleResult(
        fault=fault,
        made_with="0",
        unprepared="it dies",
        prepare=prepare,
        gate=None if prepare else 1,
        verdict=None if prepare else Verdict.FAIL,
        failed=findings,
    )


def test_there_are_eighteen() -> None:
    assert len(Kind) == 18


def test_every_class_that_a_check_has_is_one_of_them() -> None:
    of_none = {FaultClass.HARNESS, FaultClass.PERFORMANCE}
    assert set(classes.REPORTED) == set(FaultClass) - of_none


@pytest.mark.parametrize("planted", PLANTED, ids=str)
def test_every_fault_of_the_proxy_has_a_class(planted: object) -> None:
    fault = next(each for each in PLANTED if each is planted)
    assert classes.of_name(f"{fault.fault} {fault.argument}") in Kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("value-set /completion truncated true", Kind.API),
        ("value-set /props total_slots 2", Kind.DEFAULT),
        ("value-set /v1/chat/completions choices.0.delta.tool_calls.0.x 1", Kind.TEMPLATE),
        ("asked-otherwise /tokenize add_special false", Kind.TOKENIZER),
    ],
)
def test_the_longest_name_that_fits_decides(name: str, kind: Kind) -> None:
    assert classes.of_name(name) is kind


def test_a_fault_that_several_suites_are_asked_about_is_one_and_caught_by_any() -> None:
    results = [asked("tokens", "wrong-with", FaultClass.API),
               asked("drift", "wrong-with", FaultClass.NUMERIC)]  # fmt: skip

    (fault,) = classes.of_proxy(results)

    assert (fault.kind, fault.place, fault.right) == (Kind.NUMERIC, "proxy", True)
    assert fault.named == {Kind.API, Kind.NUMERIC}


def test_a_fault_that_no_check_fails_for_is_not_refused() -> None:
    (fault,) = classes.of_proxy([asked("memory", "leaks", argument="64")])

    assert (fault.place, fault.refused, fault.right) == ("process", False, False)


def test_what_prepare_refuses_is_packaging_and_what_harms_nobody_is_no_fault() -> None:
    results = [packed(fault.name, prepare=3) for fault in FAULTS]

    found = {fault.name: fault for fault in classes.of_bundles(results)}

    assert set(found) == {fault.name for fault in FAULTS if fault.harm != "none"}
    assert found["library-missing"].right
    assert not found["glibc-unheard-of"].right


def test_what_the_gate_says_of_a_bundle_is_what_its_failed_checks_say() -> None:
    failed = finding("loads/flags", FaultClass.MINIMUM_OS)

    (newer,) = classes.of_bundles([packed("glibc-unheard-of", failed)])
    (cut,) = classes.of_bundles([packed("library-cut", finding("loads/stable", FaultClass.CLI))])

    assert newer.right
    assert (cut.refused, cut.right) == (True, False)
    assert cut.named == {Kind.CLI}


@pytest.mark.parametrize(
    ("metric", "kind", "right"),
    [("generation", Kind.GENERATION, True), ("wide-prompt", Kind.PROMPT, False)],
)
def test_speed_is_of_two_classes(metric: str, kind: Kind, right: bool) -> None:
    engine = Engine(
        name="slow-token", build=1, kind="planted", says="slow", fault_class="performance"
    )
    result = Result(
        engine="slow-token",
        baseline="base",
        made_with="0",
        suites=("performance",),
        verdict=Verdict.FAIL,
        seconds=1.0,
        passed=0,
        findings=(finding(f"performance/{metric}", FaultClass.PERFORMANCE),),
    )

    (fault,) = classes.of_engines([engine], [result])

    assert fault.kind is Kind.GENERATION
    assert (fault.place, fault.right) == ("source edit", right)
    assert fault.named == {kind}
