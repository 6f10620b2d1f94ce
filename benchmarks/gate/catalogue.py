"""The engines that the gate is tried on: broken on purpose, by history, and their neighbours.

A planted fault is a file in `patches/`, one line of llama.cpp at the base build edited. A fault of
history is a build that had it, or a file in `history/`, which takes its repair back at the base
build. The first line of such a file names the class of the fault and says what a user would see.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from engine_ci.config import ALL_SUITES
from engine_ci.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Kind: TypeAlias = Literal["base", "planted", "historic", "neighbour"]

PATCHES: Final = Path(__file__).with_name("patches")
HISTORY: Final = Path(__file__).with_name("history")
BASE: Final = "b11434"

# Speed is measured where a fault is one of speed; elsewhere it would only cost a minute.
SPEED: Final = ("performance",)
CORRECTNESS: Final = tuple(suite for suite in ALL_SUITES if suite not in SPEED)

# sha256 of the source distribution of each build, as the package index published it.
SDISTS: Final = {
    11434: "b0a2feb64c6fbd09f12af230734f072dd819ecb0ebd259565e1d6e9c34007e45",
    10429: "83e2589e3d91c0e53e8d04b523fbf8d14bb773ea935f1093e1564504c409f67a",
    10423: "729d2ad46a344ecb708b44a317c4e5bb9b18b6b71063160b20ebf5b008d03a28",
    9811: "a8b5198db426c1a646582838652da47340adf5e96e4dbff9b3b08979c27d8392",
    9802: "f6a49a118f1dc18a9b57e3d8437fe0a1af8c68017a367792fc4d016378aca5cb",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """One program to build and to gate.

    Attributes:
        build: the upstream build whose source it is made of.
        says: what a user would see, or why it is here.
        fault_class: that the gate should report; empty for an engine that should pass.
        baseline: the name of the engine that it is compared with.
        patch: the edit that breaks it.
        suites: what is asked.
    """

    name: str
    build: int
    kind: Kind
    says: str
    fault_class: str = ""
    baseline: str = BASE
    patch: Path | None = None
    suites: tuple[str, ...] = CORRECTNESS


UPSTREAM: Final = (
    Engine(name=BASE, build=11434, kind="base", says="the build that the patches edit"),
    Engine(
        name="b10429",
        build=10429,
        kind="historic",
        fault_class="performance",
        says="#27126: generation is 10 to 15 times slower on many cores, since decoding moved to "
        "another thread",
        baseline="b10423",
        suites=SPEED,
    ),
    Engine(
        name="b10423",
        build=10423,
        kind="neighbour",
        says="the last build before #27126 that the index has, beside one of 600 builds earlier",
        baseline="b9811",
    ),
    Engine(
        name="b9802",
        build=9802,
        kind="historic",
        fault_class="crash-load",
        says="no Mamba 2 model loads: the number of attention heads, 0, is taken for that of the "
        "state-space heads",
        baseline="b9811",
    ),
    Engine(
        name="b9811",
        build=9811,
        kind="neighbour",
        says="the first build in the index in which Mamba 2 loads again, beside itself",
        baseline="b9811",
    ),
)


def engines(names: Sequence[str] = ()) -> tuple[Engine, ...]:
    """All engines, the base first, or those named.

    Raises:
        UsageError: there is no engine of that name.
    """
    patched = (*broken(PATCHES, kind="planted"), *broken(HISTORY, kind="historic"))
    every = {engine.name: engine for engine in (*UPSTREAM, *patched)}
    unknown = [name for name in names if name not in every]
    if unknown:
        raise UsageError(f"there is no engine `{unknown[0]}`", hint=f"there are {', '.join(every)}")
    return tuple(every[name] for name in names or every)


def broken(folder: Path, *, kind: Kind) -> list[Engine]:
    """One broken engine for each patch in the folder."""
    return [
        Engine(
            name=patch.stem,
            build=UPSTREAM[0].build,
            kind=kind,
            fault_class=fault_class,
            says=says.strip(),
            patch=patch,
            suites=ALL_SUITES if fault_class in SPEED else CORRECTNESS,
        )
        for patch in sorted(folder.iterdir())
        for fault_class, _, says in [patch.read_text().splitlines()[0].partition(":")]
    ]


# Why the gate passes an engine that is broken, for those that it passes.
WHY_MISSED: Final[Mapping[str, str]] = {
    "b10429": "does not show on two cores, whatever the number of threads (`benchmarks/gate/"
    "reproduce.py`), and the suite would not see it: it measures with one thread.",
}
