"""`docs/backtest.md` says what the stored results say."""

from __future__ import annotations

from benchmarks.backtest import document, drift
from benchmarks.backtest.drift import Spread
from engine_ci.records.gate import Verdict


def test_the_document_is_what_the_stored_results_render_to() -> None:
    rendered = document.render(document.stored(), document.notes())

    assert document.DOCUMENT.read_text(encoding="utf-8") == rendered


def test_every_failing_check_has_been_analysed() -> None:
    notes = document.notes()
    failing = [
        (outcome.version, check.id, document.kind(notes, outcome, check))
        for outcome in document.stored()
        if outcome.verdict is Verdict.FAIL
        for check in outcome.checks
        if check.status == "fail"
    ]

    assert failing
    assert [each for each in failing if each[2] == "not analysed"] == []


def test_a_check_without_a_note_is_said_to_be_without() -> None:
    nothing = document.Notes(schema=1, notes=())

    rendered = document.render(document.stored(), nothing)

    assert "(not analysed)" in rendered
    assert "0 tell of a fault" in rendered


def test_of_many_checks_that_failed_all_are_named_and_the_first_say_how() -> None:
    failed = next(each for each in document.stored() if each.verdict is Verdict.FAIL)
    check = next(each for each in failed.checks if each.status == "fail")
    many = tuple(
        check.model_copy(update={"id": f"loads/{name}", "observed": f"{name} died"})
        for name in "abcdef"
    )

    rendered = document.render([failed.model_copy(update={"checks": many})], document.notes())

    assert [name for name in "abcdef" if f"`loads/{name}`" in rendered] == list("abcdef")
    assert [name for name in "abcdef" if f"{name} died" in rendered] == list("abcd")


def test_spreads_are_over_all_builds_that_passed_a_comparison() -> None:
    first, second = document.stored()[:2]
    measured = "mean difference {} nats over 48 steps; largest {}"
    passed = {"drift/a/reference": measured.format("8.2e-06", "9.0e-05"), "loads/a": "ready"}
    later = {"drift/a/reference": measured.format("1.0e-06", "2.0e-04"), "drift/b/other": "same"}

    found = drift.spreads(
        [first.model_copy(update={"passed": passed}), second.model_copy(update={"passed": later})]
    )

    assert found == [
        Spread(
            model="a",
            comparison="reference",
            measure="mean difference",
            least=1e-6,
            most=8.2e-6,
            largest=2e-4,
            builds=2,
        )
    ]


def test_a_comparison_that_is_judged_by_two_measures_has_a_spread_for_each() -> None:
    outcome = document.stored()[0]
    observed = (
        "median difference 3.8e-06, mean difference 2.3e-03 nats over 79 steps; largest 1.2e-01"
    )

    found = drift.spreads([outcome.model_copy(update={"passed": {"drift/a/reference": observed}})])

    assert [(each.measure, each.least, each.largest) for each in found] == [
        ("mean difference", 2.3e-3, 0.12),
        ("median difference", 3.8e-6, 0.12),
    ]
