"""Mirrors and releases: real files, and real HTTP on loopback."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from engine_ci.artifact import fetch, origins
from engine_ci.artifact.origins import Address, Folder
from engine_ci.errors import Exit, OutsideError, VerificationError
from engine_ci.pins.model import Asset, GitHubReleases, PackageIndex
from tests.unit.shelf import Shelf, says

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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
        releases=origins.RELEASES,
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
        releases=origins.RELEASES,
    )

    assert found == (origins.Index(package="toy-engine", version="1.0"),)


def test_how_far_a_download_is_can_be_followed(tmp_path: Path, shelf: Shelf) -> None:
    told: list[int] = []

    fetch.fetch(ASSET, origins=[Address(shelf.url)], cache=tmp_path / "cache", told=told.append)

    assert told == sorted(told)
    assert told[-1] == len(CONTENT)
