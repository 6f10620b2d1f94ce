"""Which files a clone has, and what became of them since the last commit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine_ci.system import git

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

# Of a file that a person writes; what is larger is data.
_MOST_BYTES: Final = 1 << 20


def tracked(top: Path) -> tuple[str, ...]:
    """The paths that git keeps, from the top of a clone."""
    return tuple(filter(None, git.run(top, "ls-files", "-z").stdout.split("\0")))


def texts(top: Path) -> dict[str, str]:
    """What the text files say that git keeps, by path; links and large files are left out."""
    return dict(_texts(top))


def _texts(top: Path) -> Iterator[tuple[str, str]]:
    for name in tracked(top):
        path = top / name
        if path.is_symlink() or not path.is_file() or path.stat().st_size > _MOST_BYTES:
            continue
        try:
            yield name, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def unsaved(top: Path, paths: Sequence[str]) -> tuple[str, ...]:
    """Of some paths, those that no commit holds as they are."""
    status = ("status", "--porcelain", "-z", "--no-renames", "--ignored", "--untracked-files=all")
    listed = git.run(top, *status, "--", *(f":(top,literal){path}" for path in paths)).stdout
    return tuple(line[3:] for line in listed.split("\0") if line)
