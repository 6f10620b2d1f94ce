from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from engine_ci.bump import settle, stuck
from engine_ci.bump.settle import Action, Close, Open, Reopen, Rewrite
from engine_ci.bump.stuck import Alarm, Limits
from engine_ci.system.github_issues import Issue
from tests.unit.bump import records

NOW = records.NOW
DAY = timedelta(days=1)
LIMITS = Limits(days=14, failures=5)
PIN = "llama.cpp"
ALARM = Alarm(title="stuck", body=f"why\n\n{stuck.mark(PIN)}", since=NOW - 20 * DAY)


def issue(
    number: int, *, closed: int | None = None, title: str = "stuck", body: str = ALARM.body
) -> Issue:
    """One of ours; `closed` so many days ago."""
    at = None if closed is None else NOW - closed * DAY
    return Issue(number=number, url="", title=title, body=body, closed=at)


def actions(
    alarm: Alarm | None, *issues: Issue, recovered: bool = True, pin: str = PIN
) -> tuple[Action, ...]:
    return settle.actions(alarm, issues, pin=pin, recovered=recovered, limits=LIMITS, now=NOW)


def test_nothing_to_tell_and_nothing_there_is_nothing_to_do() -> None:
    assert actions(None) == ()
    assert actions(None, issue(1, closed=1)) == ()


def test_the_first_alarm_opens_one() -> None:
    assert actions(ALARM) == (Open(alarm=ALARM),)


def test_an_issue_that_says_it_already_is_left_alone() -> None:
    assert actions(ALARM, issue(3)) == ()


def test_other_words_are_brought_up_to_date() -> None:
    changed = Rewrite(number=3, alarm=ALARM)

    assert actions(ALARM, issue(3, body=f"old\n{stuck.mark(PIN)}")) == (changed,)
    assert actions(ALARM, issue(3, title="old")) == (changed,)


def test_issues_of_other_pins_and_of_people_are_not_ours() -> None:
    other = issue(1, body=stuck.mark("other"))
    person = issue(2, body=f"it says `{stuck.mark(PIN)}` there")

    assert actions(ALARM, other, person) == (Open(alarm=ALARM),)
    assert actions(None, other, person) == ()


def test_recovery_closes_what_is_open_and_says_why() -> None:
    (closing,) = actions(None, issue(2), issue(1, closed=9))

    assert isinstance(closing, Close)
    assert closing.number == 2
    assert "can be proposed" in closing.comment


def test_a_poll_that_failed_closes_nothing_although_its_count_is_young() -> None:
    assert actions(None, issue(2), recovered=False) == ()


def test_of_two_that_were_opened_at_once_the_older_stays() -> None:
    comment = "This is what #2 says."

    assert actions(ALARM, issue(3), issue(2)) == (Close(number=3, comment=comment),)


def test_what_comes_back_soon_opens_the_same_issue_again() -> None:
    alarm = Alarm(title="stuck", body=ALARM.body, since=NOW - 14 * DAY)

    (again,) = actions(alarm, issue(1, closed=20), issue(2, closed=25))

    assert isinstance(again, Reopen)
    assert again.number == 1
    assert again.comment.startswith(f"Stuck again, since {alarm.since.date()}")


def test_what_comes_back_late_is_a_new_issue() -> None:
    assert actions(ALARM, issue(1, closed=31)) == (Open(alarm=ALARM),)


def test_what_a_person_closed_meanwhile_has_its_peace_for_a_while() -> None:
    assert actions(ALARM, issue(1, closed=13)) == ()
    assert isinstance(actions(ALARM, issue(1, closed=14))[0], Reopen)


@given(
    st.lists(st.none() | st.integers(0, 60), max_size=6),
    st.booleans(),
    st.booleans(),
)
def test_once_done_nothing_is_left_to_do_and_at_most_one_is_open(
    ages: list[int | None], alarmed: bool, recovered: bool
) -> None:
    alarm = ALARM if alarmed else None
    before = [issue(number, closed=age) for number, age in enumerate(ages, 1)]

    after = before
    for action in actions(alarm, *before, recovered=recovered):
        after = _done(after, action)

    assert actions(alarm, *after, recovered=recovered) == ()
    if alarm or recovered:
        assert sum(each.closed is None for each in after) <= 1


def _done(issues: list[Issue], action: Action) -> list[Issue]:
    match action:
        case Open():
            return [*issues, issue(len(issues) + 1)]
        case Close(number=number):
            return [
                issue(each.number, closed=0) if each.number == number else each for each in issues
            ]
        case Rewrite(number=number) | Reopen(number=number):
            return [issue(each.number) if each.number == number else each for each in issues]
