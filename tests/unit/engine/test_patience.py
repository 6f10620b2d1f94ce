from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from engine_ci.engine.patience import Effort, Patience


@dataclass
class Machine:
    """A clock, and an engine: its shares of the time that it computes, and waits for a core."""

    share: float = 0.0
    queue: float = 0.0
    now: float = 100.0
    computed: float = 7.0
    waited: float = 3.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.computed += seconds * self.share
        self.waited += seconds * self.queue

    def effort(self) -> Effort:
        return Effort(self.computed, self.waited)


def waited(machine: Machine, *, timeout_s: float = 60.0, window_s: float = 8.0) -> float:
    """How long one waits for an engine that never answers."""
    patience = Patience(
        timeout_s, effort=machine.effort, window_s=window_s, clock=lambda: machine.now
    )
    while (left := patience.left()) > 0:
        machine.sleep(left)
    return patience.waited()


def test_one_that_computes_nothing_is_waited_for_through_one_window() -> None:
    assert waited(Machine(share=0.0)) == 8.0


def test_one_that_computes_all_the_time_gets_its_time() -> None:
    assert 60 <= waited(Machine(share=1.0)) < 60 + 9


def test_one_with_many_threads_gets_its_time_by_the_clock_too() -> None:
    assert 60 <= waited(Machine(share=16.0)) < 60 + 9


def test_one_that_gets_half_of_a_processor_gets_twice_the_time() -> None:
    assert 120 <= waited(Machine(share=0.5)) < 120 + 9


def test_one_that_gets_hardly_anything_is_given_up_at_four_times_its_time() -> None:
    assert 240 <= waited(Machine(share=0.05)) < 240 + 9


def test_one_that_waits_for_a_core_all_the_time_has_not_hung() -> None:
    assert 240 <= waited(Machine(share=0.01, queue=0.99)) < 240 + 9


def test_answering_our_own_questions_is_no_computing() -> None:
    assert waited(Machine(share=0.01)) == 8.0


def test_one_that_stops_computing_is_given_up_after_a_window_without() -> None:
    machine = Machine(share=1.0)
    patience = Patience(60, effort=machine.effort, window_s=8, clock=lambda: machine.now)
    machine.sleep(patience.left())
    machine.sleep(patience.left())
    assert patience.left() == 8
    machine.share = 0.0
    machine.sleep(8)

    assert patience.left() == 0
    assert patience.left() == 0


def test_asking_in_between_says_what_is_left_of_the_window() -> None:
    machine = Machine()
    patience = Patience(60, effort=machine.effort, clock=lambda: machine.now)
    machine.sleep(patience.left())
    assert patience.left() == 7.5
    machine.sleep(3)

    assert patience.left() == 4.5
    assert patience.waited() == 3.5


def test_a_window_is_never_longer_than_the_time() -> None:
    assert waited(Machine(), timeout_s=2) == 2


def test_without_the_engines_cpu_time_the_clock_alone_counts() -> None:
    machine = Machine(share=1.0)
    patience = Patience(60, clock=lambda: machine.now)
    assert patience.left() == 60
    machine.sleep(60)

    assert patience.left() == 0


def test_what_is_answered_at_once_costs_no_look_at_the_engine() -> None:
    asked = []
    machine = Machine()

    def effort() -> Effort:
        asked.append(machine.now)
        return Effort(0.0)

    patience = Patience(60, effort=effort, clock=lambda: machine.now)
    assert 0 < patience.left() <= 0.5
    machine.sleep(0.4)

    assert 0 < patience.left() <= 0.5
    assert asked == []


def test_no_time_is_no_wait() -> None:
    assert Patience(0.0, effort=lambda: Effort(0.0)).left() == 0


@given(
    share=st.floats(0, 64),
    queue=st.floats(0, 64),
    timeout_s=st.floats(0.1, 600),
    window_s=st.floats(0.1, 60),
)
def test_whatever_an_engine_does_a_wait_has_its_bounds(
    share: float, queue: float, timeout_s: float, window_s: float
) -> None:
    window = min(window_s, timeout_s)

    found = waited(Machine(share=share, queue=queue), timeout_s=timeout_s, window_s=window_s)

    assert found >= window * 0.999
    assert found <= (4 * timeout_s + window) * 1.001
