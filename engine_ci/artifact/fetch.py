"""Brings one published file here: cached by content, filled from origins, always checked.

Nothing leaves this module that was not hashed in this run.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from filelock import FileLock

from engine_ci.artifact.hashed import Hashed
from engine_ci.errors import OutsideError, UsageError, VerificationError
from engine_ci.system import documents

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from engine_ci.artifact.origins import Origin, Told
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


def fetch(
    asset: Asset | PublishedAsset,
    *,
    origins: Sequence[Origin],
    cache: Path,
    told: Told = lambda _: None,
    hashed: Hashed | None = None,
) -> Fetched:
    """The asset's file, from the cache when it is there and intact, else from the first origin.

    An origin that has other bytes ends it: someone put them there, and a person should look.

    Args:
        asset: what is expected.
        origins: where it may come from; the next one is asked where one has no file or no answer.
        cache: a folder; files lie in it as `sha256/<aa>/<sha256>`.
        told: how many bytes of a download are there.
        hashed: what this run has hashed already.

    Raises:
        VerificationError: an origin gave other bytes than the asset names.
        OutsideError: none gave the file, or the cache cannot be written.
    """
    place = cache / "sha256" / asset.sha256[:2] / asset.sha256
    with documents.naming(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{place}.lock"):
            shutil.rmtree(_partial(place), ignore_errors=True)  # of a run that was killed
            found = _cached(place, asset, hashed=hashed)
            return found or _filled(place, asset, origins=origins, told=told)


def _cached(place: Path, asset: Asset | PublishedAsset, *, hashed: Hashed | None) -> Fetched | None:
    """What is in the cache, when it is what it should be; anything else is thrown away."""
    try:
        return verified(place, asset, hashed=hashed)
    except (UsageError, VerificationError):
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        place.unlink(missing_ok=True)
        return None


def _filled(
    place: Path, asset: Asset | PublishedAsset, *, origins: Sequence[Origin], told: Told
) -> Fetched:
    partial = _partial(place)
    partial.mkdir(exist_ok=True)  # a pip that outlived the run may still write there
    try:
        fetched = _brought(asset, origins=origins, into=partial / "file", told=told)
        fetched.path.replace(place)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return replace(fetched, path=place)


def _partial(place: Path) -> Path:
    return place.with_name(f"{place.name}.partial")


def _brought(
    asset: Asset | PublishedAsset, *, origins: Sequence[Origin], into: Path, told: Told
) -> Fetched:
    """From the first origin that has the file."""
    failed: list[OutsideError] = []
    for origin in origins:
        try:
            origin.bring(asset, into=into, told=told)
            return verified(into, asset)
        except OutsideError as problem:
            failed.append(OutsideError(f"{origin}: {problem}", hint=problem.hint))
        except VerificationError as problem:
            raise VerificationError(f"{origin}: {problem}", hint=_HINT) from problem
    raise OutsideError(
        f"{asset.name} was not to be had: " + "; ".join(map(str, failed)),
        hint=next((problem.hint for problem in failed if problem.hint), None),
    )


def verified(path: Path, asset: Asset | PublishedAsset, *, hashed: Hashed | None = None) -> Fetched:
    """A file that is already here, when it is the asset.

    Args:
        path: the file.
        asset: what is expected.
        hashed: what this run has hashed already.

    Raises:
        UsageError: there is no such file.
        VerificationError: its size or sha256 is another.
    """
    try:
        size, sha256 = path.stat().st_size, (hashed or Hashed()).sha256(path)
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
