from __future__ import annotations

import pytest

from benchmarks.gate import catalogue, engines
from engine_ci.errors import UsageError

ENGINES = catalogue.engines()
PATCHES = sorted(catalogue.PATCHES.iterdir())


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: str(patch.stem))
def test_a_patch_names_its_fault_and_edits_one_line(patch: object) -> None:
    engine = next(engine for engine in ENGINES if engine.patch == patch)
    assert engine.patch is not None
    edits = [line for line in engine.patch.read_text().splitlines() if line[:1] in "+-"]
    assert [line[0] for line in edits] == ["-", "+", "-", "+"]
    assert engine.fault_class.replace("-", "").isalpha()
    assert engine.says


def test_every_engine_has_its_own_key() -> None:
    assert len({engines.key(engine) for engine in ENGINES}) == len(ENGINES)


def test_every_baseline_is_an_engine_that_is_not_patched() -> None:
    baselines = catalogue.engines([engine.baseline for engine in ENGINES])
    assert all(baseline.patch is None for baseline in baselines)


def test_speed_is_asked_where_the_fault_is_one_of_speed() -> None:
    slow = [engine for engine in ENGINES if engine.fault_class == "performance"]
    assert slow
    assert all("performance" in engine.suites for engine in slow)


def test_an_unknown_engine_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="`b1`"):
        catalogue.engines(["b1"])
