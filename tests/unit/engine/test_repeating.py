"""A job is done again and again in a thread of its own, until the block ends."""

from __future__ import annotations

import threading

import pytest

from engine_ci.engine.repeating import repeated

NAME = "now and then"


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == NAME]


def test_a_job_is_done_again_and_again_beside_the_block() -> None:
    done = threading.Semaphore(0)

    with repeated(done.release, every_s=0.001, name=NAME):
        assert threads() == [NAME]
        for _ in range(3):
            assert done.acquire(timeout=60)

    assert threads() == []


def test_whoever_leaves_does_not_wait_for_the_next_time() -> None:
    done: list[str] = []

    with (
        pytest.raises(ZeroDivisionError),
        repeated(lambda: done.append(NAME), every_s=3600, name=NAME),
    ):
        raise ZeroDivisionError

    assert (done, threads()) == ([], [])
