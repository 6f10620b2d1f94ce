from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine_ci.engine import lifecycle
from engine_ci.engine.lifecycle import (
    Action,
    BecameReady,
    Checked,
    Ended,
    Occurrence,
    Refused,
    Situation,
    StartAsked,
    StopAsked,
    TimePassed,
)
from engine_ci.engine.restarts import Policy
from engine_ci.engine.states import (
    Failed,
    NotSpawning,
    Ready,
    Restarting,
    Starting,
    State,
    Stopped,
    Stopping,
)

POLICY = Policy()


def run(*occurrences: tuple[float, Occurrence]) -> tuple[list[State], list[Action | None]]:
    """The states and actions after occurrences at those times, from a stopped engine."""
    situation, states, actions = Situation(), [], []
    for now, occurrence in occurrences:
        situation, action = lifecycle.after(situation, occurrence, now=now, policy=POLICY)
        states.append(situation.state)
        actions.append(action)
    return states, actions


READY = ((0.0, StartAsked()), (1.0, BecameReady("it answers")))


def test_a_whole_life() -> None:
    states, actions = run(*READY, (2.0, StopAsked()), (3.0, Ended("of SIGTERM")))

    assert states == [Starting(), Ready(), Stopping(), Stopped()]
    assert actions == [Action.LAUNCH, None, Action.END, None]


def test_a_crash_is_followed_by_another_start_after_the_backoff() -> None:
    states, actions = run(
        *READY,
        (2.0, Ended("of SIGSEGV")),
        (2.4, TimePassed()),
        (2.5, TimePassed()),
        (3.0, Ended("of SIGABRT")),
    )

    once, twice = (
        Restarting(attempt=1, last_error="of SIGSEGV"),
        Restarting(attempt=2, last_error="of SIGABRT"),
    )
    assert states[2:] == [once, once, Starting(), twice]
    assert actions[2:] == [None, None, Action.LAUNCH, None]


def crash(times: int) -> list[tuple[float, Occurrence]]:
    """An engine that ends as soon as it is started, with the longest backoff in between."""
    occurrences: list[tuple[float, Occurrence]] = [(0.0, StartAsked())]
    for number in range(times):
        occurrences += [(20.0 * number, TimePassed()), (20.0 * number + 1, Ended(f"{number}"))]
    return occurrences


def test_the_crash_that_exceeds_the_budget_is_the_last() -> None:
    states, actions = run(*crash(4), (1000.0, TimePassed()))

    assert states[-3].name == "starting"
    assert states[-2:] == [Failed(attempts=4, last_error="3")] * 2
    assert actions.count(Action.LAUNCH) == 4


def test_a_start_that_is_asked_for_has_the_whole_budget() -> None:
    states, actions = run(*crash(4), (100.0, StartAsked()), (101.0, Ended("again")))

    assert states[-2:] == [Starting(), Restarting(attempt=1, last_error="again")]
    assert actions[-2] is Action.LAUNCH


def test_after_a_stable_minute_earlier_crashes_no_longer_count() -> None:
    states, _ = run(
        *crash(3), (70.0, TimePassed()), (100.0, BecameReady("it answers")), (160.0, Ended("new"))
    )

    assert states[-1] == Restarting(attempt=1, last_error="new")


def test_a_slow_start_is_no_stable_minute() -> None:
    states, _ = run(
        (0.0, StartAsked()), (1.0, Ended("1")), (2.0, TimePassed()), (500.0, Ended("2"))
    )

    assert states[-1] == Restarting(attempt=2, last_error="2")


def test_what_is_not_to_be_spawned_costs_nothing_of_the_budget() -> None:
    states, actions = run(
        (0.0, StartAsked()), (1.0, Refused("no model")), (2.0, StartAsked()), (3.0, Ended("new"))
    )

    assert states[1] == NotSpawning(reason="no model")
    assert states[3] == Restarting(attempt=1, last_error="new")
    assert actions == [Action.LAUNCH, None, Action.LAUNCH, None]


