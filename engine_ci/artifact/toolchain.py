"""What source code is built with: programs and their versions, and how many jobs at a time."""

from __future__ import annotations

import os
import re
import shutil
from typing import TYPE_CHECKING, Final

import psutil

from engine_ci.system import command

if TYPE_CHECKING:
    from collections.abc import Sequence

# The largest files of llama.cpp take about this much of a compiler's memory.
JOB_MEMORY: Final = 2 << 30
_COMPILERS: Final = {"CMAKE_C_COMPILER": "cc", "CMAKE_CXX_COMPILER": "c++"}
_FLAG: Final = re.compile(r"-D(\w+)(?::[A-Z]+)?=(.*)")


def versions(flags: Sequence[str]) -> tuple[str, ...]:
    """What CMake and the compilers that it takes by these flags say of themselves, one line each.

    Raises:
        CommandError: one of them is not there.
    """
    named = {match[1]: match[2] for flag in flags if (match := _FLAG.fullmatch(flag))}
    programs = ("cmake", *(named.get(name, usual) for name, usual in _COMPILERS.items()))
    said = (command.run([program, "--version"]).stdout for program in programs)
    return tuple(text.partition("\n")[0].strip() for text in said)


def conveniences() -> tuple[str, ...]:
    """Arguments for CMake that make a build quicker and change nothing about its result."""
    ninja = ("-G", "Ninja") if shutil.which("ninja") else ()
    cache = shutil.which("ccache")
    launchers = [f"-D{name}_LAUNCHER={cache}" for name in _COMPILERS] if cache else ()
    return (*ninja, *launchers)


def jobs() -> int:
    """How many compilers may run at a time: no more than cores, nor than fit into free memory."""
    return max(1, min(os.cpu_count() or 1, psutil.virtual_memory().available // JOB_MEMORY))
