"""Runs CMake: configures and builds one target, without anything of the user's environment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from engine_ci.artifact import toolchain
from engine_ci.artifact.naming import SERVER
from engine_ci.errors import BuildError, CommandError
from engine_ci.system import command

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_TIMEOUT_S: Final = 4 * 3600.0
# Ninja says `[12/214] …`, make `[ 12%] …`.
_DONE: Final = re.compile(r"\[ *(\d+)(?:/(\d+)|%)\]")


def build(
    code: Path, *, tree: Path, arguments: Sequence[str], phase: Callable[[str], None]
) -> Path:
    """Builds the server.

    Args:
        code: the folder that CMake knows.
        tree: holds `code`, and the new folder of the build; no path of it is in what comes out.
        arguments: for CMake.
        phase: told the name of every step when it begins, and how far the last one is.

    Returns:
        the folder of the program and its libraries.

    Raises:
        BuildError: the code does not build here.
    """
    # Where this machine keeps its cache is no part of the engine, nor is the date.
    plain = f"-ffile-prefix-map={tree}=."
    env = command.child_environment() | {
        "CFLAGS": plain,
        "CXXFLAGS": plain,
        "SOURCE_DATE_EPOCH": "0",
    }
    into = tree / "build"
    configure: tuple[str | Path, ...] = (
        "cmake",
        "-S",
        code,
        "-B",
        into,
        *toolchain.conveniences(),
        *arguments,
    )
    jobs = toolchain.jobs()
    compile_ = ("cmake", "--build", into, "--target", SERVER, "--parallel", str(jobs))
    try:
        phase("configure")
        command.run(configure, env=env)
        phase(f"build, {jobs} files at a time")
        command.follow(compile_, heard=Tenths(phase), env=env, timeout_s=_TIMEOUT_S)
    except CommandError as problem:
        raise BuildError(
            f"the source code could not be built: {problem}",
            hint="the flags in the pin and the compilers of this machine have to fit the code",
        ) from problem
    return into / "bin"


class Tenths:
    """Tells, of what a build says line by line, each tenth that is done, once."""

    def __init__(self, phase: Callable[[str], None]) -> None:
        self._phase = phase
        self._told = 0

    def __call__(self, line: str) -> None:
        """Hears one line."""
        match = _DONE.match(line)
        if match is None:
            return
        tenths = 10 * int(match[1]) // max(1, int(match[2] or 100))
        if tenths > self._told:
            self._told = tenths
            self._phase(f"build, {10 * tenths} % done")
