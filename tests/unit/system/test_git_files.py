from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine_ci.system import git_files
from tests.unit.system.clones import run as git
from tests.unit.system.clones import saved

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone whose last commit holds `kept` and `a b`."""
    git(tmp_path, "init", "--quiet")
    (tmp_path / "kept").write_text("kept\n")
    (tmp_path / "a b").write_text("ä\n", encoding="utf-8")
    saved(tmp_path)
    return tmp_path


def test_the_texts_that_git_keeps_are_read(clone: Path) -> None:
    (clone / "new").write_text("not added")

    assert git_files.texts(clone) == {"a b": "ä\n", "kept": "kept\n"}


def test_data_links_and_files_that_are_gone_are_left_out(clone: Path) -> None:
    (clone / "binary").write_bytes(b"\xff\xfe\0")
    (clone / "large").write_bytes(b"a" * ((1 << 20) + 1))
    (clone / "link").symlink_to("kept")
    saved(clone)
    (clone / "a b").unlink()

    assert git_files.texts(clone) == {"kept": "kept\n"}


def test_what_no_commit_holds_as_it_is_is_unsaved(clone: Path) -> None:
    (clone / ".gitignore").write_text("ignored\n")
    saved(clone)
    (clone / "kept").write_text("changed")
    for name in ("new", "ignored", "other"):
        (clone / name).write_text("")

    asked = ("a b", "kept", "new", "ignored", "missing")

    assert sorted(git_files.unsaved(clone, asked)) == ["ignored", "kept", "new"]
