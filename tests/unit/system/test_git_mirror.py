from __future__ import annotations

from typing import TYPE_CHECKING

import platformdirs
import pytest

from engine_ci.errors import DownloadError, VerificationError
from engine_ci.system import git_mirror, git_source
from engine_ci.system.history import TIP, History
from engine_ci.system.mirror import VARIABLE
from tests.unit.shelf import Shelf, says
from tests.unit.system.clones import run as git

BODY = b""  # what the server has, until a bundle is there

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """With a file, a commit and a tag."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet")
    (folder / "file").write_text("text\n")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "one")
    git(folder, "tag", "--annotate", "-m", "b1", "b1")
    return folder


@pytest.fixture
def address(repository: Path) -> str:
    return f"file://{repository}"


@pytest.fixture
def bundle(address: str, tmp_path: Path) -> Path:
    return git_mirror.keep(address, into=tmp_path / "mirror" / "git")


def test_without_a_mirror_the_repository_is_asked(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)

    assert git_mirror.located(address) == address


@pytest.mark.parametrize(
    ("address", "file"),
    [
        ("https://git.example/me/mine.git", "git.example/me/mine.bundle"),
        ("https://git.example/me/mine/", "git.example/me/mine.bundle"),
        ("file:///srv/mine", "here/srv/mine.bundle"),
    ],
)
def test_a_bundle_lies_under_host_and_path(address: str, file: str) -> None:
    assert git_mirror.file_of(address) == file


def test_a_history_is_read_from_its_bundle_with_tags_and_contents(
    repository: Path, address: str, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    repository.rename(tmp_path / "gone")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "mirror"))

    history = History.fetched(address, home=tmp_path / "home")
    git_source.archive(address, tag="b1", commit=commit, into=tmp_path / "code.tar")

    assert history.address == str(bundle)
    assert (history.commit(TIP), history.tagged("b1")) == (commit, commit)
    assert history.read("file", at=commit) == "text\n"
    assert git_source.tags(address) == {"b1": commit}
    assert list(git_source.dates(address, ["b1"])) == ["b1"]
    assert b"text\n" in (tmp_path / "code.tar").read_bytes()


def test_a_bundle_is_made_again_only_where_the_repository_moved(
    repository: Path, address: str, bundle: Path, tmp_path: Path
) -> None:
    before = bundle.stat().st_ino
    git_mirror.keep(address, into=tmp_path / "mirror" / "git")
    kept = bundle.stat().st_ino
    git(repository, "commit", "--quiet", "--allow-empty", "-m", "two")
    git_mirror.keep(address, into=tmp_path / "mirror" / "git")

    assert kept == before
    assert bundle.stat().st_ino != before


def test_a_bundle_that_is_not_there_is_named(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))

    with pytest.raises(DownloadError, match=f"the mirror has no {tmp_path}/git/here/.*.bundle"):
        git_mirror.located(address)


@pytest.fixture
def served(
    bundle: Path, shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], None]:
    """A server that has the bundle, and says what its sha256 is."""
    monkeypatch.setenv(VARIABLE, shelf.url)
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda _: tmp_path / "cache")
    shelf.content = bundle.read_bytes()
    return lambda sha256: shelf.replies.append(says(200, sha256.encode()))


def test_a_bundle_is_downloaded_once_for_each_digest(
    served: Callable[[str], None], shelf: Shelf, bundle: Path, address: str
) -> None:
    sha256 = bundle.with_name(f"{bundle.name}.sha256").read_text()
    served(sha256)
    first = git_mirror.located(address)
    served(sha256)
    second = git_mirror.located(address)

    assert first == second
    assert [path.rpartition(".")[2] for path, _ in shelf.asked] == ["sha256", "bundle", "sha256"]


@pytest.mark.parametrize(
    ("told", "reason"), [("0" * 64, "expected sha256 0000"), ("x", "no sha256")]
)
def test_a_bundle_that_is_another_one_is_refused(
    served: Callable[[str], None], address: str, tmp_path: Path, told: str, reason: str
) -> None:
    served(told)

    with pytest.raises(VerificationError, match=reason):
        git_mirror.located(address)

    assert not list((tmp_path / "cache").glob("**/*.bundle"))
