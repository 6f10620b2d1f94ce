from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from engine_ci.bump import polls
from engine_ci.records.candidate import Refusal
from engine_ci.records.polls import Polls
from tests.unit.bump import records

if TYPE_CHECKING:
    from pathlib import Path

NOW = records.NOW
DAY = timedelta(days=1)
JUDGE, OTHER_JUDGE = "a" * 64, "b" * 64
NEW = Polls(schema=1, pin="llama.cpp", since=NOW)


def test_what_was_remembered_is_found_again(tmp_path: Path) -> None:
    path = tmp_path / "polls-llama.cpp.json"
    kept = polls.worked(polls.failed(NEW, now=NOW), progress=NOW)

    polls.save(path, kept)

    assert polls.load(path, pin="llama.cpp", now=NOW + DAY) == (kept, None)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no such file"),
        ("{", "not readable as JSON"),
        ('{"schema": 1, "pin": "llama.cpp"}', "missing"),
        ('{"schema": 1, "pin": "other", "since": "2026-01-01T00:00:00Z"}', "is of other"),
    ],
    ids=["lost", "cut off", "incomplete", "another pin's"],
)
def test_what_got_lost_is_counted_anew_and_said(
    tmp_path: Path, content: str | None, said: str
) -> None:
    path = tmp_path / "polls.json"
    if content is not None:
        path.write_text(content)

    found, note = polls.load(path, pin="llama.cpp", now=NOW)

    assert found == NEW
    assert note is not None
    assert note.startswith("polls that failed are counted from now on: ")
    assert said in note


def test_failures_add_up_from_the_first_one() -> None:
    twice = polls.failed(polls.failed(NEW, now=NOW), now=NOW + DAY)

    assert (twice.failures, twice.failing_since) == (2, NOW)


def test_a_poll_that_works_ends_the_count_and_progress_only_grows() -> None:
    failed = polls.failed(NEW.model_copy(update={"progress": NOW}), now=NOW)

    works = polls.worked(failed, progress=None)

    assert (works.failures, works.failing_since, works.progress) == (0, None, NOW)
    assert polls.worked(works, progress=NOW - DAY).progress == NOW
    assert polls.worked(works, progress=NOW + DAY).progress == NOW + DAY


def test_the_latest_is_of_those_that_are_known() -> None:
    assert polls.later(None, NOW, None, NOW - DAY) == NOW
    assert polls.later(None) is None


def test_what_was_refused_is_kept_for_as_long_as_the_same_would_judge_it() -> None:
    first, again, other = (
        Refusal(version=version, reason=reason)
        for version, reason in (("0.2.0", "aborts"), ("0.2.0", "hangs"), ("0.1.5", "leaks"))
    )

    kept = polls.refusing(NEW, [first, other], judged=JUDGE)
    later = polls.refusing(kept, [again], judged=JUDGE)
    anew = polls.refusing(later, [first], judged=OTHER_JUDGE)

    assert polls.refused(NEW, judged=JUDGE) == ()
    assert polls.refused(kept, judged=JUDGE) == (first, other)
    assert polls.refused(later, judged=JUDGE) == (again, other)
    assert polls.refused(later, judged=OTHER_JUDGE) == ()
    assert polls.refused(anew, judged=OTHER_JUDGE) == (first,)
