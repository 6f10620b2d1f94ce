"""Where the files of a pin come from: mirrors of the app's first, then whoever publishes them.

An origin only brings bytes. Whether they are the right ones is for `fetch` to say. Each loads what
it takes to bring them when it does: mostly the file is there already.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from engine_ci.errors import OutsideError, VerificationError
from engine_ci.pins.model import PackageIndex, SourceBuild
from engine_ci.system import mirror, release_files
from engine_ci.system.addresses import host_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from engine_ci.pins.model import Asset, Source
    from engine_ci.records.candidate import PublishedAsset

    # Told the bytes that are there.
    Told = Callable[[int], None]

_PLACE: Final = "{version}"


class Origin(Protocol):
    """Somewhere that may have a file; its `str` names it in messages."""

    def bring(self, asset: Asset | PublishedAsset, *, into: Path, told: Told) -> None:
        """Writes the file's bytes to `into`.

        Raises:
            OutsideError: it is not to be had here.
            VerificationError: what is here is longer than it may be, or has another name.
        """


@dataclass(frozen=True, slots=True)
class Folder:
    """Files under their own names, on a disk."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def bring(self, asset: Asset | PublishedAsset, *, into: Path, told: Told) -> None:  # noqa: ARG002 - a copy is quick
        """Copies the file."""
        try:
            shutil.copyfile(self.path / asset.name, into)
        except FileNotFoundError as problem:
            raise OutsideError(f"no {asset.name} in it") from problem


@dataclass(frozen=True, slots=True)
class Address:
    """Files under their own names, below an address of HTTPS, or in a mirror that is a folder."""

    url: str

    def __str__(self) -> str:
        return host_of(self.url) or self.url

    def bring(self, asset: Asset | PublishedAsset, *, into: Path, told: Told) -> None:
        """Downloads the file; redirects may lead to the hosts only that serve such files."""
        from engine_ci.system.download import download  # noqa: PLC0415 - loads requests, which takes longer than to prepare a small bundle

        download(
            self.url,
            asset.name,
            into=into,
            size=asset.size,
            hosts=release_files.hosts(self.url),
            told=told,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Index:
    """One version of a package, through pip."""

    package: str
    version: str

    def __str__(self) -> str:
        return "the package index"

    def bring(self, asset: Asset | PublishedAsset, *, into: Path, told: Told) -> None:  # noqa: ARG002 - pip does not tell
        """Has pip download the file, which must have the name that is expected."""
        from engine_ci.system import pip  # noqa: PLC0415 - seldom needed, as the module says

        with tempfile.TemporaryDirectory(dir=into.parent) as folder:
            wheel = pip.download(
                f"{self.package}=={self.version}",
                sha256=asset.sha256,
                tags=asset.wheel_tags,
                into=Path(folder),
            )
            if wheel.name != asset.name:
                raise VerificationError(
                    f"{self.package} {self.version}: expected the file {asset.name}, "
                    f"found {wheel.name}",
                    hint="compare the pin with what upstream publishes",
                )
            wheel.replace(into)


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceDistribution:
    """The source code that a package was made of, through pip."""

    package: str
    version: str

    def __str__(self) -> str:
        return "the package index"

    def bring(self, asset: Asset | PublishedAsset, *, into: Path, told: Told) -> None:  # noqa: ARG002 - pip does not tell
        """Has pip download the archive."""
        from engine_ci.system import pip  # noqa: PLC0415 - seldom needed, as the module says

        with tempfile.TemporaryDirectory(dir=into.parent) as folder:
            requirement = f"{self.package}=={self.version}"
            pip.download_source(requirement, sha256=asset.sha256, into=Path(folder)).replace(into)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tag:
    """The source code under a tag of git, which must name the commit that is expected."""

    repository: str
    name: str
    commit: str

    def __str__(self) -> str:
        return self.repository

    def bring(self, asset: Asset | PublishedAsset, *, into: Path, told: Told) -> None:  # noqa: ARG002 - git does not tell
        """Has git fetch the tag, and archives its files."""
        from engine_ci.system import git_source  # noqa: PLC0415 - seldom needed, as the module says

        git_source.archive(self.repository, tag=self.name, commit=self.commit, into=into)


def of(
    source: Source,
    *,
    version: str,
    commit: str = "",
    mirrors: Iterable[str] = (),
    root: Path,
    releases: str,
) -> tuple[Origin, ...]:
    """Where to look for the files of one version, in order; no address where there is a mirror.

    Args:
        source: who publishes it.
        version: as upstream writes it.
        commit: the one that a tag of source code must name.
        mirrors: folders, or addresses of HTTPS; `{version}` in one stands for the version.
        root: where the paths of folders begin.
        releases: the server of releases.
    """
    nearer = [_nearer(text.replace(_PLACE, version), root=root) for text in mirrors]
    if mirror.place() is not None:
        nearer = [each for each in nearer if isinstance(each, Folder)]
    if isinstance(source, PackageIndex):
        return (*nearer, index(source.package, version=version))
    if isinstance(source, SourceBuild):
        return (*nearer, _code(source, version=version, commit=commit))
    return (*nearer, Address(release_files.folder(releases, source.repository, tag=version)))


def index(package: str, *, version: str) -> Origin:
    """Where the wheel of a package is: on the index, or in the mirror."""
    packages = mirror.below("packages")
    return Address(packages) if packages else Index(package=package, version=version)


def _code(source: SourceBuild, *, version: str, commit: str) -> Origin:
    if source.package is not None:
        packages = mirror.below("packages")
        if packages is not None:
            return Address(packages)
        return SourceDistribution(package=source.package, version=version)
    return Tag(repository=str(source.repository), name=version, commit=commit)


def _nearer(text: str, *, root: Path) -> Origin:
    return Address(text) if "://" in text else Folder(root / text)
