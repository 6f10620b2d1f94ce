from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine_ci.engine.catalog import profile
from engine_ci.engine.profiles import Profile
from tests.unit.engine.test_executables import noted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


@pytest.fixture
def bundle(tmp_path: Path) -> Callable[[Mapping[str, int]], Profile]:
    """The profile of files that need a level of x86-64, as bits."""

    def made(files: Mapping[str, int]) -> Profile:
        program = tmp_path / "bin" / "llama-server"
        program.parent.mkdir()
        for name, bits in {program.name: 0, **files}.items():
            (program.parent / name).write_bytes(noted(bits))
        return profile(tmp_path, program=program)

    return made


def test_backends_are_named_by_their_files(bundle: Callable[[Mapping[str, int]], Profile]) -> None:
    names = (
        *("libggml-base.so", "libggml.so", "libllama.so", "libggml-cpu.so", "libggml-cpu.so.0.9"),
        *("libggml-vulkan.so", "ggml-cuda.dll", "libggml-metal.0.dylib", "ggml-rpc.txt"),
    )

    found = bundle(dict.fromkeys(names, 0))

    assert found.backends == {"cpu", "vulkan", "cuda", "metal"}
    assert found.variants == frozenset()


def test_a_bundle_of_one_file_does_not_tell(
    bundle: Callable[[Mapping[str, int]], Profile], tmp_path: Path
) -> None:
    assert bundle({}) == Profile(name=str(tmp_path))


def test_variants_of_the_cpu_backend_are_told_apart(
    bundle: Callable[[Mapping[str, int]], Profile],
) -> None:
    names = (
        *("libggml-cpu-haswell.so", "libggml-cpu-armv8.2_1.so", "libggml-blas-x.so"),
        "libggml-cpu-zen4.so.0",
    )

    found = bundle(dict.fromkeys(names, 0))

    assert found.backends == {"cpu", "blas"}
    assert found.variants == {"haswell", "armv8.2_1", "zen4"}


def test_the_level_that_a_file_needs_is_that_of_its_highest_copy(
    bundle: Callable[[Mapping[str, int]], Profile],
) -> None:
    found = bundle({
        "llama-server": 3, "libggml-base.so": 7, "libggml-base.so.0": 3, "libllama.so": 0,
        "_engine.abi3.so": 15, "libggml-cpu-zen4.so": 15,
    })  # fmt: skip

    assert found.levels == {"llama-server": 2, "libggml-base": 3}


def test_a_file_that_cannot_be_read_does_not_tell(tmp_path: Path) -> None:
    program = tmp_path / "llama-server"
    program.write_bytes(noted(15))
    (tmp_path / "libllama.so").symlink_to("/proc/self/mem")

    missing = profile(tmp_path, program=tmp_path / "other")

    assert missing.levels == {}
