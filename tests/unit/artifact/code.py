"""Source code of a toy engine in the shape of llama.cpp's, and a CMake that only pretends."""

from __future__ import annotations

import hashlib
import io
import shutil
import tarfile
from typing import TYPE_CHECKING

from engine_ci.pins.model import Patch
from tests.unit.artifact import wheels

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CMAKE = b"""cmake_minimum_required(VERSION 3.16)
project(toy C)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
add_library(llama SHARED llama.c)
set_target_properties(llama PROPERTIES VERSION 0.0.1 SOVERSION 0)
target_compile_definitions(llama PRIVATE NUMBER=${LLAMA_BUILD_NUMBER})
target_compile_definitions(llama PRIVATE COMMIT="${LLAMA_BUILD_COMMIT}")
add_library(ggml-cpu MODULE cpu.c)
add_executable(llama-server server.c)
target_link_libraries(llama-server llama)
add_dependencies(llama-server ggml-cpu)
"""
FILES: Mapping[str, bytes] = {
    "CMakeLists.txt": CMAKE,
    "vendor/CMakeLists.txt": b"",
    "LICENSE": wheels.LICENCE,
    "llama.c": b"int LLAMA_BUILD_NUMBER = NUMBER;\nconst char * LLAMA_COMMIT = COMMIT;\n"
    b"int answer(void) {\n    return 41;\n}\nconst char * where(void) { return __FILE__; }\n",
    "cpu.c": b"int ggml_backend_init(void) { return 0; }\n",
    "server.c": b"int answer(void);\nint main(void) { return answer(); }\n",
}
PATCH = b"""one line that says why
--- a/llama.c
+++ b/llama.c
@@ -3,3 +3,3 @@
 int answer(void) {
-    return 41;
+    return 42;
 }
"""


def archive(
    folder: Path, files: Mapping[str, bytes] = FILES, *, links: Mapping[str, str] | None = None
) -> Path:
    """A source distribution that holds the code one folder down."""
    path = folder / "toy_code-11434.0.0.tar.gz"
    with tarfile.open(path, "w:gz") as packed:
        for name, content in files.items():
            info = tarfile.TarInfo(f"toy_code-11434.0.0/llama.cpp/{name}")
            info.size = len(content)
            packed.addfile(info, io.BytesIO(content))
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(f"toy_code-11434.0.0/llama.cpp/{name}")
            info.type, info.linkname = tarfile.SYMTYPE, target
            packed.addfile(info)
    return path


def patch(folder: Path, content: bytes = PATCH, *, name: str = "answer.patch") -> Patch:
    """A patch of the app's, in its folder."""
    (folder / name).write_bytes(content)
    return Patch(file=name, sha256=hashlib.sha256(content).hexdigest())


def pretended_cmake(folder: Path, *, build: str = "true") -> Path:
    """A folder for PATH whose `cmake` notes what it is asked, and "builds" the toy engine.

    Args:
        folder: a new folder there is `tools`, with the notes in `asked` and `environment`.
        build: a line of shell that runs in the folder of the build, once that is done.
    """
    tools = folder / "tools"
    engine = folder / "engine"
    tools.mkdir()
    engine.mkdir()
    for name, content in wheels.engine().items():
        path = engine / name.removeprefix("toy_engine/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for library in (engine / "lib").iterdir():
        shutil.copy(library, engine / "bin")
    # Elsewhere than in bin/, a library would not be taken.
    shutil.rmtree(engine / "lib")
    _program(
        tools / "cmake",
        f'echo "$@" >> {folder}/asked',
        'if [ "$1" = --version ]; then echo "cmake version 3.99"; echo more; exit; fi',
        f"env > {folder}/environment",
        '[ "$1" = --build ] || exit 0',
        f'mkdir -p "$2" && cp -R {engine}/bin "$2" && cd "$2"',
        build,
    )
    for compiler in ("cc", "c++"):
        _program(tools / compiler, f'echo "{compiler} 12.2"')
    return tools


def _program(path: Path, *lines: str) -> None:
    path.write_text("\n".join(("#!/bin/sh", *lines, "")), encoding="utf-8")
    path.chmod(0o755)
