"""What a release is made of, built once, and an environment that has nothing but its wheel."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from subprocess import CompletedProcess

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Release:
    """The files of a release; the wheel was made of the source distribution."""

    sdist: Path
    wheel: Path


@dataclass(frozen=True, kw_only=True)
class Installed:
    """The wheel in an environment of its own, and its dependencies."""

    bin: Path

    def run(self, *argv: str, cwd: Path, **more: str) -> CompletedProcess[str]:
        """Runs a program of it; of our environment it sees where homes and the index are."""
        kept = ("HOME", "PATH", "LANG", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")
        env = {name: os.environ[name] for name in kept if name in os.environ} | more
        env |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        return subprocess.run(
            [self.bin / argv[0], *argv[1:]],
            cwd=cwd,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )


def found(folder: str, pattern: str, *, at: str) -> dict[str, bytes]:
    """Files of the repository by the path that the wheel gives them."""
    return {
        f"{at}/{path.relative_to(ROOT / folder).as_posix()}": path.read_bytes()
        for path in (ROOT / folder).glob(pattern)
        if path.is_file() and path.suffix != ".pyc"
    }


def build(*options: str, into: Path) -> None:
    """Builds as a release does, but with the tools that are here."""
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", into, *options, ROOT],
        env={**os.environ, "SOURCE_DATE_EPOCH": "1600000000"},
        stdout=subprocess.DEVNULL,
        check=True,
    )


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    folder = tmp_path_factory.mktemp("dist")
    build(into=folder)
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return Release(sdist=sdist, wheel=wheel)


@pytest.fixture(scope="session")
def installed(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    found = Installed(bin=folder / "bin")
    done = found.run(
        "python", "-m", "pip", "install", "--quiet", "--no-compile",
        "--constraint", str(ROOT / "constraints.txt"), str(release.wheel), cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return found
