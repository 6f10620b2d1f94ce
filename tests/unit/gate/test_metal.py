"""The lines are llama.cpp's, as its source writes them; no Mac was there to write them."""

from __future__ import annotations

import pytest

from engine_ci.engine import backends
from engine_ci.gate import facts, metal
from engine_ci.records.check import Metal
from engine_ci.records.gate import Devices, EngineFacts
from tests.unit.gate.contexts import subject

LOG = """\
ggml_metal_device_init: GPU name:   MTL0 ({gpu})
ggml_metal_device_init: GPU family: MTLGPUFamilyApple7  (1007)
system_info: n_threads = 8 / 10 | MTL : EMBED_LIBRARY = 1 | CPU : NEON = 1 |
llama_model_load_from_file_impl: using device MTL0 ({gpu}) (unknown id) - 10922 MiB free
load_tensors: offloaded {layers}/3 layers to GPU
"""


def engine(found: Devices | None, *, platform: str = "macos-arm64") -> EngineFacts:
    facts = subject("1.0", tree="a").facts
    return EngineFacts.model_validate(facts.model_dump() | {"platform": platform, "devices": found})


def logged(gpu: str, *, layers: int = 3) -> EngineFacts:
    one = subject("1.0", tree="a")
    one.computes.append(backends.parse(LOG.format(gpu=gpu, layers=layers).splitlines()))
    return engine(facts.told(one).devices)


def test_on_a_macs_own_gpu_they_ran() -> None:
    assert metal.kernels(logged("Apple M1 Pro")) == Metal(state="ran")


def test_on_a_hosted_runners_gpu_they_did_not() -> None:
    found = metal.kernels(logged("Apple Paravirtual device"))

    assert found == Metal(
        state="not-run", why="the GPU is a virtual machine's (Apple Paravirtual device)"
    )


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        (engine(Devices(backends=("CPU",)), platform="ubuntu-x64"), "ubuntu-x64 has no Metal"),
        (engine(Devices(backends=("BLAS", "CPU"))), "the engine found no Metal device"),
        (
            engine(Devices(backends=("CPU", "MTL"), gpus=("Apple M1",))),
            "no layer of the model went to the GPU",
        ),
        (logged("Apple M1", layers=0), "no layer of the model went to the GPU"),
        (
            engine(None),
            "no log was read that names a device, which the suite `lifecycle` does",
        ),
    ],
)
def test_anything_else_is_no_run_of_metal_and_says_why(facts: EngineFacts, why: str) -> None:
    assert metal.kernels(facts) == Metal(state="not-run", why=why)
