from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.records.gate import Devices, Engines, Status, Verdict
from engine_ci.report import html, markdown, summary
from tests.unit.report.build import REFUSED, UNSURE, check, engine, measurement, result

if TYPE_CHECKING:
    from engine_ci.pins.model import Platform

STATUSES = st.lists(st.sampled_from(list(Status)), max_size=30)
SUITES = ("loads", "tokens", "drift")


@given(STATUSES)
def test_no_check_is_lost_or_doubled_by_sorting(statuses: list[Status]) -> None:
    checks = [
        check(f"{SUITES[number % 3]}/{number}", status) for number, status in enumerate(statuses)
    ]
    found = [each for suite in summary.suites(result(*checks)) for each in suite.checks]

    assert sorted(found, key=lambda each: each.id) == sorted(checks, key=lambda each: each.id)


def test_the_suite_with_the_worst_check_is_first_and_in_it_the_worst_check() -> None:
    suites = summary.suites(REFUSED)

    assert [suite.name for suite in suites] == ["loads", "drift", "chat", "tokens"]
    assert [each.id for each in suites[0].checks] == ["loads/smollm2", "loads/size", "loads/stable"]


def test_equally_good_suites_stay_in_the_order_in_which_they_were_asked() -> None:
    suites = summary.suites(result(check("tokens/a"), check("loads/a"), check("tokens/b")))

    assert [(suite.name, len(suite.checks)) for suite in suites] == [("tokens", 2), ("loads", 1)]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (Status.FAIL, True),
        (Status.ERROR, True),
        (Status.WARN, True),
        (Status.SKIP, False),
        (Status.PASS, False),
    ],
)
def test_a_suite_needs_reading_unless_everything_passed_or_was_skipped(
    status: Status, expected: bool
) -> None:
    (suite,) = summary.suites(result(check("loads/a"), check("loads/b", status)))

    assert suite.needs_reading is expected


def test_evidence_is_what_went_wrong_and_has_more_to_show() -> None:
    checks = [
        check("loads/pass", detail="fine"),
        check("loads/warn", Status.WARN, detail="odd"),
        check("loads/silent", Status.FAIL),
        check("loads/fail", Status.FAIL, detail="bad"),
    ]

    assert [each.id for each in summary.evidence(result(*checks))] == ["loads/fail", "loads/warn"]


def test_what_was_skipped_is_listed() -> None:
    assert [each.id for each in summary.skipped(REFUSED)] == ["chat/smollm2"]


def test_the_tally_counts_the_worst_first() -> None:
    assert summary.tally(REFUSED.checks) == "2 failed, 1 warned, 1 skipped, 2 passed"


def test_the_tally_says_how_many_questions_could_not_be_asked() -> None:
    assert summary.tally([check("loads/a", Status.ERROR)]) == "1 could not be asked"


def test_the_tally_of_nothing_is_none() -> None:
    assert summary.tally(()) == "none"


def test_a_pass_says_that_nothing_got_worse() -> None:
    assert summary.headline(result(check("loads/a"))) == "Nothing got worse"


def test_a_failure_names_the_checks_that_block() -> None:
    assert summary.headline(REFUSED) == "Failed: loads/smollm2"


def test_a_failure_names_a_handful_of_checks_and_counts_the_rest() -> None:
    checks = [check(f"loads/{number}", Status.FAIL) for number in range(7)]
    seven, five = (result(*checks[:count], verdict=Verdict.FAIL) for count in (7, 5))

    assert summary.headline(five) == "Failed: loads/0, loads/1, loads/2, loads/3, loads/4"
    assert summary.headline(seven) == f"{summary.headline(five)}, and 2 more"


def test_an_error_names_what_could_not_be_asked() -> None:
    failed = result(check("loads/a", Status.ERROR), check("loads/b"), verdict=Verdict.ERROR)

    assert summary.headline(failed) == "Could not be asked: loads/a"


def test_an_error_without_any_check_says_that_none_was_run() -> None:
    skipped = result(check("loads/a", Status.SKIP), verdict=Verdict.ERROR)

    assert summary.headline(skipped) == "No check was run"


def test_an_inconclusive_verdict_says_why() -> None:
    assert summary.headline(UNSURE) == (
        "There was no baseline to compare with. Too noisy to tell: generation"
    )


