"""Is there a program that this host can run, and a model for it? Asked before every start.

What could not run anyway is refused with a reason, so that it costs nothing of the budget for
restarts. Here is what the beginnings of two files tell.
"""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING

from engine_ci.engine import executables, model_file

if TYPE_CHECKING:
    from pathlib import Path


def refusal(program: Path, model: Path) -> str | None:
    """Why a program cannot serve a model on this host, if so."""
    return _of_program(program) or model_file.flaw(model)


def _of_program(program: Path) -> str | None:
    if not program.is_file():
        return f"{program}: there is no such program"
    if not os.access(program, os.X_OK):
        return f"{program}: is not executable"
    try:
        with program.open("rb") as stream:
            head = stream.read(executables.HEAD_BYTES)
    except OSError:  # it may be run all the same
        return None
    system, machine = platform.system(), platform.machine()
    other = executables.misfit(head, system=system, machine=machine)
    return f"{program}: is for {other}, and this host is {system} {machine}" if other else None
