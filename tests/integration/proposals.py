"""An app's repository on an embedded GitHub, and what `propose` does with it."""

from __future__ import annotations

import secrets
import subprocess
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from engine_ci.bump import pull_request
from engine_ci.bump.branch import TREE
from engine_ci.bump.committer import GitCommitter, GitHubCommitter
from engine_ci.config import PullRequestPolicy
from engine_ci.records.candidate import Release
from engine_ci.system.git import Identity, Remote, Repository
from engine_ci.system.github import Hub
from engine_ci.system.github_commits import Commits
from fixtures.github import GitHubServer, Login, documents
from tests.unit.bump import records
from tests.unit.system.clones import introduce

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine_ci.bump.committer import Committer
    from engine_ci.bump.plan import Plan
    from engine_ci.bump.pull_request import Proposal
    from engine_ci.system.github_connection import Access
    from fixtures.github.records import Pull

WRITE, READ = secrets.token_hex(20), secrets.token_hex(20)
BRANCH = "engine-ci/llama.cpp"
BOT = "engine-ci[bot]"
PIN = "pins/llama.cpp.yaml"
READS = ("GET", "HEAD")
PLAN = records.planned()


@dataclass(frozen=True)
class App:
    """An app's repository on the server, and a clone of it as a workflow has one.

    Attributes:
        way: who makes the commit, `api` or `git`.
    """

    server: GitHubServer
    clone: Path
    way: str

    def propose(
        self,
        plan: Plan = PLAN,
        *,
        token: str = WRITE,
        later: int = 0,
        policy: PullRequestPolicy | None = None,
        clone: Path | None = None,
    ) -> Proposal:
        """Opens or refreshes, `later` minutes after the first run."""
        access: Access = {
            "api_url": self.server.api_url, "repository": "example/app", "token": token
        }  # fmt: skip
        repository, remote = (
            Repository(path=clone or self.clone),
            Remote(name="origin", token=token),
        )
        with (
            closing(Hub(**access, write_pause_s=0.0)) as hub,
            closing(Commits(**access, write_pause_s=0.0)) as commits,
        ):
            committers: dict[str, Committer] = {
                "git": GitCommitter(
                    repository=repository, at=records.NOW + timedelta(minutes=later)
                ),
                "api": GitHubCommitter(repository=repository, remote=remote, commits=commits),
            }
            return pull_request.open_or_refresh(
                plan,
                repository=repository,
                remote=remote,
                hub=hub,
                base="main",
                policy=policy or PullRequestPolicy(),
                committer=committers[self.way],
            )

    @property
    def author(self) -> str:
        """Who our commits are by."""
        return "App Bot <bot@example.invalid>" if self.way == "git" else documents.author(BOT)

    @property
    def tips(self) -> dict[str, str]:
        """The branches of the server."""
        return self.server.repository.branches()

    @property
    def pull(self) -> Pull:
        """The only pull request."""
        (pull,) = self.server.hub.pulls
        return pull

    def show(self, revision: str, what: str = "%B") -> str:
        """What git says about a commit on the server."""
        return git(self.server.repository.path, "log", "-1", f"--format={what}", revision)

    def commit(self, branch: str, *, onto: str, files: dict[str, str]) -> str:
        """A person's commit on a branch of the server."""
        person = self.clone.parent / "person"
        if not person.exists():
            git(self.clone.parent, "clone", "--quiet", str(self.server.repository.path), "person")
        git(person, "fetch", "--quiet", "origin")
        git(person, "checkout", "--quiet", "-B", branch, f"origin/{onto}")
        for name, text in files.items():
            (person / name).write_bytes(text.encode())
        git(person, "add", "--all")
        git(person, "commit", "--quiet", "--allow-empty", "-m", "A person's work")
        git(person, "push", "--quiet", "origin", f"HEAD:{branch}")
        return git(person, "rev-parse", "HEAD")

    def writes(self) -> list[str]:
        """Every request that could change something, API and git."""
        return [
            f"{request.method} {request.path}"
            for request in self.server.requests
            if request.method not in READS and not request.path.endswith("git-upload-pack")
        ]


def git(folder: Path, *arguments: str) -> str:
    person = ("-c", "user.name=A Person", "-c", "user.email=person@example.invalid")
    done = subprocess.run(
        ["git", *person, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@contextmanager
def hosted(folder: Path, *, home: Path, way: str) -> Iterator[App]:
    """The app on a server, and a clone of it in `folder`, whose git has a name where it needs one.

    Args:
        folder: for everything.
        home: the folder of git's configuration.
        way: who makes commits, `api` or `git`.
    """
    if way == "git":
        introduce(home)
    seed = folder / "seed"
    (seed / "pins").mkdir(parents=True)
    (seed / PIN).write_text(PLAN.before[PIN])
    (seed / "README.md").write_text("the app\n")
    tokens = {WRITE: Login(BOT, write=True), READ: Login("reader")}
    with GitHubServer.start(
        folder / "hub", tokens=tokens, seed=seed, collaborators=["maintainer"]
    ) as server:
        git(folder, "clone", "--quiet", "--template=", server.clone_url, "clone")
        yield App(server=server, clone=folder / "clone", way=way)


def left_by_another_run(server: GitHubServer) -> None:
    """Puts our branch where another run with another version would, which nobody has seen yet."""
    bare, base = Repository(path=server.repository.path), server.repository.branches()["main"]
    tree = bare.write_tree({PIN: "version: 1.2\n"}, base=base)
    commit = bare.commit_tree(
        tree,
        parent=base,
        message=f"Bump\n\n{TREE}: {tree}\n",
        identity=Identity(name="App Bot", email="bot@example.invalid"),
        at=records.NOW,
    )
    server.repository.keep(f"refs/heads/{BRANCH}", commit)


def newer(version: str = "0.1.4") -> Plan:
    """The plan for a later release."""
    return records.planned(
        candidate=records.candidate(chosen=Release(version=version)),
        bundle=records.bundle(version=version),
    )
