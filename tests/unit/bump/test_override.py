from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.bump import override
from engine_ci.records.decision import OVERRIDE_LABEL, Override
from engine_ci.system.github_pull import Account, Event, Label, PullRequest, Tip

PUSHED = datetime(2026, 11, 21, 12, tzinfo=UTC)
LATER = PUSHED + timedelta(minutes=5)
ANN = Account(login="ann", type="User")
BOT = Account(login="engine-ci[bot]", type="Bot")


def event(kind: str = "labeled", **changes: object) -> Event:
    values: dict[str, Any] = {
        "event": kind,
        "actor": ANN,
        "created_at": LATER,
        "label": Label(name=OVERRIDE_LABEL),
    }
    return Event.model_validate(values | changes)


def pull(user: Account | None = BOT) -> PullRequest:
    head = Tip(ref="engine-ci/llama.cpp", sha="a" * 40)
    base = Tip(ref="main", sha="b" * 40)
    return PullRequest(number=7, user=user, head=head, base=base, changed_files=1, auto_merge=None)


def decide(of: Event, *, user: Account | None = BOT, **changes: object) -> Override | str:
    known: dict[str, Any] = {"pushed": PUSHED, "may_write": True}
    return override.decide(of, pull(user), **(known | changes))


def test_the_label_of_a_person_who_may_write_is_a_word_with_name_and_time() -> None:
    assert decide(event()) == Override(by="ann", at=LATER)


@pytest.mark.parametrize(
    ("of", "changes", "told"),
    [
        (event(actor=BOT), {}, "set by engine-ci[bot], which is no person"),
        (event(actor=None), {}, "an account that is gone"),
        (event(), {"user": Account(login="Ann", type="User")}, "who wrote the pull request"),
        (event(), {"user": None}, "who wrote the pull request"),
        (event(), {"may_write": False}, "who may not write"),
        (event(), {"pushed": None}, "nobody knows whether that was before"),
        (event(created_at=PUSHED), {}, "before the last push"),
        (event(created_at=PUSHED - timedelta(days=1)), {}, "before the last push"),
    ],
)
def test_any_other_label_does_not_count_and_it_is_said_why(
    of: Event, changes: dict[str, Any], told: str
) -> None:
    found = decide(of, **changes)

    assert isinstance(found, str)
    assert told in found


@pytest.mark.parametrize(
    ("events", "there"),
    [
        ([], False),
        ([event()], True),
        ([event(), event("unlabeled")], False),
        ([event(), event("unlabeled"), event()], True),
        ([event(), event("unlabeled", label=Label(name="other"))], True),
        ([event(), event("closed", label=None)], True),
        ([event(label=Label(name="other"))], False),
        ([event(label=None)], False),
    ],
)
def test_the_last_thing_that_happened_to_the_label_counts(events: list[Event], there: bool) -> None:
    assert override.label(events) == (event() if there else None)


@given(
    st.sampled_from([ANN, BOT, None]),
    st.sampled_from([ANN, BOT, None]),
    st.datetimes(timezones=st.just(UTC)),
    st.none() | st.datetimes(timezones=st.just(UTC)),
    st.booleans(),
)
def test_no_word_counts_of_a_bot_an_author_a_stranger_or_from_before_the_push(
    actor: Account | None,
    user: Account | None,
    at: datetime,
    pushed: datetime | None,
    may_write: bool,
) -> None:
    found = decide(event(actor=actor, created_at=at), user=user, pushed=pushed, may_write=may_write)

    if isinstance(found, Override):
        assert actor == ANN
        assert user == BOT
        assert may_write
        assert pushed is not None
        assert pushed < at
