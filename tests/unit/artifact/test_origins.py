"""Mirrors and releases: real files, and real HTTP on loopback."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from engine_ci.artifact import fetch, origins
from engine_ci.artifact.origins import Address, Folder
from engine_ci.errors import Exit, OutsideError, VerificationError
from engine_ci.pins.model import Asset, GitHubReleases, PackageIndex, SourceBuild
from engine_ci.system import mirror, release_files
from tests.unit.artifact.wheels import source_distribution
from tests.unit.shelf import Shelf, says
from tests.unit.system.test_git_source import repository

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.artifact.wheels import Index

CONTENT = b"an archive" * 30_000
NAME = "llama-b11434-bin-ubuntu-x64.tar.gz"
ASSET = Asset(name=NAME, size=len(CONTENT), sha256=hashlib.sha256(CONTENT).hexdigest())
RELEASES = GitHubReleases(kind="github-releases", repository="ggml-org/llama.cpp")


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    with Shelf() as shelf:
        shelf.content = CONTENT
        yield shelf


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "mirror"
    folder.mkdir()
    (folder / NAME).write_bytes(CONTENT)
    return folder


def get(tmp_path: Path, *found: origins.Origin) -> bytes:
    return fetch.fetch(ASSET, origins=found, cache=tmp_path / "cache").path.read_bytes()


def test_a_folder_needs_no_network(tmp_path: Path, folder: Path) -> None:
    assert get(tmp_path, Folder(folder)) == CONTENT


def test_the_next_origin_is_asked_where_one_has_nothing(tmp_path: Path, shelf: Shelf) -> None:
    shelf.replies.append(says(404))

    assert get(tmp_path, Folder(tmp_path), Address(f"{shelf.url}/a"), Address(shelf.url)) == CONTENT
    assert [path for path, _ in shelf.asked] == [f"/a/{NAME}", f"/{NAME}"]


def test_none_that_has_it_is_a_fault_of_the_outside_and_all_are_named(
    tmp_path: Path, shelf: Shelf
) -> None:
    shelf.replies.append(says(404))

    with pytest.raises(OutsideError) as caught:
        get(tmp_path, Folder(tmp_path), Address(shelf.url))

    assert caught.value.exit_code == Exit.OUTSIDE
    assert caught.value.message == (
        f"{NAME} was not to be had: {tmp_path}: no {NAME} in it; 127.0.0.1: status 404"
    )


def test_an_origin_with_other_bytes_ends_it(tmp_path: Path, folder: Path, shelf: Shelf) -> None:
    (folder / NAME).write_bytes(CONTENT[:-1] + b"?")

    with pytest.raises(VerificationError, match=f"^{folder}: {NAME}: expected sha256"):
        get(tmp_path, Folder(folder), Address(shelf.url))

    assert shelf.asked == []
    assert not (tmp_path / "cache" / "sha256" / ASSET.sha256[:2] / ASSET.sha256).exists()


def test_a_file_that_is_longer_is_not_taken(tmp_path: Path, shelf: Shelf) -> None:
    shelf.content += b"more"

    with pytest.raises(VerificationError, match=f"expected {len(CONTENT)} bytes, found more"):
        get(tmp_path, Address(shelf.url))


def test_a_mirror_may_not_send_us_elsewhere(tmp_path: Path, shelf: Shelf) -> None:
    shelf.replies.append(says(302, Location=shelf.url.replace("127.0.0.1", "localhost")))

    with pytest.raises(OutsideError, match="sent on to 'localhost', which it may not use"):
        get(tmp_path, Address(shelf.url))

    assert len(shelf.asked) == 1


def test_on_its_own_host_it_may(tmp_path: Path, shelf: Shelf) -> None:
    shelf.replies.append(says(302, Location=f"{shelf.url}/elsewhere"))

    assert get(tmp_path, Address(shelf.url)) == CONTENT


def test_mirrors_come_before_who_publishes(tmp_path: Path) -> None:
    found = origins.of(
        RELEASES,
        version="b11434",
        mirrors=["vendor/llama.cpp", "https://mirror.invalid/llama.cpp/{version}"],
        root=tmp_path,
        releases=release_files.SERVER,
    )

    assert found == (
        Folder(tmp_path / "vendor" / "llama.cpp"),
        Address("https://mirror.invalid/llama.cpp/b11434"),
        Address("https://github.com/ggml-org/llama.cpp/releases/download/b11434"),
    )
    assert str(found[1]) == "mirror.invalid"


def test_a_package_comes_from_the_index(tmp_path: Path) -> None:
    found = origins.of(
        PackageIndex(kind="package-index", package="toy-engine"),
        version="1.0",
        root=tmp_path,
        releases=release_files.SERVER,
    )

    assert found == (origins.Index(package="toy-engine", version="1.0"),)


def test_how_far_a_download_is_can_be_followed(tmp_path: Path, shelf: Shelf) -> None:
    told: list[int] = []

    fetch.fetch(ASSET, origins=[Address(shelf.url)], cache=tmp_path / "cache", told=told.append)

    assert told == sorted(told)
    assert told[-1] == len(CONTENT)


def code(**place: str) -> SourceBuild:
    return SourceBuild.model_validate({"kind": "source-build", "flags": (), **place})


def test_source_code_comes_from_a_tag_or_from_a_package(tmp_path: Path) -> None:
    def of(source: SourceBuild) -> tuple[origins.Origin, ...]:
        return origins.of(
            source,
            version="b11434",
            commit="f" * 40,
            mirrors=["near"],
            root=tmp_path,
            releases=release_files.SERVER,
        )

    near = Folder(tmp_path / "near")
    tag = origins.Tag(repository="https://example.invalid/x", name="b11434", commit="f" * 40)
    package = origins.SourceDistribution(package="toy-code", version="b11434")
    assert of(code(repository="https://example.invalid/x")) == (near, tag)
    assert of(code(package="toy-code")) == (near, package)
    assert (str(tag), str(package)) == ("https://example.invalid/x", "the package index")


def test_the_code_of_a_tag_is_an_archive_like_any_other(tmp_path: Path, home: Path) -> None:
    upstream, commit = repository(tmp_path, home)
    tag = origins.Tag(repository=upstream.as_uri(), name="b1", commit=commit)
    tag.bring(ASSET, into=tmp_path / "once.tar", told=print)
    content = (tmp_path / "once.tar").read_bytes()
    asset = Asset(name="code-b1.tar", size=len(content), sha256=hashlib.sha256(content).hexdigest())

    fetched = fetch.fetch(asset, origins=[tag], cache=tmp_path / "cache")

    assert fetched.path.read_bytes() == content


def test_a_tag_on_another_commit_ends_it(tmp_path: Path, home: Path) -> None:
    upstream, _ = repository(tmp_path, home)
    moved = origins.Tag(repository=upstream.as_uri(), name="b1", commit="f" * 40)

    with pytest.raises(VerificationError, match=f"tag b1 on the commit {'f' * 40}, found"):
        get(tmp_path, moved, Folder(tmp_path))


def test_a_source_distribution_comes_from_the_index(index: Index, tmp_path: Path) -> None:
    published = index.publish(source_distribution(tmp_path))
    origin = origins.SourceDistribution(package="toy-engine", version="1.0")

    fetched = fetch.fetch(published, origins=[origin], cache=tmp_path / "cache")

    assert fetched.path.read_bytes() == index.files[published.name]


def test_another_source_distribution_is_refused(index: Index, tmp_path: Path) -> None:
    published = index.publish(source_distribution(tmp_path))
    other = published.model_copy(update={"sha256": "0" * 64})
    origin = origins.SourceDistribution(package="toy-engine", version="1.0")

    with pytest.raises(VerificationError, match="expected sha256 0000"):
        fetch.fetch(other, origins=[origin], cache=tmp_path / "cache")


def test_who_downloads_nothing_loads_nothing_that_does() -> None:
    script = "import sys; from engine_ci.artifact import origins; print('requests' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)

    assert done.stdout == b"False\n"


def test_with_a_mirror_no_publisher_and_no_address_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(mirror.VARIABLE, str(tmp_path))
    packages = Address(f"{tmp_path}/packages")
    wheel = PackageIndex(kind="package-index", package="toy-engine")

    for source in (wheel, code(package="toy-code")):
        found = origins.of(
            source,
            version="1.0",
            mirrors=["near", "https://mirror.invalid"],
            root=tmp_path,
            releases=release_files.SERVER,
        )
        assert found == (Folder(tmp_path / "near"), packages)
    assert str(packages) == f"{tmp_path}/packages"
