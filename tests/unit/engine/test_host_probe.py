from __future__ import annotations

import platform
from dataclasses import replace
from typing import TYPE_CHECKING

import psutil
import pytest

from engine_ci.engine import host_probe
from engine_ci.engine.host_probe import Places, host
from engine_ci.errors import CommandError

if TYPE_CHECKING:
    from pathlib import Path

CACHE = b"glibc-ld.so.cache1.1\0libvulkan.so.1\0/lib/libvulkan.so.1\0"


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Of a Linux with a driver for Vulkan and none for CUDA."""
    found = Places(
        cpuinfo=tmp_path / "cpuinfo", libraries=tmp_path / "cache", drivers=(tmp_path / "icd.d",)
    )
    found.cpuinfo.write_text("processor\t: 0\nflags\t: fpu avx avx2\n")
    found.libraries.write_bytes(CACHE)
    found.drivers[0].mkdir()
    (found.drivers[0] / "lvp_icd.x86_64.json").touch()
    return found


def test_linux_tells_the_features_of_its_first_processor(places: Places) -> None:
    found = host(system="Linux", machine="x86_64", places=places)

    assert found.features == frozenset({"fpu", "avx", "avx2"})
    assert found.memory == psutil.virtual_memory().total


def test_a_driver_that_the_system_does_not_name_is_lacking(places: Places) -> None:
    found = host(system="Linux", places=places)

    assert found.lacks == {
        "cuda": f"{places.libraries} names no libcuda.so.1, which comes with its driver",
        "metal": "only macOS has it",
    }


def test_a_driver_that_the_system_names_is_not_lacking(places: Places) -> None:
    places.libraries.write_bytes(CACHE + b"libcuda.so.1\0/lib/libcuda.so.1\0")

    assert host(system="Linux", places=places).lacks.keys() == {"metal"}


def test_without_a_driver_that_describes_itself_there_is_no_vulkan(places: Places) -> None:
    empty = replace(places, drivers=(places.drivers[0] / "none", places.drivers[0].parent))

    found = host(system="Linux", places=empty)

    assert found.lacks["vulkan"] == f"no driver in {empty.drivers[0]}, {empty.drivers[1]}"


def test_of_a_system_that_finds_libraries_otherwise_nothing_is_known(places: Places) -> None:
    places.libraries.unlink()

    assert host(system="Linux", places=places).lacks.keys() == {"metal"}


def test_a_mac_may_have_all_but_cuda(places: Places) -> None:
    assert host(system="Darwin", machine="arm64", places=places).lacks.keys() == {"cuda"}


def test_what_macos_tells_of_a_processor_is_in_the_words_of_linux(places: Places) -> None:
    def sysctl() -> str:
        return "FPU SSE3 SSE4.1 AVX1.0\nAVX2 BMI2\nLAHF LZCNT\n"

    found = host(system="Darwin", machine="x86_64", places=places, sysctl=sysctl)

    expected = ("fpu", "pni", "sse4_1", "avx", "avx2", "bmi2", "lahf_lm", "abm")
    assert found.features == frozenset(expected)


def test_a_mac_whose_sysctl_does_not_tell_is_unknown(places: Places) -> None:
    def sysctl() -> str:
        raise CommandError("there is none")

    found = host(system="Darwin", machine="x86_64", places=places, sysctl=sysctl)

    assert found.features is None


def test_sysctl_is_asked_for_three_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        host_probe,
        "_SYSCTL",
        ("echo", *(name.rpartition(".")[2] for name in host_probe._SYSCTL[1:])),
    )

    found = host(system="Darwin", machine="x86_64")

    assert found.features == frozenset({"features", "leaf7_features", "extfeatures"})


def test_this_machine_has_something() -> None:
    found = host()

    assert found.memory > 2**28
    assert ("metal" in found.lacks) is (platform.system() != "Darwin")


def test_of_a_file_without_end_only_the_beginning_is_read(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_probe, "_BYTES", 20)
    places.libraries.write_bytes(CACHE + b"libcuda.so.1\0")

    assert "cuda" in host(system="Linux", places=places).lacks
