from __future__ import annotations

import os

import psutil
import pytest

from benchmarks.gate_cost import Seen


def test_engines_side_by_side_count_once_where_any_engine_counts() -> None:
    seen = Seen(engines={1: (10.0, 14.0), 2: (11.0, 12.0), 3: (13.0, 15.0), 4: (20.0, 21.0)})

    assert seen.sum_s == pytest.approx(8.0)
    assert seen.any_s == pytest.approx(6.0)


def test_a_process_that_started_nothing_is_all_there_is() -> None:
    seen = Seen()

    seen.look(psutil.Process(os.getpid()))

    assert seen.peak >= seen.alone > 0
    assert seen.engines == {}
