"""Ctrl-C while real engines run: a clean end at any moment, and no engine outlives it."""

from __future__ import annotations

import random
import signal
from typing import TYPE_CHECKING

import pytest

from engine_ci.errors import Exit
from tests.unit.cli.command import app_in
from tests.unit.cli.stopping import stopped

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.engine


@pytest.fixture
def gate(
    tmp_path: Path, mineru: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> tuple[str, ...]:
    """A gate of several suites side by side, with one engine and no other to compare with."""
    monkeypatch.chdir(app_in(tmp_path))
    suites = ("tokens", "drift", "chat", "kv-pressure")
    named = (word for suite in suites for word in ("--suite", suite))
    return ("gate", "--candidate", str(mineru("0.1.2")), *named)


@pytest.mark.parametrize("seed", range(4))
def test_a_gate_that_is_stopped_leaves_no_engine(gate: tuple[str, ...], seed: int) -> None:
    chance = random.Random(seed)
    number = chance.choice([signal.SIGINT, signal.SIGTERM])

    ran = stopped(gate, after_s=chance.uniform(1.0, 8.0), number=number)

    assert ran.left == ()
    assert ran.status == 128 + number, ran.err
    assert "Traceback" not in ran.err
    assert ran.err.splitlines()[-1].startswith(("stopped by ", "engine-ci: ended at once by "))


def test_a_second_ctrl_c_leaves_the_engines_to_their_watchdogs(gate: tuple[str, ...]) -> None:
    ran = stopped(gate, after_s=6.0, again_after_s=0.05)

    assert ran.left == ()
    assert ran.status == Exit.INTERRUPTED
    assert "Traceback" not in ran.err
