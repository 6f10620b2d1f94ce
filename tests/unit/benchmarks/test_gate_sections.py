from __future__ import annotations

from benchmarks.gate import bundle_faults, bundles, classes, mutants, sections
from benchmarks.gate.bundle_faults import BundleResult
from benchmarks.gate.classes import Caught, Kind
from benchmarks.gate.false_alarms import Run
from benchmarks.gate.makers import Asked
from benchmarks.gate.mutants import Became, Mutant
from benchmarks.gate.results import Finding
from engine_ci.records.gate import FaultClass, Status, Verdict

GATED = BundleResult(
    fault="backend-missing",
    made_with="0",
    unprepared="it | dies",
    prepare=0,
    warnings=("no backend",),
    gate=1,
    verdict=Verdict.FAIL,
    failed=(
        Finding(
            check="loads/stable",
            status=Status.FAIL,
            fault_class=FaultClass.PACKAGING,
            observed="it died",
        ),
    ),
)


def caught(name: str, kind: Kind, *named: Kind) -> Caught:
    return Caught(name=name, place="proxy", kind=kind, refused=bool(named), named=frozenset(named))


def row(lines: str, start: str) -> str:
    return next(line for line in lines.splitlines() if line.startswith(start))


def test_a_bundle_that_the_gate_refuses_is_shown_with_what_prepare_said() -> None:
    page = "\n".join(sections.of_bundles([GATED]))

    assert row(page, "| backend-missing").endswith(
        "| `it / dies` | warns: no backend | fail: `loads/stable` | packaging |"
    )
    assert "Of 1 faults that do harm 1 are refused, 0 mended" in page


def test_a_wheel_that_prepare_refuses_is_packaging() -> None:
    update = {"fault": "library-missing", "prepare": 3, "gate": None, "said": "needs `x`"}
    page = "\n".join(sections.of_bundles([GATED.model_copy(update=update)]))

    assert row(page, "| library-missing").endswith("| refuses: `needs 'x'` |  | packaging |")


def test_a_harmful_wheel_that_nobody_refuses_is_listed() -> None:
    update = {
        "verdict": Verdict.PASS,
        "failed": (),
        "fault": "runtime-missing",
        "unprepared": bundle_faults.FINE,
    }
    page = "\n".join(sections.of_bundles([GATED.model_copy(update=update)]))

    assert "Of 1 faults that do harm 0 are refused, 0 mended" in page
    assert "- **runtime-missing**: this host has the library" in page


def test_a_wheel_that_serves_only_once_it_is_prepared_is_mended() -> None:
    update = {"verdict": Verdict.PASS, "failed": (), "fault": "not-executable"}
    page = "\n".join(sections.of_bundles([GATED.model_copy(update=update)]))

    assert "0 are refused, 1 mended by `prepare` (*not-executable*), 0 neither" in page


def test_every_harmful_wheel_that_was_not_refused_has_an_explanation() -> None:
    harmful = {fault.name for fault in bundles.FAULTS if fault.harm != "none"}
    passed = {
        result.fault for result in bundle_faults.load_all() if not (result.refused or result.mended)
    }
    assert passed & harmful <= set(sections.WHY_NOT_REFUSED)


def test_the_good_wheel_passes() -> None:
    sound = bundle_faults.load_all()[0]
    assert (sound.fault, sound.prepare, sound.verdict) == ("sound", 0, Verdict.PASS)


def test_a_cell_counts_those_with_their_own_class_and_the_others_are_named() -> None:
    faults = [
        caught("a", Kind.API, Kind.API),
        caught("b", Kind.API, Kind.NUMERIC),
        caught("c", Kind.API),
    ]
    page = "\n".join(sections.of_classes(faults))

    assert row(page, "| API") == (
        "| API | 1 of 3 | 0 | 0 | 0 | 0 | `b`: numeric; `c`: **not caught** |"
    )
    assert row(page, "| **all**") == "| **all** | 1 of 3 | 0 | 0 | 0 | 0 | 2 of 3 refused |"


def test_faults_without_a_result_are_counted() -> None:
    assert "Not asked yet, and not in the table: 3 of proxy and process.\n" in list(
        sections.of_classes([], unasked=3)
    )
    assert not any("Not asked yet" in line for line in sections.of_classes([]))


def test_a_class_without_a_fault_says_why() -> None:
    empty = set(Kind) - {fault.kind for fault in classes.every()}
    assert empty <= set(classes.WHY)


def alone(verdict: Verdict, *not_passed: tuple[str, Status, str], build: str = "a==1") -> Run:
    return Run(
        build=build,
        seed=0,
        busy=False,
        verdict=verdict,
        checks=300,
        seconds=1,
        not_passed=not_passed,
    )


