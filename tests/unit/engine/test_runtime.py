from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine_ci.engine.events import HealthDegraded, StateChanged
from engine_ci.engine.lifecycle import StartAsked
from engine_ci.engine.restarts import ONCE, Policy
from engine_ci.engine.runtime import _Entry
from engine_ci.engine.states import Failed, NotSpawning, Restarting
from engine_ci.errors import EngineDiedError, EngineStartError
from tests.unit.engine.launches import NOON, SOON_S, Stage, changes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    Staged = Callable[..., Stage]


@pytest.fixture
def staged() -> Iterator[Staged]:
    stages: list[Stage] = []

    def stage(policy: Policy | None = None) -> Stage:
        stages.append(Stage(policy))
        return stages[-1]

    yield stage
    for made in stages:
        made.runtime.close()


def test_an_engine_is_started_served_and_stopped(staged: Staged) -> None:
    stage = staged()

    engine = stage.start()
    assert stage.runtime.ready() is stage.runtime.engine is engine
    stage.runtime.stop()

    assert stage.runtime.engine is None
    assert not engine.inside
    assert changes(stage.close()) == ["starting", "ready", "stopping", "stopped"]


def test_an_event_says_what_when_and_why(staged: Staged) -> None:
    stage = staged()
    stage.runtime.start()

    (event,) = stage.close()[:1]

    assert isinstance(event, StateChanged)
    assert (event.engine, event.at, event.reason) == ("it", NOON, "a start was asked for")


def test_a_crashed_engine_is_started_again_after_the_backoff(staged: Staged) -> None:
    stage = staged()
    stage.start().crash("died of SIGSEGV")
    stage.until("restarting")
    assert stage.runtime.state == Restarting(attempt=1, last_error="died of SIGSEGV")

    stage.move(0.4)
    assert stage.name == "restarting"
    stage.move(0.1)
    stage.last.become_ready()

    assert stage.runtime.ready() is stage.last
    assert len(stage.launches) == 2
    assert stage.runtime.restarts == 1


def test_an_engine_that_never_starts_fails_when_its_budget_is_spent(staged: Staged) -> None:
    stage = staged()
    stage.runtime.start()
    for number in range(4):
        stage.last.crash(f"crash {number}")
        stage.until("restarting", "failed")
        stage.move(10)

    assert stage.runtime.state == Failed(attempts=4, last_error="crash 3")
    with pytest.raises(EngineStartError, match="crash 3"):
        stage.runtime.ready()
    assert len(stage.launches) == 4
    assert changes(stage.close()) == ["starting", "restarting"] * 3 + ["starting", "failed"]


def test_without_a_budget_the_first_crash_is_the_end(staged: Staged) -> None:
    stage = staged(ONCE)
    stage.start().crash("of SIGSEGV")
    stage.until("failed")

    assert len(stage.launches) == 1


def test_without_a_budget_nothing_asks_after_its_health(staged: Staged) -> None:
    stage = staged(ONCE)
    engine = stage.start()
    engine.checks.put("ill")
    stage.move(1000)

    stage.runtime.stop()

    assert changes(stage.close())[-1] == "stopped"
    assert engine.checks.get() == "ill"


def test_what_is_refused_is_not_launched_and_asked_about_again(staged: Staged) -> None:
    stage = staged()
    stage.refusal = "no model"
    stage.runtime.start()
    stage.until("not_spawning")
    assert stage.runtime.state == NotSpawning(reason="no model")
    with pytest.raises(EngineStartError, match="no engine is started: no model"):
        stage.runtime.ready()
    assert not stage.last.inside

    stage.refusal = None
    stage.start()

    assert changes(stage.close())[:4] == ["starting", "not_spawning", "starting", "ready"]


def test_a_start_that_finds_out_that_it_is_in_vain_costs_no_restart(staged: Staged) -> None:
    stage = staged()
    stage.runtime.start()

    stage.last.refuse("it is too slow")
    stage.until("not_spawning")

    assert stage.runtime.state == NotSpawning(reason="it is too slow")
    assert not stage.last.inside
    assert changes(stage.close()) == ["starting", "not_spawning"]


def test_it_is_asked_before_a_restart_too(staged: Staged) -> None:
    stage = staged()
    engine = stage.start()
    stage.refusal = "the model is gone"
    engine.crash("")
    stage.until("restarting")
    stage.move(0.5)

    stage.until("not_spawning")


def test_a_sick_engine_is_warned_of_ended_and_started_again(staged: Staged) -> None:
    stage = staged()
    engine = stage.start()
    engine.checks.put("silent")
    engine.checks.put("mute")
    stage.move(5)
    stage.pass_time_until(lambda: stage.name == "restarting")

    assert stage.runtime.state == Restarting(attempt=1, last_error="mute")
    assert engine.ends == [False]
    told = stage.close()
    assert HealthDegraded(engine="it", at=NOON, reason="silent") in told
    assert changes(told) == ["starting", "ready", "stopping", "restarting", "stopped"]


