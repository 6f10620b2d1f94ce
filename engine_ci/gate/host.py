"""Reads what machine this is: the facts that a comparison of two reports needs."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import psutil

from engine_ci.records.gate import Host

_CPUINFO = Path("/proc/cpuinfo")


def facts(*, cpuinfo: Path = _CPUINFO) -> Host:
    """This machine. `cpuinfo` names the processor on Linux, where `platform` does not."""
    return Host(
        system=f"{platform.system()} {platform.release()}",
        machine=platform.machine(),
        processor=_model_name(cpuinfo) or platform.processor() or "unknown",
        cores=os.cpu_count() or 1,
        memory=psutil.virtual_memory().total,
        python=platform.python_version(),
    )


def _model_name(cpuinfo: Path) -> str | None:
    """The first `model name` of `/proc/cpuinfo`."""
    if not cpuinfo.is_file():
        return None
    for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return None
