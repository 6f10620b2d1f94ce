from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.bump import review
from engine_ci.records.doctor import Answer, Outcome
from engine_ci.system.github_pull import Account, Automatic, PullRequest, Review, Tip

if TYPE_CHECKING:
    from engine_ci.records.decision import Decision

HEAD, OLD = "a" * 40, "b" * 40
BOT = Account(login="engine-ci[bot]", type="Bot")
ANN, BEN = (Account(login=name, type="User") for name in ("ann", "ben"))
FILES = ("pins/llama.cpp.yaml",)


def pull(**changes: object) -> PullRequest:
    """A bump of a bot's, whose auto-merge is off."""
    values: dict[str, Any] = {
        "number": 7,
        "user": BOT,
        "head": Tip(ref="engine-ci/llama.cpp", sha=HEAD),
        "base": Tip(ref="main", sha=OLD),
        "changed_files": 1,
        "auto_merge": None,
    }
    return PullRequest.model_validate(values | changes)


def said(
    *states: str, by: Account | None = ANN, commit: str | None = HEAD, since: int = 1
) -> list[Review]:
    """What somebody said, one thing after the other."""
    return [
        Review(id=since + place, user=by, state=state, commit_id=commit)
        for place, state in enumerate(states)
    ]


def gate(outcome: Outcome = Outcome.OK) -> Answer:
    """What the gate says."""
    return Answer(id="review/gate", outcome=outcome, observed="passed on this commit")


def outcomes(decision: Decision) -> dict[str, Outcome]:
    return {answer.id.removeprefix("review/"): answer.outcome for answer in decision.answers}


def test_a_bump_that_a_person_approved_passes_and_says_who() -> None:
    decision = review.decide(pull(), files=FILES, approved=["ann"], gate=gate())

    assert decision.passed
    assert set(outcomes(decision).values()) == {Outcome.OK}
    assert decision.commit == HEAD
    assert f"ann approved {HEAD[:12]}" in {answer.observed for answer in decision.answers}


@pytest.mark.parametrize(
    ("reviews", "who"),
    [
        (said("APPROVED"), ("ann",)),
        (said("APPROVED", "COMMENTED"), ("ann",)),
        (said("CHANGES_REQUESTED", "APPROVED"), ("ann",)),
        (said("APPROVED") + said("APPROVED", by=BEN, since=2), ("ann", "ben")),
        (said("APPROVED", "CHANGES_REQUESTED") + said("APPROVED", by=BEN, since=3), ("ben",)),
        (said("APPROVED", "DISMISSED"), ()),
        (said("APPROVED", "CHANGES_REQUESTED"), ()),
        (said("COMMENTED", "PENDING"), ()),
        (said("APPROVED", commit=OLD), ()),
        (said("APPROVED", commit=None), ()),
        (said("APPROVED") + said("APPROVED", commit=OLD, since=2), ()),
        (said("APPROVED", by=BOT), ()),
        (said("APPROVED", by=Account(login="renovate", type="Bot")), ()),
        (said("APPROVED", by=None), ()),
    ],
)
def test_of_each_person_the_last_word_about_the_head_counts(
    reviews: list[Review], who: tuple[str, ...]
) -> None:
    assert review.approvers(pull(), reviews) == who
    assert review.approvers(pull(), reviews[::-1]) == who


def test_an_author_does_not_approve_however_the_login_is_written() -> None:
    own = said("APPROVED", by=Account(login="Ann", type="User"))

    assert review.approvers(pull(user=ANN), own) == ()
    assert review.approvers(pull(user=None), own) == ("Ann",)


def test_what_the_gate_says_counts_as_it_says_it() -> None:
    decision = review.decide(pull(), files=FILES, approved=["ann"], gate=gate(Outcome.FAIL))

    assert decision.answers[-1] == gate(Outcome.FAIL)
    assert not decision.passed


@pytest.mark.parametrize(("by", "told"), [(BEN, "by ben"), (None, "by an account that is gone")])
def test_merging_by_itself_is_refused_with_who_switched_it_on(
    by: Account | None, told: str
) -> None:
    on = pull(auto_merge=Automatic(enabled_by=by))

    decision = review.decide(on, files=FILES, approved=["ann"], gate=gate())

    assert not decision.passed
    assert told in decision.answers[1].observed


def test_who_changes_no_engine_is_asked_for_nothing() -> None:
    decision = review.ordinary(pull(auto_merge=Automatic(enabled_by=ANN)))

    assert decision.passed
    assert "no file that names an engine" in decision.answers[0].observed


@pytest.mark.parametrize(
    ("paths", "found"),
    [
        (frozenset({"a", "pin", "b"}), ("pin",)),
        (frozenset({"a"}), ()),
        (frozenset[str](), ()),
        (None, ("pin", "target")),
    ],
)
def test_files_that_cannot_all_be_seen_may_be_any(
    paths: frozenset[str] | None, found: tuple[str, ...]
) -> None:
    assert review.touched(paths, guarded={"pin", "target"}) == found


ACCOUNTS = st.none() | st.sampled_from([ANN, BEN, BOT])
STATES = st.sampled_from(["APPROVED", "CHANGES_REQUESTED", "COMMENTED", "DISMISSED", "PENDING"])
REVIEWS = st.lists(
    st.builds(
        Review,
        id=st.integers(1, 20),
        user=ACCOUNTS,
        state=STATES,
        commit_id=st.sampled_from([HEAD, OLD, None]),
    ),
    unique_by=lambda each: each.id,
    max_size=6,
)
GATES = st.builds(gate, st.sampled_from(Outcome))
PULLS = st.builds(
    pull,
    user=ACCOUNTS,
    auto_merge=st.none() | st.builds(Automatic, enabled_by=ACCOUNTS),
)


@given(PULLS, REVIEWS, GATES, st.frozensets(st.sampled_from(["ann", "ben"])))
def test_whatever_was_said_nothing_passes_without_a_valid_approval_a_gate_and_a_person_to_merge(
    of: PullRequest, reviews: list[Review], said: Answer, writers: frozenset[str]
) -> None:
    approved = [login for login in review.approvers(of, reviews) if login in writers]

    decision = review.decide(of, files=FILES, approved=approved, gate=said)

    if not decision.passed:
        return
    assert of.automatic is None
    assert any(
        each.state == "APPROVED"
        and each.commit_id == HEAD
        and each.user not in (None, BOT, of.user)
        and each.user.login in writers
        for each in reviews
        if each.user
    )
    assert said.outcome in (Outcome.OK, Outcome.WARN)


@given(PULLS, REVIEWS, REVIEWS)
def test_who_takes_an_approval_back_approves_no_more(
    of: PullRequest, reviews: list[Review], more: list[Review]
) -> None:
    later = [
        each.model_copy(update={"id": each.id + 100, "state": "CHANGES_REQUESTED"}) for each in more
    ]

    left = set(review.approvers(of, reviews)) - {each.user.login for each in more if each.user}

    assert set(review.approvers(of, [*reviews, *later])) == left