def test_a_check_that_goes_wrong_is_a_failed_one(staged: Staged) -> None:
    stage = staged()
    engine = stage.start()
    engine.checks.put(ValueError("oops"))
    stage.move(5)
    engine.checks.put(None)
    stage.pass_time_until(engine.checks.empty)

    assert stage.close()[2] == HealthDegraded(engine="it", at=NOON, reason="oops")


def test_a_check_that_ends_after_its_engine_says_nothing_of_the_next(staged: Staged) -> None:
    stage = staged()
    first = stage.start()
    stage.move(5)
    first.crash("died")
    stage.until("restarting")
    stage.move(1)
    stage.last.become_ready()
    stage.until("ready")
    first.checks.put("silent")
    stage.runtime.close()

    assert "runtime.health.degraded" not in [event.kind for event in stage.close()]


def test_a_healthy_engine_is_left_alone(staged: Staged) -> None:
    stage = staged()
    engine = stage.start()
    for _ in range(20):
        engine.checks.put(None)
    stage.pass_time_until(engine.checks.empty)

    assert changes(stage.close()) == ["starting", "ready", "stopping", "stopped"]


def test_a_stop_while_it_starts_ends_it(staged: Staged) -> None:
    stage = staged()
    stage.runtime.start()

    stage.runtime.stop()

    assert stage.last.ends == [False]
    with pytest.raises(EngineStartError, match="was stopped before it was ready"):
        stage.runtime.ready()
    assert changes(stage.close()) == ["starting", "stopping", "stopped"]


def test_a_stop_cuts_the_longest_backoff_short(staged: Staged) -> None:
    stage = staged(Policy(first_s=1e300, longest_s=1e300))
    stage.start().crash("")
    stage.until("restarting")

    stage.runtime.stop()

    assert stage.name == "stopped"


def test_a_second_stop_takes_the_grace_from_the_first(staged: Staged) -> None:
    stage = staged()
    engine = stage.start()
    engine.lingers = True
    patient = threading.Thread(target=stage.runtime.stop)
    patient.start()
    stage.until("stopping")

    stage.runtime.stop(at_once=True)
    patient.join(SOON_S)

    assert engine.ends == [False, True]
    assert not patient.is_alive()


def test_a_start_while_it_stops_follows_the_stop(staged: Staged) -> None:
    stage = staged()
    engine = stage.start()
    engine.lingers = True
    patient = threading.Thread(target=stage.runtime.stop)
    patient.start()
    stage.until("stopping")
    stage.runtime.start()
    engine.crash("at last")
    stage.until("starting")
    stage.last.become_ready()

    assert stage.runtime.ready() is stage.last is not engine
    stage.runtime.stop()
    patient.join(SOON_S)
    assert changes(stage.close())[3:] == ["stopped", "starting", "ready", "stopping", "stopped"]


def test_an_engine_that_is_given_up_for_its_health_is_told_so(staged: Staged) -> None:
    stage = staged(Policy(budget=0))
    engine = stage.start()
    engine.checks.put("silent")
    engine.checks.put("mute")
    stage.pass_time_until(lambda: stage.name == "failed")

    with pytest.raises(EngineDiedError, match=r"^mute$"):
        stage.runtime.ready()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_when_the_loop_itself_breaks_nothing_is_left_and_nobody_waits(staged: Staged) -> None:
    stage = staged()
    engine = stage.start()
    late = threading.Event()

    def broken() -> datetime:
        # In the queue behind what the loop is at, where nobody takes it any more.
        stage.runtime._queue.put(_Entry(StartAsked(), late))
        return NOON + timedelta(1 / 0)

    stage.runtime._now = broken

    stage.runtime.stop()

    assert late.wait(SOON_S)

    assert engine.ends == [True]
    with pytest.raises(EngineStartError):
        stage.runtime.ready()
    stage.close()
    assert not engine.inside


def test_what_a_launch_did_not_foresee_is_a_crash(staged: Staged) -> None:
    stage = staged(ONCE)
    problem = ZeroDivisionError("of nobody's making")
    stage.runtime.start()
    stage.last._begun.put(problem)

    with pytest.raises(ZeroDivisionError) as caught:
        stage.runtime.ready()
    assert caught.value is problem
    assert stage.runtime.state == Failed(attempts=1, last_error="of nobody's making")


def test_what_is_closed_is_stopped_and_stays_so(staged: Staged) -> None:
    stage = staged()
    engine = stage.start()
    with stage.runtime:
        pass

    stage.runtime.start()
    stage.runtime.stop()
    stage.runtime.close()

    assert not engine.inside
    assert stage.name == "stopped"
    assert len(stage.launches) == 1
    with pytest.raises(EngineStartError):
        stage.runtime.ready()


