from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.engine import stopwatch
from engine_ci.engine.stopwatch import Mark, Stopwatch, Thread, counts_waits, elapsed

if TYPE_CHECKING:
    from collections.abc import Iterator

MS = 1_000_000
NOWHERE = Path("nowhere")
linux = pytest.mark.skipif(not counts_waits(), reason="this system does not count waits for a core")


def mark(
    at: float, *, engine: dict[int, Thread] | None = None, ours: dict[int, Thread] | None = None
) -> Mark:
    return Mark(at=at, engine=engine or {}, ours=ours or {})


def ms(computed: int, waited: int) -> Thread:
    return Thread(computed * MS, waited * MS)


IDLE = mark(10.0, engine={1: ms(700, 400), 2: ms(0, 0)}, ours={9: ms(50, 60)})


@pytest.mark.parametrize(
    ("end", "seconds"),
    [
        (mark(10.1, engine={1: ms(800, 400)}, ours={9: ms(50, 60)}), 0.1),
        (mark(10.3, engine={1: ms(800, 600)}, ours={9: ms(50, 60)}), 0.1),
        (mark(10.3, engine={1: ms(780, 560), 2: ms(20, 30)}, ours={9: ms(60, 70)}), 0.1),
        (mark(10.3, engine={1: ms(800, 400)}, ours={9: ms(50, 260)}), 0.1),
        (mark(10.3, engine={1: ms(780, 400), 3: ms(20, 200)}), 0.1),
    ],
    ids=["nobody-waits", "the-engine-waits", "many-wait", "we-wait", "a-new-thread-waits"],
)
def test_waiting_for_a_core_is_left_out_whoever_waits(end: Mark, seconds: float) -> None:
    assert elapsed(IDLE, end) == pytest.approx(seconds)


def test_an_engine_that_sleeps_takes_the_time_that_it_sleeps() -> None:
    end = mark(10.4, engine={1: ms(800, 500)}, ours={9: ms(50, 60)})

    assert elapsed(IDLE, end) == pytest.approx(0.3)


def test_waits_at_the_same_time_never_make_it_less_than_what_was_computed() -> None:
    end = mark(10.3, engine={1: ms(800, 600), 2: ms(0, 150)}, ours={9: ms(50, 160)})

    assert elapsed(IDLE, end) == pytest.approx(0.1)


def test_threads_that_compute_at_the_same_time_take_no_more_than_the_clock() -> None:
    end = mark(10.1, engine={1: ms(790, 400), 2: ms(90, 0)})

    assert elapsed(IDLE, end) == pytest.approx(0.1)


def test_where_the_counts_leave_nothing_the_clock_tells() -> None:
    end = mark(10.1, engine={1: ms(700, 500)}, ours={9: ms(50, 60)})

    assert elapsed(IDLE, end) == pytest.approx(0.1)


def test_a_thread_that_has_ended_takes_nothing_away() -> None:
    end = mark(10.3, engine={2: ms(100, 150)})

    assert elapsed(IDLE, end) == pytest.approx(0.15)


def steps(*, waits: int, sleeps: int, others_wait: int = 0, count: int = 7) -> list[Mark]:
    """Of an engine that computes for 10 ms a step, in milliseconds; thread 2 sends its tokens."""
    return [
        mark(
            10.0 + number * (10 + waits + sleeps) / 1000,
            engine={1: ms(100 + 10 * number, waits * number), 2: ms(0, others_wait * number)},
            ours={9: ms(50, 60)},
        )
        for number in range(count + 1)
    ]


@pytest.mark.parametrize(
    ("marks", "seconds"),
    [
        (steps(waits=0, sleeps=0), 0.07),
        (steps(waits=0, sleeps=2), 0.084),
        (steps(waits=30, sleeps=0), 0.07),
        (steps(waits=30, sleeps=0, others_wait=20), 0.07),
        (steps(waits=30, sleeps=2), 0.084),
        (steps(waits=30, sleeps=2, others_wait=20), 0.084),
    ],
    ids=["idle-host", "idle-sleeps", "busy", "busier", "busy-sleeps", "busier-sleeps"],
)
def test_an_engine_that_sleeps_at_every_token_is_seen_on_a_busy_host_too(
    marks: list[Mark], seconds: float
) -> None:
    assert stopwatch.streamed(marks) == pytest.approx(seconds)


def test_a_single_pause_in_a_stream_counts_in_full_where_nobody_waits() -> None:
    *begin, end = steps(waits=0, sleeps=0)

    late = mark(end.at + 0.5, engine=dict(end.engine), ours=dict(end.ours))

    assert stopwatch.streamed([*begin, late]) == pytest.approx(0.57)


@pytest.mark.parametrize("threads", [{}, {1: ms(5, 20)}], ids=["no-counts", "counts"])
def test_a_stream_of_one_step_takes_no_time(threads: dict[int, Thread]) -> None:
    assert stopwatch.streamed([mark(10.0, engine=threads)]) == 0


def test_an_engine_that_has_ended_leaves_only_the_clock() -> None:
    begin = mark(10.0, engine={1: ms(5, 20)}, ours={9: ms(0, 0)})
    end = mark(10.3, ours={9: ms(0, 100)})

    assert stopwatch.streamed([begin, end]) == pytest.approx(0.3)


def test_a_thread_that_begins_in_a_stream_is_counted_from_its_first_step() -> None:
    marks = [
        mark(10.0, engine={1: ms(1, 0)}),
        mark(10.04, engine={1: ms(1, 30)}),
        mark(10.08, engine={1: ms(1, 30), 2: ms(10, 30)}),
        mark(10.12, engine={1: ms(1, 30), 2: ms(20, 60)}),
    ]

    assert stopwatch.streamed(marks) == pytest.approx(0.03)


