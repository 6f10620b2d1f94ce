"""Real git repositories, read and left as they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine_ci.errors import CommandError, UsageError
from engine_ci.system import git_change
from engine_ci.system.git import Repository
from tests.unit.system.clones import committed, run

if TYPE_CHECKING:
    from pathlib import Path

LONG = "".join(f"line {number} of the file\n" for number in range(20))


@pytest.fixture
def clone(tmp_path: Path, home: Path) -> Repository:
    """A repository with one commit on main."""
    folder = home.parent / "clone"
    run(tmp_path, "init", "--quiet", "--initial-branch=main", str(folder))
    made = Repository(path=folder)
    committed(made, {"a.txt": LONG, "b.txt": "b\n"})
    return made


def test_the_merge_base_is_where_the_branch_left(clone: Repository) -> None:
    left = git_change.head(clone)
    run(clone.path, "switch", "--quiet", "-c", "topic")
    committed(clone, {"mine.txt": "1\n"})
    run(clone.path, "switch", "--quiet", "main")
    theirs = committed(clone, {"theirs.txt": "1\n"})
    run(clone.path, "switch", "--quiet", "topic")

    assert git_change.merge_base(clone, "main") == left
    assert git_change.merge_base(clone, theirs) == left


@pytest.mark.parametrize("ref", ["0" * 40, "0"])
def test_zeros_are_no_commit(clone: Repository, ref: str) -> None:
    assert git_change.merge_base(clone, ref) is None


def test_branches_that_never_met_have_no_merge_base(clone: Repository) -> None:
    run(clone.path, "switch", "--quiet", "--orphan", "other")
    committed(clone, {"c.txt": "c\n"})

    assert git_change.merge_base(clone, "main") is None


@pytest.mark.parametrize("ref", ["nowhere", "f" * 40, "--all", "-h", "HEAD:a.txt", ""])
def test_what_is_no_commit_of_the_clone_is_refused(clone: Repository, ref: str) -> None:
    with pytest.raises(UsageError, match=r"there is no commit `.*` in this clone") as told:
        git_change.merge_base(clone, ref)

    assert told.value.hint == "fetch its whole history: `fetch-depth: 0` of actions/checkout"


def test_where_history_is_cut_nobody_says_that_there_is_no_base(
    clone: Repository, tmp_path: Path
) -> None:
    run(clone.path, "branch", "old")
    committed(clone, {"b.txt": "b2\n"})
    shallow = tmp_path / "shallow"
    cut = ("--quiet", "--depth", "1", "--no-single-branch")
    run(tmp_path, "clone", *cut, f"file://{clone.path}", str(shallow))

    with pytest.raises(UsageError, match="where HEAD left `origin/old` is not in this clone"):
        git_change.merge_base(Repository(path=shallow), "origin/old")


def test_a_clone_without_a_commit_has_no_head(tmp_path: Path, home: Path) -> None:
    run(home, "init", "--quiet", str(tmp_path / "empty"))

    with pytest.raises(CommandError):
        git_change.head(Repository(path=tmp_path / "empty"))


def test_files_that_differ_are_listed_with_both_names_of_one_that_was_renamed(
    clone: Repository,
) -> None:
    before = git_change.head(clone)
    odd = 'ä "quoted"\nname.txt'
    after = committed(clone, {"a.txt": None, "pins/a.txt": LONG, "b.txt": "b2\n", odd: "new\n"})

    found = git_change.difference(clone, base=before, to=after)

    assert found.files == ("a.txt", "b.txt", "pins/a.txt", odd)
    assert found.renamed == {"pins/a.txt": "a.txt"}
    assert git_change.difference(clone, base=after, to=after).files == ()


def test_what_a_tree_has_anew_is_told_with_mode_and_text_to_the_byte(clone: Repository) -> None:
    odd = 'ä "quoted"\nname.txt'
    tool = clone.path / "run"
    tool.write_text("#!\n")
    tool.chmod(0o755)
    (clone.path / "c.txt").write_bytes(b"c\r\n\r\n")
    before = committed(clone, {})
    tool.write_text("#!/bin/sh\n")
    (clone.path / "c.txt").write_bytes(b"c\r\nd")
    after = committed(clone, {"a.txt": None, "b.txt": None, "new/b.txt": "b\n", odd: "ü\n"})

    found = git_change.entries(clone, base=before, tree=run(clone.path, "rev-parse", "HEAD^{tree}"))

    assert {(entry.path, entry.mode, entry.text) for entry in found} == {
        ("a.txt", "100644", None),
        ("b.txt", "100644", None),
        ("c.txt", "100644", "c\r\nd"),
        ("new/b.txt", "100644", "b\n"),
        ("run", "100755", "#!/bin/sh\n"),
        (odd, "100644", "ü\n"),
    }
    assert git_change.entries(clone, base=after, tree=after) == ()


def test_a_worktree_has_the_files_of_its_commit_and_is_gone_afterwards(
    clone: Repository, tmp_path: Path
) -> None:
    before = git_change.head(clone)
    committed(clone, {"b.txt": "b2\n"})
    (clone.path / "b.txt").write_text("unsaved\n")

    with git_change.worktree(clone, before, at=tmp_path / "base" / "tree") as folder:
        assert (folder / "b.txt").read_text() == "b\n"
        assert (clone.path / "b.txt").read_text() == "unsaved\n"

    assert not (tmp_path / "base" / "tree").exists()
    assert run(clone.path, "worktree", "list").count("\n") == 0


@pytest.mark.parametrize("locked", [False, True])
@pytest.mark.parametrize("gone", [False, True])
def test_what_a_killed_run_left_is_no_obstacle(
    clone: Repository, tmp_path: Path, *, locked: bool, gone: bool
) -> None:
    commit, place = git_change.head(clone), tmp_path / "tree"
    run(clone.path, "worktree", "add", "--quiet", "--detach", str(place))
    (place / "b.txt").write_text("half done\n")
    if locked:
        run(clone.path, "worktree", "lock", str(place))
    if gone:
        place.rename(tmp_path / "elsewhere")

    with git_change.worktree(clone, commit, at=place) as folder:
        assert (folder / "b.txt").read_text() == "b\n"

    assert not place.exists()
    assert run(clone.path, "worktree", "list").count("\n") == 0


def test_a_worktree_goes_when_its_user_fails_too(clone: Repository, tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError),
        git_change.worktree(clone, git_change.head(clone), at=tmp_path / "tree"),
    ):
        raise RuntimeError

    assert not (tmp_path / "tree").exists()


def test_the_subject_is_the_first_line_of_a_message(clone: Repository) -> None:
    run(clone.path, "commit", "--quiet", "--allow-empty", "-m", "First (#7)\n\nThe rest")

    assert git_change.subject(clone, git_change.head(clone)) == "First (#7)"
