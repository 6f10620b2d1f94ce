"""Fetching through a real pip from a real index on loopback."""

from __future__ import annotations

import hashlib
import os
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from engine_ci.artifact import fetch, origins
from engine_ci.errors import EngineCIError, Exit, OutsideError, UsageError, VerificationError
from engine_ci.records.candidate import PublishedAsset
from tests.unit.artifact.wheels import PACKAGE, TAG, Index, asset, engine, wheel

if TYPE_CHECKING:
    from pathlib import Path

    from engine_ci.pins.model import Asset


INDEX = origins.Index(package=PACKAGE, version="1.0")


def get(published: Asset | PublishedAsset, cache: Path) -> fetch.Fetched:
    return fetch.fetch(published, origins=[INDEX], cache=cache)


def test_a_file_is_kept_under_its_digest(index: Index, tmp_path: Path) -> None:
    published = index.publish(wheel(tmp_path, engine()))

    fetched = get(published, tmp_path / "cache")

    expected = tmp_path / "cache" / "sha256" / published.sha256[:2] / published.sha256
    assert fetched.path == expected
    assert (fetched.size, fetched.sha256) == (published.size, published.sha256)
    assert hashlib.sha256(expected.read_bytes()).hexdigest() == published.sha256


def test_a_file_is_downloaded_once(index: Index, tmp_path: Path) -> None:
    published = index.publish(wheel(tmp_path, engine()))

    first = get(published, tmp_path / "cache")
    second = get(published, tmp_path / "cache")

    assert first == second
    assert index.downloads == [published.name]


def test_a_file_of_unknown_size_is_measured(index: Index, tmp_path: Path) -> None:
    made = index.publish(wheel(tmp_path, engine()))

    fetched = get(
        PublishedAsset(name=made.name, sha256=made.sha256, wheel_tags=(TAG,)), tmp_path / "cache"
    )

    assert fetched.size == made.size


def test_a_damaged_cache_entry_is_fetched_again(index: Index, tmp_path: Path) -> None:
    published = index.publish(wheel(tmp_path, engine()))
    path = get(published, tmp_path / "cache").path
    path.write_bytes(path.read_bytes()[:-1] + b"?")

    again = get(published, tmp_path / "cache")

    assert hashlib.sha256(again.path.read_bytes()).hexdigest() == published.sha256
    assert len(index.downloads) == 2


def test_parallel_runs_download_once(index: Index, tmp_path: Path) -> None:
    published = index.publish(wheel(tmp_path, engine()))
    found: list[fetch.Fetched] = []
    threads = [
        Thread(target=lambda: found.append(get(published, tmp_path / "cache"))) for _ in range(3)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(found)) == 1
    assert len(found) == 3
    assert index.downloads == [published.name]


def test_other_bytes_than_published_are_refused_and_not_kept(index: Index, tmp_path: Path) -> None:
    published = index.publish(wheel(tmp_path, engine()))
    tampered = wheel(tmp_path, engine(server=b"\x7fELF evil"))
    index.publish(tampered)
    found = hashlib.sha256(tampered.read_bytes()).hexdigest()

    with pytest.raises(VerificationError) as caught:
        get(published, tmp_path / "cache")

    assert f"expected sha256 {published.sha256}, found {found}" in caught.value.message
    assert caught.value.exit_code == Exit.VERIFICATION
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.name == published.sha256]


def test_a_truncated_download_is_refused(index: Index, tmp_path: Path) -> None:
    published = index.publish(wheel(tmp_path, engine()))
    index.cut = 100

    with pytest.raises(VerificationError) as caught:
        get(published, tmp_path / "cache")

    assert caught.value.exit_code == Exit.VERIFICATION


def test_a_page_instead_of_an_archive_is_refused(index: Index, tmp_path: Path) -> None:
    published = index.publish(wheel(tmp_path, engine()))
    index.files[published.name] = b"<!DOCTYPE html><title>Please log in</title>"

    with pytest.raises(VerificationError) as caught:
        get(published, tmp_path / "cache")

    assert caught.value.exit_code == Exit.VERIFICATION


def test_a_page_whose_digest_was_published_is_refused_too(index: Index, tmp_path: Path) -> None:
    page = tmp_path / f"toy_engine-1.0-{TAG}.whl"
    page.write_bytes(b"<!DOCTYPE html><title>Unicorn</title>")
    published = index.publish(page)

    with pytest.raises(VerificationError) as caught:
        get(published, tmp_path / "cache")

    assert caught.value.exit_code == Exit.VERIFICATION


@pytest.mark.parametrize(
    ("changed", "said"), [({"name": "other-1.0.whl"}, "other-1.0.whl"), ({"size": 7}, "7 bytes")]
)
def test_a_file_that_differs_from_the_pin_is_refused(
    index: Index, tmp_path: Path, changed: dict[str, object], said: str
) -> None:
    published = index.publish(wheel(tmp_path, engine())).model_copy(update=changed)

    with pytest.raises(VerificationError, match=said):
        get(published, tmp_path / "cache")


def test_a_version_that_the_index_lacks_is_a_fault_of_the_outside(
    index: Index, tmp_path: Path
) -> None:
    made = index.publish(wheel(tmp_path, engine()))

    with pytest.raises(OutsideError, match=r"toy-engine==9\.9") as caught:
        fetch.fetch(
            made, origins=[origins.Index(package=PACKAGE, version="9.9")], cache=tmp_path / "cache"
        )

    assert caught.value.exit_code == Exit.OUTSIDE


@pytest.mark.usefixtures("pip_on_its_own")
def test_no_network_is_a_fault_of_the_outside_and_names_no_address(tmp_path: Path) -> None:
    published = asset(wheel(tmp_path, engine()))

    with pytest.raises(OutsideError) as caught:
        get(published, tmp_path / "cache")

    assert caught.value.exit_code == Exit.OUTSIDE
    assert "127.0.0.1" not in caught.value.message
    assert "password" not in caught.value.message
    assert "network" in str(caught.value.hint)


def test_a_local_file_is_verified_like_a_download(tmp_path: Path) -> None:
    path = wheel(tmp_path, engine())
    published = asset(path)

    fetched = fetch.verified(path, published)

    assert fetched == fetch.Fetched(path=path, size=published.size, sha256=published.sha256)


def test_another_local_file_is_refused(tmp_path: Path) -> None:
    path = wheel(tmp_path, engine())
    published = asset(path)
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))

    with pytest.raises(VerificationError, match=f"expected sha256 {published.sha256}"):
        fetch.verified(path, published)


def test_a_local_file_that_is_not_there_is_a_mistake_of_the_user(tmp_path: Path) -> None:
    published = asset(wheel(tmp_path, engine()))

    with pytest.raises(UsageError, match=r"nowhere\.whl") as caught:
        fetch.verified(tmp_path / "nowhere.whl", published)

    assert isinstance(caught.value, EngineCIError)
    assert os.strerror(2) in caught.value.message


def test_nothing_written_where_nothing_can_be(index: Index, tmp_path: Path) -> None:
    published = index.publish(wheel(tmp_path, engine()))
    (tmp_path / "cache").write_bytes(b"a file")

    with pytest.raises(OutsideError, match="cache") as caught:
        get(published, tmp_path / "cache")

    assert os.strerror(20) in caught.value.message