def test_its_health_is_asked_for_when_it_is_due_and_once() -> None:
    _, actions = run(*READY, (5.9, TimePassed()), (6.0, TimePassed()), (30.0, TimePassed()))

    assert actions[2:] == [None, Action.CHECK, None]


def test_the_next_check_comes_after_the_answer_to_the_last() -> None:
    _, actions = run(*READY, (6.0, TimePassed()), (8.0, Checked(None)), (13.0, TimePassed()))

    assert actions[-1] is Action.CHECK


def test_a_failed_check_is_a_warning_and_the_second_in_a_row_a_crash() -> None:
    states, actions = run(
        *READY, (6.0, Checked("silent")), (11.0, Checked("mute")), (12.0, Ended(""))
    )

    assert actions[2:] == [Action.WARN, Action.END, None]
    assert states[2:] == [Ready(), Stopping(), Restarting(attempt=1, last_error="mute")]


def test_a_failed_check_between_two_good_ones_is_only_a_warning() -> None:
    _, actions = run(
        *READY, (6.0, Checked("a")), (7.0, Checked(None)), (8.0, Checked("b")), (9.0, Checked(None))
    )

    assert actions[2:] == [Action.WARN, None, Action.WARN, None]


@pytest.mark.parametrize(("at_once", "action"), [(False, Action.END), (True, Action.KILL)])
@pytest.mark.parametrize("occurrences", [READY[:1], READY], ids=["starting", "ready"])
def test_a_stop_ends_what_runs(
    occurrences: tuple[tuple[float, Occurrence], ...], action: Action, *, at_once: bool
) -> None:
    states, actions = run(*occurrences, (2.0, StopAsked(at_once)))

    assert (states[-1], actions[-1]) == (Stopping(), action)


def test_a_stop_cuts_the_backoff_short() -> None:
    states, actions = run(*READY, (2.0, Ended("")), (2.1, StopAsked()), (9.0, TimePassed()))

    assert states[-2:] == [Stopped(), Stopped()]
    assert actions[-1] is None


def test_a_second_stop_takes_the_grace_only_if_it_says_so() -> None:
    _, actions = run(*READY, (2.0, StopAsked()), (3.0, StopAsked()), (4.0, StopAsked(at_once=True)))

    assert actions[2:] == [Action.END, None, Action.KILL]


def test_a_stop_of_an_ill_engine_is_no_crash() -> None:
    ill = ((6.0, Checked("a")), (11.0, Checked("b")))
    states, _ = run(*READY, *ill, (12.0, StopAsked()), (13.0, Ended("")))

    assert states[-2:] == [Stopping(), Stopped()]


def test_a_start_while_it_stops_follows_the_stop() -> None:
    states, actions = run(
        *READY, (2.0, StopAsked()), (3.0, StartAsked()), (4.0, Ended("")), (4.0, TimePassed())
    )

    assert states[3:] == [Stopping(), Stopped(), Starting()]
    assert actions[-1] is Action.LAUNCH


@pytest.mark.parametrize("at", [3.5, 4.5], ids=["while-it-stops", "when-it-has-stopped"])
def test_a_stop_takes_back_a_start(at: float) -> None:
    occurrences: list[tuple[float, Occurrence]] = [
        *READY, (2.0, StopAsked()), (3.0, StartAsked()), (4.0, Ended("")), (5.0, TimePassed()),
        (at, StopAsked()),
    ]  # fmt: skip
    states, _ = run(*sorted(occurrences, key=lambda occurrence: occurrence[0]))

    assert states[-1] == Stopped()


def test_a_start_of_an_ill_engine_changes_nothing() -> None:
    ill = ((6.0, Checked("a")), (11.0, Checked("b")))
    states, _ = run(*READY, *ill, (12.0, StartAsked()), (13.0, Ended("")))

    assert states[-1] == Restarting(attempt=1, last_error="b")


def test_a_refusal_after_a_stop_is_its_end() -> None:
    states, _ = run((0.0, StartAsked()), (1.0, StopAsked()), (2.0, Refused("no model")))

    assert states[-1] == Stopped()


