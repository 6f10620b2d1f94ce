"""Names what a processor lacks that an engine died for, where its log tells for what it was built.

Builds that write the line `system_info` only when they are verbose often tell nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine_ci.engine import backends, cpuinfo, processors
from engine_ci.engine import log as logs

if TYPE_CHECKING:
    from pathlib import Path

    from engine_ci.engine.process import Stopped

# What a build for AMX writes where the system does not let it use that.
_AMX: Final = "AMX is not ready to be used!"


def missing(log: Path, *, has: frozenset[str] | None) -> tuple[str, ...]:
    """Features that the engine of a log was built for and a processor lacks, in Linux's words.

    Args:
        log: of the engine.
        has: the processor's features; None where nobody tells.
    """
    lines = logs.head(log)
    built = processors.of_build(backends.parse(lines).features.get(backends.CPU, ()))
    amx = {"amx"} if any(_AMX in line for line in lines) else set()
    return tuple(sorted({*processors.lacking(built, has), *amx}))


def explanation(stopped: Stopped, *, log: Path) -> str:
    """The end of a sentence on an engine that ended; empty where it did not end of that."""
    if stopped.signal != "SIGILL" or not (names := missing(log, has=cpuinfo.features())):
        return ""
    return f"; it was built for {', '.join(names)}, which this machine lacks"
