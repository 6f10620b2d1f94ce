from __future__ import annotations

from datetime import UTC, datetime

from engine_ci.records.check import CheckRecord, Metal
from engine_ci.records.gate import Verdict
from engine_ci.report import check, markdown
from tests.unit.report.build import PASSED

HEAD, BASE = "0123456789" * 4, "abcdef0123" * 4


def record(**changes: object) -> CheckRecord:
    values: dict[str, object] = {
        "schema": 1,
        "head": HEAD,
        "base": BASE,
        "pin": "llama.cpp",
        "platform": "macos-arm64",
        "candidate": "b11434",
        "baseline": "b11194",
        "pin_moved": True,
        "same_engine": False,
        "verdict": Verdict.PASS,
        "devices": None,
        "metal": Metal(state="ran"),
        "gate_sha256": "a" * 64,
        "started": datetime(2026, 11, 21, 9, 30, tzinfo=UTC),
        "seconds": 61.5,
    }
    return CheckRecord.model_validate(values | changes)


def first(record: CheckRecord) -> str:
    page = check.render(record, PASSED)
    assert page.endswith(markdown.render(PASSED))
    return page.partition("\n")[0]


def test_it_begins_with_what_was_held_against_what() -> None:
    assert first(record()) == (
        "`llama.cpp` `b11434` at `0123456789` was held against `b11194` of the merge base "
        "`abcdef0123`."
    )


def test_the_same_engine_is_called_that() -> None:
    assert first(record(baseline="b11434", same_engine=True)) == (
        "`llama.cpp` `b11434` at `0123456789` is `b11434` of the merge base `abcdef0123`, byte "
        "for byte, started with the same arguments."
    )


def test_what_was_held_against_nothing_says_why_in_plain_words() -> None:
    said = first(record(baseline=None, no_baseline="@octocat\n::error::died <b>"))

    assert said == (
        "`llama.cpp` `b11434` at `0123456789` was held against nothing: @\u200boctocat "
        "::error::died \\<b\\>."
    )


def test_a_first_commit_has_no_merge_base() -> None:
    assert first(record(base=None, no_baseline="there is no commit before these")).endswith(
        "was held against nothing: there is no commit before these."
    )
