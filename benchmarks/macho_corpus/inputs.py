"""The packages, fetched once and kept, and every Mach-O file in them."""

from __future__ import annotations

import hashlib
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from benchmarks import wheels
from engine_ci.errors import OutsideError, VerificationError
from engine_ci.system import command

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAGIC = {b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf"}
_NPM = ("npm_config_", "NPM_CONFIG_", "NODE_")


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One Mach-O file: the package and the member that it is, and where it lies here."""

    package: str
    member: str
    path: Path

    def __str__(self) -> str:
        return f"{self.package}: {self.member}"


def known() -> dict[tuple[str, str, str], str]:
    """Why readers differ, where that was looked into: by file, question and other reader."""
    return {
        (file, question, each["against"]): each["why"]
        for each in _listed()["exceptions"]
        for file in each["files"]
        for question in each["questions"]
    }


def samples(cache: Path) -> Iterator[Sample]:
    """Every Mach-O file of all packages; a registry that cannot be asked is said on stdout."""
    inputs = _listed()
    for wheel in inputs["wheels"]:
        yield from _files(wheel["package"], wheels.kept(cache, **wheel), cache=cache)
    for pack in inputs["npm"]:
        try:
            archive = _pack(cache, **pack)
        except OutsideError as error:
            print(f"{pack['package']} is left out: {error}")
            continue
        yield from _files(pack["package"], archive, cache=cache)


def _listed() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("inputs.yaml").read_text())
    return found


def _pack(cache: Path, *, package: str, sha256: str) -> Path:
    kept = cache / f"{sha256}.tgz"
    if not kept.exists():
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            argv = ["npm", "pack", "--silent", package, "--pack-destination", folder]
            command.run(argv, env=command.child_environment(*_NPM), timeout_s=600)
            (pack,) = Path(folder).glob("*.tgz")
            found = hashlib.sha256(pack.read_bytes()).hexdigest()
            if found != sha256:
                raise VerificationError(f"{package}: expected sha256 {sha256}, found {found}")
            pack.rename(kept)
    return kept


def _files(package: str, archive: Path, *, cache: Path) -> Iterator[Sample]:
    folder = cache / "images" / archive.stem
    folder.mkdir(parents=True, exist_ok=True)
    members = _zipped(archive) if archive.suffix == ".whl" else _tarred(archive)
    for number, (member, raw) in enumerate(members):
        path = folder / f"{number}-{Path(member).name}"
        if raw[:4] in _MAGIC:
            if not path.exists():
                path.write_bytes(raw)
            yield Sample(package=package, member=member, path=path)


def _zipped(archive: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(archive) as opened:
        for name in opened.namelist():
            yield name, opened.read(name)


def _tarred(archive: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(archive) as opened:
        for member in opened:
            stream = opened.extractfile(member)
            if stream is not None:
                yield member.name, stream.read()
