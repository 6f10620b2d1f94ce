from __future__ import annotations

import pytest

from engine_ci.engine.backends import Backends
from engine_ci.gate.checking import NotAskedError
from engine_ci.gate.fallback import judge
from engine_ci.records.gate import Status

CPU = {"CPU": frozenset({"AVX", "AVX2"})}
ON_CPU = Backends(features=CPU, devices={"CPU": "AMD EPYC"})
ON_GPU = Backends(
    loaded=frozenset({"MTL", "CPU"}),
    features=CPU | {"MTL": frozenset({"EMBED_LIBRARY"})},
    devices={"MTL": "Apple M1"},
    offloaded=(13, 13),
    families=("MTLGPUFamilyApple7",),
)
PARTLY = Backends(features=ON_GPU.features, devices=ON_GPU.devices, offloaded=(12, 13))
OTHER_GPU = Backends(
    features=ON_GPU.features,
    devices=ON_GPU.devices,
    offloaded=(13, 13),
    families=("MTLGPUFamilyApple9",),
)


@pytest.mark.parametrize("engine", [ON_CPU, ON_GPU])
def test_what_computes_as_before_passes_and_says_with_what(engine: Backends) -> None:
    found = judge(engine, engine)

    assert found.status is Status.PASS
    assert found.observed == str(engine)
    assert found.detail == f"the baseline: {engine}"


@pytest.mark.parametrize(
    ("candidate", "reason"),
    [
        pytest.param(ON_CPU, "lost: MTL; 0 layers on the GPU instead of 13", id="all-on-the-cpu"),
        pytest.param(PARTLY, "12 layers on the GPU instead of 13", id="one-layer-on-the-cpu"),
        pytest.param(
            Backends(loaded=frozenset({"CPU"})),
            "lost: MTL; 0 layers on the GPU instead of 13",
            id="a-library-that-was-not-loaded",
        ),
    ],
)
def test_a_fall_back_fails_with_what_was_lost(candidate: Backends, reason: str) -> None:
    found = judge(candidate, ON_GPU)

    assert found.status is Status.FAIL
    assert found.observed.startswith(f"{reason}; backends")


def test_a_gain_passes_and_is_told() -> None:
    found = judge(ON_GPU, ON_CPU)

    assert found.status is Status.PASS
    assert found.observed.startswith("new: MTL; backends CPU, MTL")


def test_fewer_instructions_are_shown_to_a_person() -> None:
    found = judge(Backends(features={"CPU": frozenset({"AVX"})}), ON_CPU)

    assert found.status is Status.WARN
    assert found.observed.startswith("without AVX2; backends CPU")


def test_another_family_of_the_gpu_is_shown_to_a_person() -> None:
    found = judge(OTHER_GPU, ON_GPU)

    assert found.status is Status.WARN
    assert "GPU family MTLGPUFamilyApple7 became MTLGPUFamilyApple9" in found.observed


def test_a_kind_of_line_that_one_build_does_not_write_is_no_loss() -> None:
    loads_blas = Backends(loaded=frozenset({"BLAS", "CPU"}), features=CPU)

    assert judge(Backends(features=CPU), loads_blas).status is Status.PASS
    assert judge(loads_blas, Backends(features=CPU)).status is Status.PASS


@pytest.mark.parametrize(
    ("candidate", "baseline", "whose"),
    [(Backends(), ON_GPU, "candidate"), (ON_GPU, Backends(), "baseline")],
)
def test_a_log_that_says_nothing_is_no_pass(
    candidate: Backends, baseline: Backends, whose: str
) -> None:
    with pytest.raises(NotAskedError, match=f"the {whose}'s log does not say which backends"):
        judge(candidate, baseline)