def test_runs_without_an_alarm_say_how_rare_it_is_at_least() -> None:
    runs = [alone(Verdict.PASS, ("api/nulls", Status.WARN, "so too"))] * 59
    page = "\n".join(sections.of_false_alarms([*runs, alone(Verdict.PASS, build="b==1")]))

    assert row(page, "| a==1") == "| a==1 | 59 | 17700 | 0 | 0 | 1 |"
    # 1 - 0.05 ** (1 / 60), and for one in twenty what tables say.
    rare = "With 95 % confidence, at most {} in 1,000 do not pass."
    assert f"None of 60 runs was refused. {rare.format(48.7)}" in page
    *_, last = sections.of_false_alarms([alone(Verdict.FAIL), *runs[:19]])
    assert last.endswith(rare.format(216.1))


def test_an_alarm_is_named_by_its_check() -> None:
    refused = alone(Verdict.FAIL, ("api/nulls", Status.FAIL, "x"), ("api/b", Status.WARN, "y"))
    page = "\n".join(sections.of_false_alarms([refused, alone(Verdict.PASS)]))

    assert row(page, "| a==1") == "| a==1 | 2 | 600 | 1 | 0 | 1 |"
    assert "**1 of 2 did not pass**: `api/nulls`." in page


def mutant(
    number: int, became: Became, *, reached: bool | None = None, since: tuple[str, ...] = ()
) -> Mutant:
    return Mutant(
        number=number,
        area=("server", "tensors")[number % 2],
        file="src/llama.cpp",
        line=7,
        before="if (a || b) {",
        after="if (a && b) {",
        became=became,
        reached=reached,
        since=since,
    )


def test_drawn_edits_are_counted_by_area_and_those_that_made_no_fault_are_not() -> None:
    drawn = [
        mutant(0, Became.REFUSED),
        mutant(1, Became.NO_PROGRAM),
        mutant(2, Became.SAME_PROGRAM),
        mutant(3, Became.WARNED),
        mutant(4, Became.PASSED, reached=True),
        mutant(5, Became.PASSED, reached=False),
        mutant(6, Became.PASSED),
        mutant(7, Became.PASSED, reached=True, since=("api/a", "api/b")),
    ]
    page = "\n".join(sections.of_mutants(drawn, notes={4: "Of no use here."}))

    assert row(page, "| server") == "| server | 3 | 1 | 0 | 0 | 0 | 1 | 1 | 0 |"
    assert row(page, "| tensors") == "| tensors | 3 | 0 | 1 | 0 | 1 | 1 | 0 | 1 |"
    assert row(page, "| **all**") == "| **all** | 6 | 1 | 1 | 0 | 1 | 2 | 1 | 1 |"
    change = "`src/llama.cpp:7`: `if (a || b) {` becomes `if (a && b) {`."
    assert row(page, "- 4") == f"- 4, {change} Of no use here."
    assert row(page, "- 7") == f"- 7, {change} Refused since, by `api/a`, `api/b`."


def test_every_edit_that_passed_though_reached_has_an_explanation() -> None:
    passed = {each.number for each in mutants.load_all() if each.reached}
    assert passed == set(mutants.NOTES)


def spoken(build: str, check: str, differences: int | None, first: str = "") -> Asked:
    return Asked(
        build=build, template="Maker", check=check, differences=differences, first=first
    )  # fmt: skip


def test_what_a_build_reads_is_counted_beside_the_build_above_of_its_source() -> None:
    asked = [
        *(spoken("b1", "template", 0), spoken("b1", "text", 0), spoken("b1", "call", 2)),
        *(spoken("wheel==1", "text", 0), spoken("wheel==1", "call", None, "too long")),
        *(spoken("b2", "template", 1), spoken("b2", "text", 1, "a | b"), spoken("b2", "call", 0)),
        spoken("wheel==2", "loads", 1, "it died"),
    ]

    page = "\n".join(sections.of_makers(asked, newest="b2"))

    assert row(page, "| b1 |") == "| b1 | 1 | 1 | 2 | 1 |  |  |"
    assert row(page, "| wheel==1 |") == "| wheel==1 | 1 | 0 | 1 | 1 |  |  |"
    assert row(page, "| b2 |") == "| b2 | 1 | 0 | 2 | 1 | 1 | 1 |"
    assert row(page, "| wheel==2 |") == "| wheel==2 | 1 | 0 | 0 | 0 | 1 | 0 |"
    assert row(page, "| Maker | text |") == "| Maker | text | `a / b` |"
    assert "| Maker | call |" not in page