def test_an_inconclusive_verdict_without_a_known_reason_says_so() -> None:
    unsure = result(check("loads/a"), verdict=Verdict.INCONCLUSIVE, performance=(measurement(),))

    assert summary.headline(unsure) == "The checks do not say why"


def test_a_failure_that_does_not_block_is_marked() -> None:
    assert summary.status(check("loads/a", Status.FAIL)) == "fail"
    assert summary.status(check("loads/a", Status.FAIL, blocking=False)) == "fail, not blocking"
    assert summary.status(check("loads/a", blocking=False)) == "pass"


@pytest.mark.parametrize(
    ("build", "commit", "expected"),
    [
        (None, "", ("unknown", "unknown")),
        (11194, "9f70b2c", ("b11194", "9f70b2c…")),
        (11194, "0123456789" * 4, ("b11194", "0123456789" * 4)),
    ],
)
def test_build_and_commit_are_told_as_far_as_they_are_known(
    build: int | None, commit: str, expected: tuple[str, str]
) -> None:
    facts = engine("1", build=build, commit=commit)

    assert (summary.build(facts), summary.commit(facts)) == expected


def test_memory_is_told_in_gibibytes() -> None:
    assert summary.memory(24 << 30) == "24.0 GiB"


def test_bounds_are_an_interval() -> None:
    assert summary.bounds(measurement()) == "0.991 to 1.013"


@pytest.mark.parametrize(("length", "shown"), [(0, ""), (300, "x" * 300), (301, "x" * 300 + " …")])
def test_a_line_is_cut_where_nobody_reads_on(length: int, shown: str) -> None:
    assert summary.shortened("x" * length) == shown


def test_of_a_long_text_the_end_is_shown_and_the_rest_counted() -> None:
    lines = [f"line {number}" for number in range(43)]
    shown = summary.excerpt("\n".join(lines)).splitlines()

    assert shown == ["… 3 lines before", *lines[3:]]


@pytest.mark.parametrize("count", [0, 2, 40])
def test_a_short_text_is_shown_whole(count: int) -> None:
    text = "\n".join(f"line {number}" for number in range(count))

    assert summary.excerpt(f"{text}\n\n") == text


@pytest.mark.parametrize(
    ("platform", "said"),
    [
        ("ubuntu-x64", ""),
        (
            "macos-arm64",
            "not run: no log was read that names a device, which the suite `lifecycle` does",
        ),
    ],
)
def test_of_metal_there_is_a_word_for_a_mac_alone(platform: Platform, said: str) -> None:
    facts = engine("1.0").model_copy(update={"platform": platform})

    assert summary.metal(result(engines=Engines(candidate=facts))) == said


def test_kernels_for_metal_that_ran_are_told_in_both_renderings() -> None:
    devices = Devices(backends=("CPU", "MTL"), gpus=("Apple M1",), layers=3)
    facts = engine("1.0").model_copy(update={"platform": "macos-arm64", "devices": devices})
    shown = result(engines=Engines(candidate=facts))

    assert "Metal kernels: ran.\n" in markdown.render(shown)
    assert "<dt>Metal kernels</dt><dd>ran</dd>" in html.render(shown)


@pytest.mark.parametrize(
    ("size", "told"), [(0, "0.0 KiB"), (1536, "1.5 KiB"), (1 << 20, "1.00 MiB")]
)
def test_the_size_of_a_file_is_told_as_people_say_it(size: int, told: str) -> None:
    assert summary.size(size) == told


def test_what_a_file_has_more_has_a_sign_and_nothing_is_not_told() -> None:
    assert [summary.more(change) for change in (2048, -2048, 0)] == ["+2.0 KiB", "-2.0 KiB", ""]


@pytest.mark.parametrize(
    "line",
    [
        "free(): invalid pointer",
        "GGML_ASSERT(n > 0) failed",
        "terminate called after throwing an instance of 'std::runtime_error'",
        "error while loading shared libraries: libggml.so.0",
        "ended with SIGSEGV",
    ],
)
def test_a_line_that_tells_what_went_wrong_is_found_in_a_log(line: str) -> None:
    assert summary.log(f"loading model\n{line}") == [("loading model", False), (line, True)]
