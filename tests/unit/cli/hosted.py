"""The example app on an embedded GitHub, with a clone of it, and a pull request of a bot's."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from engine_ci.cli import doors
from fixtures.github import GitHubServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pytest

    from fixtures.github import Login
    from fixtures.github.records import Pull

PEOPLE = ("ann", "ben")
"""May write."""
BRANCH = "engine-ci/llama.cpp"
PIN = "pins/llama.cpp.yaml"


@contextmanager
def serving(
    app: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, *, tokens: Mapping[str, Login]
) -> Iterator[GitHubServer]:
    """The app on a server, a clone of it as the current folder, and the first of the tokens."""
    with GitHubServer.start(
        folder / "github", tokens=tokens, seed=app, collaborators=PEOPLE
    ) as server:
        clone = folder / "clone"
        subprocess.run(["git", "clone", "--quiet", server.clone_url, str(clone)], check=True)
        monkeypatch.chdir(clone)
        monkeypatch.setenv(doors.TOKEN, next(iter(tokens)))
        monkeypatch.setenv("GITHUB_API_URL", server.api_url)
        monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
        yield server
    assert [record for record in server.requests if record.problem] == []


def push(server: GitHubServer, *paths: str, onto: str = "main") -> str:
    """A commit on the bot's branch that changes these files, made in the clone that is current."""
    _git("checkout", "-q", "-B", "work", f"origin/{onto}")
    for path in paths:
        file = Path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text((file.read_text() if file.exists() else "") + "# more\n")
    _git("add", "--all")
    _git("commit", "-q", "-m", "Change")
    _git("push", "-q", "--force", str(server.repository.path), f"work:refs/heads/{BRANCH}")
    _git("fetch", "-q")
    _git("checkout", "-q", "main")
    return server.repository.branches()[BRANCH]


def proposed(server: GitHubServer, *paths: str) -> Pull:
    """A pull request of a bot that changes these files."""
    push(server, *paths)
    return server.hub.open_pull(
        author="github-actions[bot]", title="t", body="", head=BRANCH, base="main", draft=False
    )


def _git(*arguments: str) -> None:
    who = ("-c", "user.name=A Bot", "-c", "user.email=bot@example.invalid")
    subprocess.run(["git", *who, *arguments], check=True)