THREADS = st.dictionaries(
    st.integers(1, 4), st.builds(ms, st.integers(0, 900), st.integers(0, 900)), max_size=4
)


@given(clock=st.integers(1, 1000), engine=THREADS, ours=THREADS)
def test_time_is_between_what_was_computed_and_the_clock(
    clock: int, engine: dict[int, Thread], ours: dict[int, Thread]
) -> None:
    found = elapsed(mark(5.0), mark(5.0 + clock / 1000, engine=engine, ours=ours))

    computed = sum(thread.computed for thread in engine.values()) / 1e9
    assert min(clock / 1000, computed) - 1e-9 <= found <= clock / 1000 + 1e-9


@given(
    steps=st.lists(st.tuples(st.integers(1, 200), THREADS, THREADS), min_size=2, max_size=5),
)
def test_a_stream_takes_no_less_than_was_computed_and_no_more_than_the_clock(
    steps: list[tuple[int, dict[int, Thread], dict[int, Thread]]],
) -> None:
    ats = accumulate(clock / 1000 for clock, _, _ in steps)
    marks = [
        mark(at, engine=engine, ours=ours) for at, (_, engine, ours) in zip(ats, steps, strict=True)
    ]

    found = stopwatch.streamed(marks)

    clock = marks[-1].at - marks[0].at
    began = marks[0].engine
    computed = sum(
        thread.computed - began.get(number, ms(0, 0)).computed
        for number, thread in marks[-1].engine.items()
    )
    assert min(clock, computed / 1e9) - 1e-9 <= found <= clock


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A program that computes for 50 ms of its own time after every line, and then says so."""
    text = (
        "import sys, time\n"
        "for line in sys.stdin:\n"
        "    end = time.process_time() + 0.05\n"
        "    while time.process_time() < end: pass\n"
        "    print('done', flush=True)\n"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", text], stdin=pipe, stdout=pipe) as started:
        yield started
        started.communicate()


def ask(child: subprocess.Popen[bytes]) -> None:
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(b"go\n")
    child.stdin.flush()
    assert child.stdout.readline() == b"done\n"


@linux
def test_other_work_on_every_core_changes_nothing(child: subprocess.Popen[bytes]) -> None:
    ask(child)
    watch = Stopwatch(child.pid)
    burn = [sys.executable, "-c", "while True: pass"]
    burning = [subprocess.Popen(burn) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        begin = watch.mark()
        for _ in range(2):
            ask(child)
        end = watch.mark()
    finally:
        for other in burning:
            other.kill()
            other.communicate()

    assert 0.09 < elapsed(begin, end) < 0.15
    assert end.at - begin.at > 1.2 * elapsed(begin, end)


def test_a_pause_counts_in_full(child: subprocess.Popen[bytes]) -> None:
    ask(child)
    watch = Stopwatch(child.pid)

    begin = watch.mark()
    threading.Event().wait(0.1)
    end = watch.mark()

    assert elapsed(begin, end) >= 0.08


def test_without_proc_the_clock_counts(child: subprocess.Popen[bytes]) -> None:
    watch = Stopwatch(child.pid, proc=NOWHERE)

    begin = watch.mark(at=1.0)
    ask(child)
    end = watch.mark(at=1.5)

    assert (begin.engine, begin.ours) == ({}, {})
    assert elapsed(begin, end) == 0.5
    assert not counts_waits(proc=NOWHERE)


def test_a_mark_is_now_unless_a_time_is_given() -> None:
    watch = Stopwatch(os.getpid())

    before = time.perf_counter()
    assert before <= watch.mark().at <= time.perf_counter()
    assert watch.mark(at=3.0).at == 3.0


@linux
def test_every_thread_of_a_process_is_counted() -> None:
    stay = threading.Event()
    with_others = [threading.Thread(target=stay.wait) for _ in range(3)]
    for each in with_others:
        each.start()

    found = Stopwatch(os.getpid()).mark()
    stay.set()
    for each in with_others:
        each.join()

    assert {threading.get_native_id(), *(each.native_id for each in with_others)} <= set(found.ours)
    assert set(found.ours) <= set(found.engine)


def proc_with(root: Path, **schedstats: str) -> Path:
    """A /proc in which this process has those threads."""
    for number, text in schedstats.items():
        task = root / "self" / "task" / number.removeprefix("t")
        task.mkdir(parents=True)
        if text:
            (task / "schedstat").write_text(text)
    return root


def test_a_thread_that_ends_while_it_is_read_does_not_hide_the_others(tmp_path: Path) -> None:
    proc = proc_with(tmp_path, t1="", t2="5000000 7000000 3\n", t3="")

    found = Stopwatch(os.getpid(), proc=proc).mark()

    assert found.ours == {2: ms(5, 7)}
    assert found.engine == {}


@pytest.mark.parametrize(("text", "counts"), [("5 0 1\n", True), ("0 0 0\n", False)])
def test_a_system_that_counts_nothing_says_zeros(text: str, counts: bool, tmp_path: Path) -> None:
    assert stopwatch.counts_waits(proc=proc_with(tmp_path, t1=text)) is counts


def test_the_waits_of_a_whole_process_are_summed(tmp_path: Path) -> None:
    proc = proc_with(tmp_path, t1="5000000 7000000 3\n", t2="1 2000000 1\n")
    (proc / "self").rename(proc / str(os.getpid()))

    assert stopwatch.waited_s(os.getpid(), proc=proc) == pytest.approx(0.009)
    assert stopwatch.waited_s(os.getpid(), proc=NOWHERE) == 0
