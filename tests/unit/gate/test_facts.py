from __future__ import annotations

from engine_ci.engine.backends import Backends
from engine_ci.gate import facts
from engine_ci.records.gate import Devices
from engine_ci.records.runtime import Grade, Measured
from tests.unit.gate.contexts import subject

SILENT = Backends()
MAC = Backends(
    loaded=frozenset({"BLAS"}),
    devices={"MTL": "Apple M1 Pro", "CPU": "Apple M1 Pro"},
    features={"CPU": frozenset({"NEON"})},
    offloaded=(3, 3),
    families=("MTLGPUFamilyApple7", "MTLGPUFamilyMetal3"),
)


def test_the_first_log_that_tells_is_recorded() -> None:
    one = subject("1.0", tree="a")
    one.computes.extend([SILENT, MAC, Backends(loaded=frozenset({"CPU"}))])

    assert facts.told(one).devices == Devices(
        backends=("BLAS", "CPU", "MTL"),
        gpus=("Apple M1 Pro",),
        families=("MTLGPUFamilyApple7", "MTLGPUFamilyMetal3"),
        layers=3,
    )
    assert facts.told(one).version == "1.0"


def test_where_no_log_tells_nothing_is_recorded() -> None:
    one = subject("1.0", tree="a")
    one.computes.append(SILENT)

    assert facts.told(one) == one.facts
    assert facts.told(one).devices is None


def test_a_log_without_layers_on_a_gpu_says_so() -> None:
    one = subject("1.0", tree="a")
    one.computes.append(Backends(loaded=frozenset({"CPU"})))

    assert facts.told(one).devices == Devices(backends=("CPU",), layers=None)


def test_the_last_start_is_recorded() -> None:
    one = subject("1.0", tree="a")
    one.starts.extend(Measured(health=Grade.OK, start_s=seconds) for seconds in (0.5, 0.2))

    assert facts.told(one).runtime == Measured(health=Grade.OK, start_s=0.2)
    assert facts.told(subject("1.0", tree="a")).runtime is None
