"""A repository that stands in for llama.cpp's, made by a real git."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.unit.system.test_git import run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

WHEN = "2026-08-20T12:00:00+02:00"


@dataclass(frozen=True)
class Origin:
    """Allows clones without contents, as GitHub does."""

    path: Path

    @property
    def address(self) -> str:
        return self.path.as_uri()

    def commit(self, subject: str, files: Mapping[str, str] | None = None) -> str:
        for name, text in (files or {}).items():
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        run(self.path, "add", "--all")
        run(self.path, "commit", "--quiet", "--allow-empty", "-m", subject, f"--date={WHEN}")
        return run(self.path, "rev-parse", "HEAD")

    def tag(self, name: str) -> str:
        run(self.path, "tag", name)
        return run(self.path, "rev-parse", name)


def make(folder: Path, home: Path) -> Origin:
    (home / ".gitconfig").write_text(
        "[user]\n\tname = Up\n\temail = up@example.invalid\n[init]\n\tdefaultBranch = master\n"
    )
    origin = Origin(path=folder / "llama.cpp")
    run(folder, "init", "--quiet", str(origin.path))
    run(origin.path, "config", "uploadpack.allowFilter", "true")
    run(origin.path, "config", "uploadpack.allowAnySHA1InWant", "true")
    return origin