def test_a_start_that_races_with_the_end_is_not_waited_for_for_ever(staged: Staged) -> None:
    for _ in range(50):
        stage = staged()
        thread = threading.Thread(target=stage.runtime.start)
        thread.start()
        stage.runtime.close()
        thread.join(SOON_S)
        assert not thread.is_alive()
        assert stage.name == "stopped"


def test_every_thread_has_a_name_and_ends(staged: Staged) -> None:
    before = set(threading.enumerate())
    stage = staged()
    stage.start()
    named = {thread.name for thread in set(threading.enumerate()) - before}

    stage.close()

    assert named == {"it runtime", "it life"}
    assert set(threading.enumerate()) <= before


def test_a_jump_of_the_time_of_day_moves_nothing_but_what_is_told(staged: Staged) -> None:
    stage = staged()
    stage.day = NOON + timedelta(days=1)
    stage.start().crash("")
    stage.until("restarting")
    stage.day = NOON - timedelta(days=1)
    stage.move(0.4)
    assert stage.name == "restarting"
    stage.move(0.1)
    stage.last.become_ready()
    stage.until("ready")

    told = stage.close()
    assert changes(told)[:5] == ["starting", "ready", "restarting", "starting", "ready"]
    assert [event.at for event in told[2:4]] == [NOON + timedelta(days=1), NOON - timedelta(days=1)]


def test_a_long_sleep_of_the_machine_is_no_crash(staged: Staged) -> None:
    stage = staged()
    engine = stage.start()
    stage.move(5)
    stage.move(1e6)
    for _ in range(3):
        engine.checks.put(None)
    stage.pass_time_until(engine.checks.empty)

    assert changes(stage.close()) == ["starting", "ready", "stopping", "stopped"]


def test_ten_thousand_changes_are_heard_by_three_listeners_whom_nobody_waits_for(
    staged: Staged,
) -> None:
    stage = staged()
    listeners = [stage.channel.listen() for _ in range(3)]
    for _ in range(2500):
        stage.start()
        stage.runtime.stop()
    told = stage.close()

    assert changes(told) == ["starting", "ready", "stopping", "stopped"] * 2500
    assert [list(listener) for listener in listeners] == [told] * 3


def test_a_wait_for_a_state_ends_in_time(staged: Staged) -> None:
    assert not staged().runtime.wait_for(lambda state: state.name == "ready", timeout_s=0.01)


class Anything(RuleBasedStateMachine):
    """A runtime, and whatever is done to it and to its engines in any order."""

    @initialize(budget=st.integers(0, 2))
    def begin(self, budget: int) -> None:
        self.budget = budget
        self.stage = Stage(Policy(budget=budget, stable_s=1e9))
        self.spent = 0

    @property
    def name(self) -> str:
        return self.stage.name

    @rule()
    def start(self) -> None:
        rests = self.name in ("stopped", "failed", "not_spawning")
        self.stage.runtime.start()
        if rests:
            self.spent = 0
            self.stage.spawn()

    @rule()
    def stop(self) -> None:
        self.stage.runtime.stop()
        assert not any(launch.inside for launch in self.stage.launches)

    @precondition(lambda self: self.name == "starting")
    @rule()
    def becomes_ready(self) -> None:
        self.stage.last.become_ready()
        assert self.stage.runtime.ready() is self.stage.last

    @precondition(lambda self: self.name in ("starting", "ready"))
    @rule()
    def crashes(self) -> None:
        self.spent += 1
        self.stage.last.crash(f"crash {self.spent}")
        self.stage.until("restarting" if self.spent <= self.budget else "failed")

    @precondition(lambda self: self.name == "ready")
    @rule()
    def fails_two_checks(self) -> None:
        self.spent += 1
        self.stage.last.checks.put("silent")
        self.stage.last.checks.put("mute")
        crashed = "restarting" if self.spent <= self.budget else "failed"
        self.stage.pass_time_until(lambda: self.name == crashed)

    @precondition(lambda self: self.name == "restarting")
    @rule()
    def the_backoff_passes(self) -> None:
        self.stage.move(10)
        self.stage.spawn()

    @rule(refusal=st.sampled_from([None, "no model"]))
    def the_model_comes_or_goes(self, refusal: str | None) -> None:
        self.stage.refusal = refusal

    @invariant()
    def one_engine_at_most_runs(self) -> None:
        inside = sum(launch.inside for launch in self.stage.launches)
        assert inside <= (self.name in ("starting", "ready", "stopping"))

    def teardown(self) -> None:
        told = changes(self.stage.close())
        assert not any(launch.inside for launch in self.stage.launches)
        assert told[-1:] in ([], ["stopped"], ["failed"], ["not_spawning"])


TestAnything = Anything.TestCase
TestAnything.settings = settings(max_examples=50, stateful_step_count=20, deadline=None)
