"""Finds out what this machine has, from a few small files; no engine or driver is loaded for it.

What it cannot have is told only where the system tells it. All else is unknown, and not absent.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

from engine_ci.engine import cpuinfo
from engine_ci.engine.profiles import Host
from engine_ci.errors import CommandError
from engine_ci.system import command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_BYTES: Final = 1 << 22
_SYSCTL: Final = (
    *("/usr/sbin/sysctl", "-n", "machdep.cpu.features", "machdep.cpu.leaf7_features"),
    "machdep.cpu.extfeatures",
)
_SYSCTL_S: Final = 5.0
# What macOS calls otherwise than Linux does.
_RENAMED: Final = {
    "avx1.0": "avx",
    "avx512vnni": "avx512_vnni",
    "lahf": "lahf_lm",
    "lzcnt": "abm",
    "sse3": "pni",
    "sse4.1": "sse4_1",
    "sse4.2": "sse4_2",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Places:
    """Where Linux tells of itself.

    Attributes:
        cpuinfo: of its processors.
        libraries: the cache of ld.so, which names all libraries that a program finds by name.
        drivers: folders in which drivers for Vulkan describe themselves.
    """

    cpuinfo: Path = Path("/proc/cpuinfo")
    libraries: Path = Path("/etc/ld.so.cache")
    drivers: tuple[Path, ...] = (
        Path("/etc/vulkan/icd.d"),
        Path("/usr/local/share/vulkan/icd.d"),
        Path("/usr/share/vulkan/icd.d"),
    )


def _sysctl() -> str:
    return command.run(_SYSCTL, timeout_s=_SYSCTL_S).stdout


def host(
    *,
    system: str | None = None,
    machine: str | None = None,
    places: Places = Places(),
    sysctl: Callable[[], str] = _sysctl,
) -> Host:
    """What is known of this machine.

    Args:
        system: in place of what `platform.system` says.
        machine: in place of what `platform.machine` says.
        places: in place of Linux's own.
        sysctl: in place of what macOS says of a processor of Intel's.
    """
    system, machine = system or platform.system(), machine or platform.machine()
    return Host(
        features=_features(system, machine, places=places, sysctl=sysctl),
        memory=psutil.virtual_memory().total,
        lacks=dict(_lacks(system, places=places)),
    )


def _features(
    system: str, machine: str, *, places: Places, sysctl: Callable[[], str]
) -> frozenset[str] | None:
    if (system, machine) != ("Darwin", "x86_64"):
        return cpuinfo.features(places.cpuinfo)
    try:
        words = sysctl().lower().split()
    except CommandError:
        return None
    return frozenset(_RENAMED.get(word, word) for word in words) or None


def _lacks(system: str, *, places: Places) -> Iterator[tuple[str, str]]:
    if system == "Darwin":
        yield "cuda", "macOS has no driver for it"
        return
    yield "metal", "only macOS has it"
    try:
        libraries = _read(places.libraries)
    except OSError:  # programs find libraries in another way here
        return
    if b"libcuda.so.1\0" not in libraries:
        yield "cuda", f"{places.libraries} names no libcuda.so.1, which comes with its driver"
    if not any(path for folder in places.drivers for path in folder.glob("*.json")):
        yield "vulkan", f"no driver in {', '.join(map(str, places.drivers))}"


def _read(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(_BYTES)
