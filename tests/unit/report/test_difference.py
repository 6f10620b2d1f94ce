"""What differs between two gate results."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine_ci.records.difference import Difference
from engine_ci.records.gate import Closure, Devices, EngineFile, Engines, Status, Verdict
from engine_ci.records.runtime import Grade, Measured
from engine_ci.report import difference
from tests.unit.report.build import PASSED, REFUSED, check, engine, measurement, result

if TYPE_CHECKING:
    from engine_ci.records.gate import Check, GateResult


def gate(*checks: Check, **changes: object) -> GateResult:
    return result(*checks).model_copy(update=changes)


def made_of(files: dict[str, tuple[int, str]], *libraries: str) -> Closure:
    """Files with their sizes, and a digit of their hashes."""
    return Closure(
        size=sum(size for size, _ in files.values()),
        files=tuple(
            EngineFile(path=path, size=size, sha256=digit * 64)
            for path, (size, digit) in files.items()
        ),
        system_libraries=libraries,
    )


def kinds(before: GateResult, after: GateResult) -> dict[str, str]:
    return {each.id: each.kind for each in difference.between(before, after).checks}


def test_a_result_is_itself() -> None:
    found = difference.between(REFUSED, REFUSED)

    assert found == Difference(
        schema=1,
        before=Verdict.FAIL,
        after=Verdict.FAIL,
        checks=(),
        performance=(),
        flags=None,
        files=None,
        libraries=None,
        facts=(),
    )
    assert difference.text(found) == (
        "verdict: fail\nchecks: the same\nperformance: the same\n"
        "flags of the candidate:\n  not known of both\n"
        "files of the candidate:\n  not known of both\n"
        "libraries of the system:\n  not known of both\nfacts: the same"
    )


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (Status.PASS, Status.FAIL, "broken"),
        (Status.SKIP, Status.ERROR, "broken"),
        (None, Status.FAIL, "broken"),
        (Status.FAIL, Status.PASS, "fixed"),
        (Status.ERROR, Status.WARN, "fixed"),
        (Status.FAIL, Status.SKIP, "status"),
        (Status.FAIL, Status.ERROR, "status"),
        (Status.PASS, Status.WARN, "status"),
        (None, Status.PASS, "new"),
        (Status.FAIL, None, "gone"),
        (Status.PASS, Status.PASS, None),
    ],
)
def test_a_check_that_is_not_asked_is_neither_broken_nor_mended(
    before: Status | None, after: Status | None, kind: str | None
) -> None:
    one, other = (
        gate(*([check("loads/a", status)] if status else [])) for status in (before, after)
    )

    assert kinds(one, other) == ({"loads/a": kind} if kind else {})


def test_the_same_status_in_other_words_is_told_last() -> None:
    before = gate(check("loads/a", observed="in 1 s"), check("loads/b"), check("loads/c"))
    after = gate(check("loads/a", observed="in 2 s"), check("loads/b", Status.FAIL))

    assert list(kinds(before, after)) == ["loads/b", "loads/c", "loads/a"]
    lines = difference.text(difference.between(before, after)).splitlines()
    assert lines[1:5] == [
        "checks: 1 broken, 1 gone, 1 with another answer",
        "  broken  loads/b: status pass -> fail",
        (
            "  gone    loads/c: status pass -> nothing; expected ready -> nothing; "
            "observed as expected -> nothing"
        ),
        "  answer  loads/a: status pass; observed in 1 s -> in 2 s",
    ]


def test_ratios_are_told_with_their_bounds_and_whether_these_overlap() -> None:
    slow = measurement("prompt", "regressed").model_copy(update={"ratio": 0.9, "high": 0.95})
    same = measurement("wide-prompt")
    before = gate(performance=(measurement("prompt"), measurement("generation"), same))
    after = gate(
        performance=(slow.model_copy(update={"low": 0.85}), measurement("first-token"), same)
    )

    found = difference.between(before, after)
    back = difference.between(after, before)

    assert [(each.metric, each.apart) for each in found.performance] == [
        ("prompt", True),
        ("generation", False),
        ("first-token", False),
    ]
    assert back.performance[0].apart
    assert (
        "  prompt: 1.002 (0.991 to 1.013) ok -> 0.900 (0.850 to 0.950) regressed; "
        "even the bounds are apart\n"
        "  generation: 1.002 (0.991 to 1.013) ok -> nothing\n"
    ) in difference.text(found)


def test_flags_are_those_of_the_two_candidates() -> None:
    old, new = (
        gate(engines=Engines(candidate=engine("1").model_copy(update={"flags": flags})))
        for flags in (("--mmap", "--port"), ("--port", "--threads"))
    )

    found = difference.between(old, new)

    assert found.flags is not None
    assert (found.flags.gained, found.flags.lost) == (("--threads",), ("--mmap",))
    assert "flags of the candidate:\n  gained: --threads\n  lost: --mmap\n" in (
        difference.text(found)
    )
    assert "flags of the candidate: the same\n" in difference.text(difference.between(old, old))


def test_files_are_told_with_their_sizes_and_libraries_by_name() -> None:
    old, new = (
        gate(engines=Engines(candidate=engine("1").model_copy(update={"closure": closure})))
        for closure in (
            made_of({"bin/a": (10, "1"), "bin/b": (20, "2"), "bin/c": (30, "3")}, "libc.so.6"),
            made_of({"bin/b": (20, "9"), "bin/c": (31, "8"), "bin/d": (5, "4")}, "libm.so.6"),
        )
    )

    found = difference.between(old, new)

    assert found.files is not None
    assert [(each.path, each.before, each.after) for each in found.files] == [
        ("bin/a", 10, None),
        ("bin/d", None, 5),
        ("bin/b", 20, 20),
        ("bin/c", 30, 31),
    ]
    assert (
        "files of the candidate:\n"
        "  bin/a: 10 -> nothing bytes\n"
        "  bin/d: nothing -> 5 bytes\n"
        "  bin/b: other bytes, as many\n"
        "  bin/c: 30 -> 31 bytes\n"
        "libraries of the system:\n  gained: libm.so.6\n  lost: libc.so.6\n"
        "facts:\n  engines.candidate.closure.size: 60 -> 56\n"
    ) in f"{difference.text(found)}\n"
    assert "files of the candidate: the same\n" in difference.text(difference.between(new, new))


def test_what_an_engine_computed_with_and_how_it_started_is_compared_too() -> None:
    plain = engine("1")
    told = plain.model_copy(
        update={
            "devices": Devices(backends=("CPU", "MTL")),
            "runtime": Measured(health=Grade.OK, start_s=0.5, resident=1_000),
        }
    )

    found = difference.between(
        gate(engines=Engines(candidate=plain)), gate(engines=Engines(candidate=told))
    )

    facts = {each.name: (each.before, each.after) for each in found.facts}
    assert facts["engines.candidate.devices.backends"] == (None, "CPU, MTL")
    assert facts["engines.candidate.runtime.start_s"] == (None, 0.5)
    assert facts["engines.candidate.runtime.resident"] == (None, 1_000)
    assert not any(name.endswith("flags") for name in facts)
    assert "  engines.candidate.runtime.start_s: nothing -> 0.5\n" in difference.text(found)


def test_the_two_ends_change_places() -> None:
    there, back = difference.between(REFUSED, PASSED), difference.between(PASSED, REFUSED)

    assert (there.before, there.after) == (back.after, back.before)
    assert {(each.id, each.before, each.after) for each in there.checks} == {
        (each.id, each.after, each.before) for each in back.checks
    }
    assert {(each.name, each.before, each.after) for each in there.facts} == {
        (each.name, each.after, each.before) for each in back.facts
    }


def test_words_of_others_stay_on_their_line() -> None:
    found = difference.between(
        gate(check("loads/a")), gate(check("loads/a", observed="died\nverdict: pass" + "x" * 999))
    )

    line = difference.text(found).splitlines()[2]
    assert "died verdict: pass" in line
    assert len(line) < 500
