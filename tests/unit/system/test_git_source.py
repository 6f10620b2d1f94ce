"""Source code from a real repository, by way of a real git."""

from __future__ import annotations

import tarfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from engine_ci.errors import CommandError, VerificationError
from engine_ci.system import git_source
from tests.unit.system.clones import introduce
from tests.unit.system.test_git import run

if TYPE_CHECKING:
    from pathlib import Path


def repository(folder: Path, home: Path) -> tuple[Path, str]:
    """A repository with a tag `b1` on its second commit of three, and that commit."""
    introduce(home)
    upstream = folder / "upstream"
    run(folder, "init", "--quiet", str(upstream))
    for text in ("one", "two", "three"):
        (upstream / "code.c").write_text(f"{text}\n")
        run(upstream, "add", ".")
        run(upstream, "commit", "--quiet", "-m", text)
    commit = run(upstream, "rev-parse", "HEAD~1")
    run(upstream, "tag", "--annotate", "-m", "b1", "b1", commit)
    return upstream, commit


def test_the_files_of_a_tag_are_archived(tmp_path: Path, home: Path) -> None:
    upstream, commit = repository(tmp_path, home)

    git_source.archive(upstream.as_uri(), tag="b1", commit=commit, into=tmp_path / "code.tar")

    with tarfile.open(tmp_path / "code.tar") as archive:
        content = archive.extractfile("code.c")
        assert content is not None
        assert content.read() == b"two\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["code.tar", "home", "upstream"]


def test_the_bytes_are_the_same_whatever_the_user_has_set(tmp_path: Path, home: Path) -> None:
    upstream, commit = repository(tmp_path, home)
    git_source.archive(upstream.as_uri(), tag="b1", commit=commit, into=tmp_path / "one.tar")
    with (home / ".gitconfig").open("a") as file:
        file.write("[core]\n\tautocrlf = true\n[tar]\n\tumask = 0077\n")

    git_source.archive(upstream.as_uri(), tag="b1", commit=commit, into=tmp_path / "two.tar")

    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def test_a_tag_that_was_moved_is_refused(tmp_path: Path, home: Path) -> None:
    upstream, commit = repository(tmp_path, home)
    run(upstream, "tag", "--force", "b1", "HEAD")

    with pytest.raises(VerificationError, match=f"the commit {commit}, found [0-9a-f]{{40}}"):
        git_source.archive(upstream.as_uri(), tag="b1", commit=commit, into=tmp_path / "code.tar")
    assert not (tmp_path / "code.tar").exists()


def test_a_tag_that_is_not_there_is_a_fault_of_the_outside(tmp_path: Path, home: Path) -> None:
    upstream, commit = repository(tmp_path, home)

    with pytest.raises(CommandError, match="refs/tags/b2"):
        git_source.archive(upstream.as_uri(), tag="b2", commit=commit, into=tmp_path / "code.tar")


def test_a_tag_is_listed_with_its_commit_whatever_kind_of_tag_it_is(
    tmp_path: Path, home: Path
) -> None:
    upstream, commit = repository(tmp_path, home)
    run(upstream, "tag", "b2", "HEAD")

    assert git_source.tags(upstream.as_uri()) == {
        "b1": commit,
        "b2": run(upstream, "rev-parse", "HEAD"),
    }


def test_a_repository_without_tags_has_none(tmp_path: Path) -> None:
    run(tmp_path, "init", "--quiet", "--bare", "empty.git")

    assert git_source.tags((tmp_path / "empty.git").as_uri()) == {}


def test_what_is_no_repository_is_a_fault_of_the_outside(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="ls-remote"):
        git_source.tags((tmp_path / "nowhere").as_uri())


@pytest.mark.parametrize("filters", ["true", "false"])
def test_a_tag_is_as_old_as_its_commit_is_said_to_be(
    filters: str, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream, _ = repository(tmp_path, home)
    run(upstream, "config", "uploadpack.allowFilter", filters)
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2026-11-01T12:00:00+02:00")
    run(upstream, "commit", "--quiet", "--allow-empty", "-m", "four")
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2026-11-20T12:00:00Z")
    run(upstream, "tag", "--annotate", "-m", "b3", "b3")
    run(upstream, "tag", "b4")
    run(upstream, "tag", "a-file", "HEAD:code.c")

    found = git_source.dates(upstream.as_uri(), ["b3", "b4", "a-file"])

    made = datetime(2026, 11, 1, 10, tzinfo=UTC)
    assert found == {"b3": made, "b4": made}
