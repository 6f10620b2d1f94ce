"""Builds `llama-server` from source code with CMake, once for each code, patches, flags and tools.

All builds use one place, one after the other, so that a compiler's cache (ccache, where there is
one) knows the files again; no path of it reaches the engine.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filelock import FileLock

from engine_ci.artifact import cmake, patches, toolchain, unpack
from engine_ci.artifact.naming import SERVER
from engine_ci.errors import RecordError, VerificationError
from engine_ci.pins.model import WHOLE_COMMIT
from engine_ci.records.bundle import BuiltFrom
from engine_ci.system import documents
from engine_ci.system.documents import Sha256, Versioned

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine_ci.artifact.fetch import Fetched
    from engine_ci.pins.model import Patch

_ENTRY: Final = "CMakeLists.txt"
_RESULT: Final = "result"
_FILES: Final = "files"
_RECORD: Final = "build.json"
_LICENCES: Final = ("LICEN[CS]E*", "COPYING*", "NOTICE*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """What is made of source code.

    Attributes:
        commit: upstream's; None where nobody says.
        build: upstream's number, which the engine will tell.
        flags: for CMake.
        patches: in this order.
        root: where their paths begin.
        minimum_os: the oldest macOS that the engine is built for; None elsewhere.
    """

    commit: str | None
    build: int | None
    flags: tuple[str, ...]
    patches: tuple[Patch, ...] = ()
    root: Path
    minimum_os: str | None = None

    @property
    def parent(self) -> str | None:
        """The commit that patches are put on, where it is known whole."""
        return self.commit if self.commit and len(self.commit) == WHOLE_COMMIT else None

    def arguments(self) -> tuple[str, ...]:
        """The flags, and those that follow from the rest."""
        told = {
            "LLAMA_BUILD_NUMBER": self.build,
            "LLAMA_BUILD_COMMIT": self.commit,
            "CMAKE_OSX_DEPLOYMENT_TARGET": self.minimum_os,
        }
        return (
            *self.flags,
            # CMake's own run paths for a build end with an empty entry: the current folder.
            "-DCMAKE_BUILD_WITH_INSTALL_RPATH=ON",
            f"-DCMAKE_INSTALL_RPATH={_beside()}",
            *(f"-D{name}={value}" for name, value in told.items() if value is not None),
        )


def _beside() -> str:
    """Where libraries are looked for: beside the program, wherever that is."""
    return "@loader_path" if platform.system() == "Darwin" else "$ORIGIN"


class Build(Versioned):
    """What lies beside the files of a build.

    Attributes:
        sha256: over the paths and bytes of the files.
    """

    built: BuiltFrom
    sha256: Sha256


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """An engine and its libraries in a folder, and how they were made."""

    folder: Path
    built: BuiltFrom


def ensure(
    source: Fetched,
    recipe: Recipe,
    *,
    name: str,
    cache: Path,
    phase: Callable[[str], None] = lambda _: None,
) -> Built:
    """The engine of that code and recipe, built if it is not in the cache, or not whole there.

    Args:
        source: the archive with the code.
        recipe: what to make of it.
        name: what the archive is called.
        cache: the user's folder; builds lie in it as `source-builds/<key>`.
        phase: told the name of every step when it begins.

    Raises:
        VerificationError: the archive holds no code that CMake knows, or a patch does not apply.
        OutsideError: a program is missing, or the build failed.
    """
    tools = toolchain.versions(recipe.flags)
    patches.check(recipe.patches, root=recipe.root)
    home = cache / "source-builds"
    place = home / key(source.sha256, recipe, tools=tools)
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(home / "tree.lock"):
        built = _cached(place)
        if built is None:
            tree = home / "tree"
            built = _made(source, recipe, name=name, tools=tools, tree=tree, phase=phase)
            shutil.rmtree(place, ignore_errors=True)
            (tree / _RESULT).rename(place)
            shutil.rmtree(tree)
    return Built(folder=place / _FILES, built=built)


def key(sha256: str, recipe: Recipe, *, tools: tuple[str, ...]) -> str:
    """Changes with all that decides what comes out: code, patches, flags and programs."""
    parts = [sha256, [patch.sha256 for patch in recipe.patches], recipe.arguments(), tools]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _cached(place: Path) -> BuiltFrom | None:
    try:
        record = documents.load_json(place / _RECORD, Build, error=RecordError)
    except RecordError:
        return None
    return record.built if _digest(place / _FILES) == record.sha256 else None


def _digest(folder: Path) -> str:
    lines = [
        f"{path.relative_to(folder).as_posix()}\0"
        f"{path.readlink() if path.is_symlink() else documents.sha256_of(path)}\n"
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _made(
    source: Fetched,
    recipe: Recipe,
    *,
    name: str,
    tools: tuple[str, ...],
    tree: Path,
    phase: Callable[[str], None],
) -> BuiltFrom:
    """Leaves the files and their record as `result` in the one place that all builds use."""
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir()
    phase("unpack the source code")
    code = _code(source.path, name=name, tree=tree)
    if recipe.patches:
        phase("patch")
    patched = patches.apply(
        recipe.patches,
        root=recipe.root,
        tree=code,
        repository=tree / "git",
        parent=recipe.parent,
    )
    made = cmake.build(code, tree=tree, arguments=recipe.arguments(), phase=phase)
    files = tree / _RESULT / _FILES
    _collect(made, code=code, into=files)
    built = BuiltFrom(
        commit=recipe.commit,
        patched=patched,
        patches=recipe.patches,
        flags=recipe.arguments(),
        toolchain=tools,
    )
    record = Build(schema=1, built=built, sha256=_digest(files))
    documents.write(tree / _RESULT / _RECORD, documents.dump_json(record))
    return built


def _code(archive: Path, *, name: str, tree: Path) -> Path:
    """The folder of the code: the one nearest to the top of the archive that CMake knows."""
    unpacked = tree / "unpacked"
    with unpack.opened(archive, name=name, into=unpacked) as opened:
        for path, entry in opened.entries.items():
            file = opened.unpack(path).path
            if entry.target is not None:
                link = unpacked / path
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(os.path.relpath(file, link.parent))
    found = sorted(unpacked.rglob(_ENTRY), key=lambda path: (len(path.parts), path))
    if not found:
        raise VerificationError(f"{name}: there is no {_ENTRY} in it, so there is nothing to build")
    return found[0].parent.rename(tree / "source")


def _collect(built: Path, *, code: Path, into: Path) -> None:
    """The program and its libraries, and the licences that go with them."""
    if not (built / SERVER).is_file():
        raise VerificationError(f"the build left no bin/{SERVER}")
    shutil.copytree(built, into / "bin", symlinks=True)
    for pattern in _LICENCES:
        for licence in filter(Path.is_file, sorted(code.glob(pattern))):
            shutil.copy(licence, into)
