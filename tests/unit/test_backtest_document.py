"""`docs/backtest.md` says what the stored results say."""

from __future__ import annotations

from benchmarks.backtest import document
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
