"""The package `llama-cpp-python`, which has no wheel, from source: `make llama-cpp-python`.

Built once for each source, Python and flags, into the user's cache folder; the tests that run it
look for it there. About ten minutes of CPU time, the first time; needs a compiler and CMake, and
all that is fetched comes through pip.
"""

from __future__ import annotations

import hashlib
import json
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import platformdirs
from filelock import FileLock

from benchmarks.gate import engines
from engine_ci.system import pip

PACKAGE: Final = "llama-cpp-python"
VERSION: Final = "0.3.36"
SHA256: Final = "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e"
# What the package imports. It is run without anything of this environment.
NEEDS: Final = (
    "numpy==2.4.6",
    "jinja2==3.1.6",
    "markupsafe==3.0.4",
    "typing_extensions==4.16.0",
    "diskcache==5.6.3",
)
FLAGS: Final = (*engines.PORTABLE, "-DLLAVA_BUILD=OFF")
CACHE: Final = platformdirs.user_cache_path("engine-ci") / PACKAGE
# Other programs may want the same cores.
_TIMEOUT_S: Final = 2 * 60 * 60.0


def main() -> None:
    """Builds it, if it is not there, and says where it lies."""
    began = time.monotonic()
    folder = ensure()
    taken = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"{PACKAGE} {VERSION}: {time.monotonic() - began:.0f} s, "
        f"{taken.ru_utime:.0f} CPU s, {folder}"
    )


def built() -> Path | None:
    """The folder that holds the package and what it needs; None where it is not built."""
    place = CACHE / key()
    return place if place.is_dir() else None


def key() -> str:
    """Changes with all that decides what comes out."""
    parts = [SHA256, sys.implementation.cache_tag, FLAGS, NEEDS]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def ensure() -> Path:
    """The same folder, built if it is not there.

    Raises:
        VerificationError: the source is not the one that is named here.
        OutsideError: pip cannot fetch or build it.
    """
    place = CACHE / key()
    CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{place}.lock"):
        if not place.is_dir():
            partial = place.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)  # of a run that was killed
            _install(into=partial)
            partial.rename(place)
    return place


def _install(*, into: Path) -> None:
    """Pip's own cache is left out: a wheel in it may have been built with other flags."""
    how: list[str | Path] = [
        "install", "--quiet", "--no-deps", "--target", into,
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder, "wanted.txt")
        settings = ";".join(FLAGS)
        wanted.write_text(
            f"{PACKAGE}=={VERSION} --hash=sha256:{SHA256} "
            f'--config-settings="cmake.args={settings}"\n',
            encoding="utf-8",
        )
        pip.run(
            [*how, "--no-cache-dir", "--require-hashes", "--no-binary", PACKAGE, "-r", wanted],
            timeout_s=_TIMEOUT_S,
        )
    pip.run([*how, "--only-binary=:all:", *NEEDS])


if __name__ == "__main__":
    main()