LATE = [BecameReady("it answers"), Checked("ill"), Checked(None)]


@pytest.mark.parametrize("occurrence", LATE, ids=str)
def test_what_comes_after_a_stop_is_too_late(occurrence: Occurrence) -> None:
    stopping = run(*READY, (2.0, StopAsked()))
    states, actions = run(*READY, (2.0, StopAsked()), (3.0, occurrence))

    assert (states[-1], actions[-1]) == (stopping[0][-1], None)


@pytest.mark.parametrize(
    "occurrences", [READY[:1], READY, (*READY, (2.0, Ended("")))], ids=["1", "2", "3"]
)
def test_a_start_of_what_runs_or_will_run_changes_nothing(
    occurrences: tuple[tuple[float, Occurrence], ...],
) -> None:
    states, actions = run(*occurrences, (2.1, StartAsked()))

    assert (states[-1], actions[-1]) == (run(*occurrences)[0][-1], None)


LEGAL = {
    "stopped": {"starting"},
    "starting": {"ready", "restarting", "failed", "not_spawning", "stopping"},
    "ready": {"restarting", "failed", "stopping"},
    "stopping": {"stopped", "restarting", "failed"},
    "restarting": {"starting", "stopped"},
    "failed": {"starting"},
    "not_spawning": {"starting"},
}


class Whatever(RuleBasedStateMachine):
    """Any order of what may happen, believable or not."""

    @initialize(budget=st.integers(0, 3))
    def begin(self, budget: int) -> None:
        self.policy = Policy(budget=budget)
        self.situation = Situation()
        self.now = 0.0
        self.processes = 0
        self.launches: list[float] = []

    def occurs(self, occurrence: Occurrence) -> None:
        before = self.situation
        self.situation, action = lifecycle.after(
            before, occurrence, now=self.now, policy=self.policy
        )
        changed = before.state != self.situation.state
        assert not changed or self.situation.state.name in LEGAL[before.state.name]
        if action is Action.LAUNCH:
            self.processes += 1
            self.launches.append(self.now)
        if action in (Action.END, Action.KILL, Action.CHECK, Action.WARN):
            assert self.processes == 1

    @rule()
    def start(self) -> None:
        ended = isinstance(self.situation.state, Stopped | Failed | NotSpawning)
        if ended or (self.situation.state == Stopping() and not self.situation.ailment):
            self.launches.clear()
        self.occurs(StartAsked())

    @rule(at_once=st.booleans())
    def stop(self, *, at_once: bool) -> None:
        self.occurs(StopAsked(at_once))
        assert self.situation.at_rest or self.situation.state == Stopping()

    @precondition(lambda self: self.processes)
    @rule()
    def becomes_ready(self) -> None:
        self.occurs(BecameReady("it answers"))

    @precondition(lambda self: self.processes)
    @rule(refused=st.booleans())
    def ends(self, *, refused: bool) -> None:
        ready_at = self.situation.ready_at
        if ready_at is not None and self.now - ready_at >= self.policy.stable_s:
            self.launches.clear()
        self.processes -= 1
        ready = isinstance(self.situation.state, Ready)
        self.occurs(Refused("no model") if refused and not ready else Ended("crash"))

    @rule(ailment=st.sampled_from([None, "silent"]))
    def is_checked(self, ailment: str | None) -> None:
        self.occurs(Checked(ailment))

    @rule(seconds=st.sampled_from([0.1, 1.0, 5.0, 70.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.occurs(TimePassed())

    @invariant()
    def there_is_a_process_exactly_in_the_states_that_have_one(self) -> None:
        running = isinstance(self.situation.state, Starting | Ready | Stopping)
        assert self.processes == running

    @invariant()
    def the_budget_is_never_exceeded(self) -> None:
        assert len(self.launches) <= self.policy.budget + 1

    @invariant()
    def nothing_waits_for_ever(self) -> None:
        if isinstance(self.situation.state, Restarting):
            assert self.situation.due is not None


TestWhatever = Whatever.TestCase
