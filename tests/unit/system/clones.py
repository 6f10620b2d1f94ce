"""Clones with commits, made by git itself."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from engine_ci.system import git_change

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from engine_ci.system.git import Repository

WHO = ("-c", "user.name=App Bot", "-c", "user.email=bot@example.invalid")


def run(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *WHO, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.rstrip()


def introduce(home: Path) -> None:
    """Has the git of a home folder know who commits."""
    (home / ".gitconfig").write_text("[user]\n\tname = App Bot\n\temail = bot@example.invalid\n")


def saved(folder: Path) -> None:
    """Commits what is there."""
    run(folder, "add", ".")
    run(folder, "commit", "--quiet", "-m", "Change")


def committed(clone: Repository, files: Mapping[str, str | None]) -> str:
    """A commit of these files on the branch; None removes one."""
    for name, text in files.items():
        path = clone.path / name
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    run(clone.path, "add", "--all")
    run(clone.path, "commit", "--quiet", "--allow-empty", "-m", "Change")
    return git_change.head(clone)
