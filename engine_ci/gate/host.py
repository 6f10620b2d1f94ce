"""Reads what machine this is: the facts that a comparison of two reports needs."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import psutil

from engine_ci.engine.cpuinfo import processor
from engine_ci.records.gate import Host

_CPUINFO = Path("/proc/cpuinfo")


def facts(*, cpuinfo: Path = _CPUINFO) -> Host:
    """This machine. `cpuinfo` names the processor on Linux, where `platform` does not."""
    return Host(
        system=f"{platform.system()} {platform.release()}",
        machine=platform.machine(),
        processor=processor(cpuinfo).get("model name") or platform.processor() or "unknown",
        cores=os.cpu_count() or 1,
        memory=psutil.virtual_memory().total,
        python=platform.python_version(),
    )
