"""The package index, through pip: its own configuration, its own network, no address of ours.

Where there is a mirror, that is all the index there is.

pip's answers hold addresses of the index; only file names, versions and digests leave this module.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from engine_ci.errors import CommandError, EngineCIError, OutsideError, VerificationError
from engine_ci.system import command, mirror

if TYPE_CHECKING:
    from collections.abc import Sequence

_WHEELS = "--only-binary=:all:"
_AVAILABLE = re.compile(r"^Available versions: (.+)$", re.MULTILINE)
_ADDRESS = re.compile(r"\b[a-z+]+://\S+|host='[^']*'")
_CHECK = "check the network, pip's configuration (`pip config list`) and the version"
_CPYTHON = re.compile(r"^cp(\d)(\d+)$")

# What pip says when the bytes are at fault and not the way to them.
_BAD_BYTES = re.compile(
    r"DO NOT MATCH THE HASHES|Wheel .* is invalid|has an invalid wheel|inconsistent (name|version)"
    r"|incomplete-download|IncompleteRead"
)
_DIGESTS = re.compile(r"Expected sha256 ([0-9a-f]{64})\s+Got +([0-9a-f]{64})")


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A file that pip would install: its name and the digest that the index published."""

    name: str
    sha256: str


def run(arguments: Sequence[str | Path], *, timeout_s: float = 1800.0) -> str:
    """Runs pip, with its own configuration and `PIP_*` variables, and returns its stdout.

    Raises:
        VerificationError: pip got a file that is not what was asked for.
        OutsideError: no pip, no network, no such package or version.
    """
    # -P: a file called pip.py in the current folder must not be what runs.
    argv = [sys.executable, "-P", "-m", "pip", *arguments]
    env = (
        command.child_environment("PIP_")
        | mirror.pip_variables()
        | {
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_INPUT": "1",
            "PIP_NO_COLOR": "1",
        }
    )
    try:
        return command.run(argv, env=env, timeout_s=timeout_s).stdout
    except CommandError as error:
        raise _failure(str(arguments[0]), error) from None


def index_versions(package: str, *, tags: Sequence[str] = ()) -> list[str]:
    """The versions of a package that have a wheel for `tags`, newest first."""
    return _versions(package, options=(_WHEELS, *options_for(tags)))


def source_versions(package: str) -> list[str]:
    """The versions of a package, newest first; pip 23 lists those too that are wheels alone."""
    return _versions(package, options=_sources(package))


def _versions(package: str, *, options: Sequence[str]) -> list[str]:
    said = run(["index", "versions", *options, package])
    found = _AVAILABLE.search(said)
    if found is None:
        raise OutsideError(
            f"`pip index versions {package}` gave no line `Available versions:`",
            hint="update pip: `python -m pip install --upgrade pip`",
        )
    return [version.strip() for version in found[1].split(",")]


def report(requirement: str, *, tags: Sequence[str] = ()) -> Found:
    """The file that pip would install for `requirement` alone, without its dependencies.

    Args:
        requirement: `package==version`.
        tags: wheel tags of the platform; this machine's own when empty.

    Raises:
        OutsideError: pip failed, or would install something else than one file.
    """
    return _report(requirement, options=(_WHEELS, *options_for(tags)))


def source_report(requirement: str) -> Found:
    """The source distribution that `requirement` stands for, which pip downloads.

    pip asks it for its metadata, which may run its set-up: after its digest was found to be the one
    that the index publishes.

    Raises:
        OutsideError: pip failed, or would install something else than one file.
    """
    return _report(requirement, options=_sources(requirement.partition("==")[0]))


def _report(requirement: str, *, options: Sequence[str]) -> Found:
    with tempfile.TemporaryDirectory() as target:
        said = run(
            ["install", "--dry-run", "--quiet", "--ignore-installed", "--no-deps",
             "--target", target, "--report", "-", *options, requirement],
        )  # fmt: skip
    try:
        found = [_found(item["download_info"]) for item in json.loads(said)["install"]]
    except (ValueError, KeyError, TypeError) as error:
        raise OutsideError(
            f"pip's report on {requirement} is not readable: {type(error).__name__}",
            hint="update pip: `python -m pip install --upgrade pip`",
        ) from error
    if len(found) != 1:
        raise OutsideError(f"pip reports {len(found)} files for {requirement}, expected one")
    return found[0]


def download(requirement: str, *, sha256: str, tags: Sequence[str] = (), into: Path) -> Path:
    """Downloads the one wheel of `requirement` that has the digest `sha256` into a folder.

    Returns:
        the wheel.
    """
    options = (_WHEELS, *options_for(tags))
    return _downloaded(requirement, sha256=sha256, options=options, into=into, ending=".whl")


def download_source(requirement: str, *, sha256: str, into: Path) -> Path:
    """Downloads the source distribution of `requirement` with the digest `sha256` into a folder.

    pip asks it for its metadata, which may run its set-up: after the digest was found right.

    Returns:
        the archive.
    """
    options = _sources(requirement.partition("==")[0])
    return _downloaded(requirement, sha256=sha256, options=options, into=into, ending=".tar.gz")


def _sources(package: str) -> tuple[str, ...]:
    return ("--no-binary", package)


def _downloaded(
    requirement: str, *, sha256: str, options: Sequence[str], into: Path, ending: str
) -> Path:
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder, "wanted.txt")
        wanted.write_text(f"{requirement} --hash=sha256:{sha256}\n", encoding="utf-8")
        run(
            ["download", "--quiet", "--no-deps", "--no-cache-dir", "--require-hashes",
             "--dest", into, *options, "--requirement", wanted],
        )  # fmt: skip
    found = sorted(into.glob(f"*{ending}"))
    if len(found) != 1:
        raise OutsideError(f"pip left {len(found)} files *{ending} for {requirement}, expected one")
    return found[0]


def options_for(tags: Sequence[str]) -> list[str]:
    """The platform options for pip, from wheel tags such as `cp311-abi3-manylinux_2_28_x86_64`.

    The newest CPython named is asked for: it also takes the stable-ABI wheels of older ones. Every
    platform is listed, since pip takes `manylinux_2_28` to the letter.
    """
    if not tags:
        return []
    pythons, _, platforms = zip(*(tag.split("-") for tag in tags), strict=True)
    versions = [
        (int(match[1]), int(match[2]))
        for python in pythons
        if (match := _CPYTHON.match(python)) is not None
    ]
    options = [f"--platform={platform}" for platform in dict.fromkeys(platforms)]
    if versions:
        major, minor = max(versions)
        options += ["--implementation=cp", f"--python-version={major}.{minor}"]
    return options


def _found(download_info: dict[str, Any]) -> Found:
    name = PurePosixPath(unquote(urlsplit(download_info["url"]).path)).name
    return Found(name=name, sha256=download_info["archive_info"]["hashes"]["sha256"])


def _failure(verb: str, error: CommandError) -> EngineCIError:
    """What a failed pip means, told without the addresses that pip printed."""
    lines = [
        _ADDRESS.sub("<index>", line).removeprefix("ERROR: ")
        for line in error.stderr.splitlines()
        if line.startswith("ERROR: ")
    ]
    digests = _DIGESTS.search(error.stderr)
    if digests is not None:
        lines = [f"expected sha256 {digests[1]}, found {digests[2]}"]
    message = f"`pip {verb}` failed: {'; '.join(lines) or f'status {error.status}'}"
    if _BAD_BYTES.search(error.stderr):
        return VerificationError(
            message, hint="do not use this file; compare the pin with what upstream publishes"
        )
    return OutsideError(message, hint=mirror.ADD if mirror.place() else _CHECK)
