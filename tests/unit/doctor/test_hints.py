"""Whatever is not fine, or not known, comes with what to do about it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal

from hypothesis import given
from hypothesis import strategies as st

from engine_ci.doctor import pin, protection, repository, workflows
from engine_ci.pins.model import Hold
from engine_ci.records.candidate import Standing
from engine_ci.records.doctor import Outcome
from engine_ci.records.upstream import Missed, Unavailable, Upstream
from engine_ci.system.github_reads import Guard, Protection, Settings
from engine_ci.system.github_rules import RequiredCheck
from engine_ci.system.github_workflows import Rights, Schedule
from tests.unit.bump import records

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from engine_ci.pins.model import Platform
    from engine_ci.records.candidate import Candidate
    from engine_ci.records.doctor import Answer

DAY = timedelta(days=1)
TIMES = st.none() | st.integers(0, 99).map(lambda days: records.NOW - days * DAY)
CHECKS = st.frozensets(
    st.builds(
        RequiredCheck,
        name=st.sampled_from(["engine-gate", "engine-review", "build"]),
        app=st.none() | st.just(15368),
    )
)
GUARDS = st.none() | st.builds(
    Guard,
    checks=CHECKS,
    approvals=st.integers(0, 2),
    dismisses_stale=st.booleans(),
    code_owners=st.booleans(),
    bypass=st.none() | st.frozensets(st.just("RepositoryRole 5")),
)
SETTINGS = st.builds(
    Settings,
    branch=st.just("main"),
    may_write=st.none() | st.booleans(),
    personal=st.sampled_from([None, "classic", "fine-grained"]),
    automatic=st.none() | st.booleans(),
)
RIGHTS = st.none() | st.builds(
    Rights, usual=st.sampled_from(["read", "write"]), proposes=st.booleans()
)
SCHEDULES = (
    st.none()
    | st.just("absent")
    | st.builds(Schedule, state=st.sampled_from(["active", "disabled_manually"]), last=TIMES)
)


def silent(answers: Iterable[Answer]) -> set[str]:
    """Those that are not fine, and do not say what to do."""
    return {each.id for each in answers if each.outcome is not Outcome.OK and not each.hint}


@given(SETTINGS, GUARDS, GUARDS, CHECKS)
def test_of_the_repository(
    settings: Settings,
    rules: Guard | None,
    classic: Guard | None,
    checks: frozenset[RequiredCheck],
) -> None:
    found = Protection(rules=rules, classic=classic, checks=checks)

    assert silent([*repository.judged(settings), *protection.judged(found)]) == set()


@given(RIGHTS, SCHEDULES)
def test_of_the_workflows(
    rights: Rights | None, schedule: Schedule | Literal["absent"] | None
) -> None:
    answers = workflows.judged(rights, schedule, poll=DAY, now=records.NOW)

    assert silent(answers) == set()


MISSED = st.sampled_from(
    [
        Unavailable(reason="nobody asked"),
        Missed(tip="0" * 40, at=records.NOW, architectures=()),
        Missed(tip="0" * 40, at=records.NOW, architectures=("glm5",)),
    ]
)
CANDIDATES = st.none() | st.builds(
    records.candidate,
    standing=st.sampled_from([Standing(), Standing(troubles=("held: it leaks",))]),
    upstream=st.none() | st.builds(Upstream, range=st.just(Unavailable(reason="-")), missed=MISSED),
)
HOLDS = st.lists(
    st.builds(
        Hold,
        version=st.just("0.2.0"),
        reason=st.just("it leaks"),
        until=st.none() | st.dates(date(2026, 1, 1), date(2027, 1, 1)),
    ),
    max_size=2,
)


@given(TIMES, CANDIDATES, HOLDS, st.sampled_from(["ubuntu-x64", "windows-x64"]))
def test_of_the_pin(
    moved: datetime | None, candidate: Candidate | None, holds: list[Hold], platform: Platform
) -> None:
    own = records.pin()
    now = records.NOW

    assert (
        silent(
            [
                pin.complete(own, platforms=[platform]),
                pin.expired(holds, today=now.date()),
                pin.ending(holds, today=now.date()),
                pin.behind(candidate, pin=own, now=now),
                pin.trouble(candidate, pin=own),
                pin.architectures(candidate, pin=own),
                pin.age(moved, now=now),
            ]
        )
        == set()
    )
