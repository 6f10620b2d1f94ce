"""Runs our workflows on this machine with `act`: no Docker, no network, stand-ins for actions.

`act` needs the workflow in a clone whose remote says it is on GitHub; what a job checks out comes
from the embedded server. Filters, permissions and concurrency it ignores: `test_rules.py` has them.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.workflows.files import ALL, ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fixtures.github import GitHubServer

ACT = Path(sysconfig.get_path("scripts")) / "act"
STANDINS = Path(__file__).parent / "standins"
RUNNERS = ("ubuntu-24.04", "macos-14", "macos-15", "self-hosted")
PATIENCE_S = 240.0


@dataclass(frozen=True)
class Ran:
    """What one run of a workflow came to.

    Attributes:
        jobs: how each job that ran ended: `success` or `failure`. Those skipped are not in it.
        steps: for each job how its named steps ended.
        artifacts: a folder with an archive for each artifact.
        said: all that was printed.
    """

    status: int
    jobs: Mapping[str, str]
    steps: Mapping[str, Mapping[str, str]]
    artifacts: Path
    said: str

    def files(self, artifact: str) -> list[str]:
        """The names of the files in an artifact."""
        with zipfile.ZipFile(self.artifacts / f"{artifact}.zip") as archive:
            return archive.namelist()


@dataclass
class Act:
    """Workflows of one app on one embedded server; caches last from run to run.

    Attributes:
        variables: of the repository.
        environment: of every job, beside or instead of what stand-ins need.
        actions: those that are taken from a folder, as `OWNER/NAME@COMMIT`, beside the stand-ins.
    """

    server: GitHubServer
    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    actions: Mapping[str, str] = field(default_factory=dict)
    _runs: int = 0

    def run(
        self,
        event: str,
        *,
        workflow: str,
        token: str,
        at: str | None = None,
        payload: Mapping[str, Any] | None = None,
        secrets: Mapping[str, str] | None = None,
        inputs: Mapping[str, str] | None = None,
    ) -> Ran:
        """Runs one workflow for one event.

        Args:
            event: such as `pull_request`.
            workflow: the name of its file, without the ending.
            token: the workflow's own.
            at: the commit that GitHub would run it at; that of the main branch where not given.
            payload: of the event.
            secrets: of the repository.
            inputs: of a run by hand.
        """
        self._runs += 1
        scratch = self.folder / f"run-{self._runs}"
        clone = self._clone(scratch / "clone", at=at or self.main)
        (scratch / "event.json").write_text(json.dumps(dict(payload or {})))
        for name in ("home", "artifacts", "actions"):
            (scratch / name).mkdir()
        (self.folder / "caches").mkdir(exist_ok=True)
        done = subprocess.run(
            [
                ACT, event, "--json", "--directory", clone,
                "--workflows", f".github/workflows/{workflow}.yml",
                "--eventpath", scratch / "event.json",
                "--action-cache-path", scratch / "actions", "--action-offline-mode",
                "--no-cache-server", "--no-skip-checkout", "--concurrent-jobs", "1",
                *_options("--platform", dict.fromkeys(RUNNERS, "-self-hosted")),
                *_options("--local-repository", {**_standins(), **self.actions}),
                *_options("--secret", {"GITHUB_TOKEN": token, **(secrets or {})}),
                *_options("--var", self.variables),
                *_options("--input", inputs or {}),
                *_options("--env", self._env(scratch)),
            ],
            # Of this process's own environment a job sees nothing, as on a runner.
            env=_outside(scratch),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )  # fmt: skip
        return _read(done.returncode, done.stdout, artifacts=scratch / "artifacts")

    @property
    def main(self) -> str:
        """The commit of the main branch."""
        return self.server.repository.branches()["main"]

    def _clone(self, path: Path, *, at: str) -> Path:
        def git(*arguments: str) -> None:
            subprocess.run(["git", "-C", path, *arguments], check=True)

        path.mkdir(parents=True)
        git("init", "--quiet", "--initial-branch=main")
        git("fetch", "--quiet", str(self.server.repository.path), at)
        git("checkout", "--quiet", "-B", "main", at)
        git("remote", "add", "origin", "https://github.com/example/app")
        return path

    def _env(self, scratch: Path) -> dict[str, str]:
        return {
            "GITHUB_API_URL": self.server.api_url,
            "GITHUB_SERVER_URL": self.server.api_url,
            "PYTHONPATH": str(ROOT),
            "STANDIN_CACHE": str(self.folder / "caches"),
            "STANDIN_ORIGIN": self.server.clone_url,
            "STANDIN_PYTHON": str(Path(sys.executable).parent),
            "STANDIN_STORE": str(scratch / "artifacts"),
            **self.environment,
        }


def _outside(scratch: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH",)}
    python = Path(sys.executable).parent
    return kept | {
        "PATH": f"{python}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(scratch / "home"),
        "LANG": "C.UTF-8",
        "GIT_PAGER": "cat",
    }


def _options(name: str, values: Mapping[str, str]) -> list[str]:
    return [word for key, value in values.items() for word in (name, f"{key}={value}")]


def _standins() -> dict[str, str]:
    """Each action that our files use, as they pin it, and the folder that takes its place."""
    text = "".join(path.read_text(encoding="utf-8") for path in ALL)
    used = set(re.findall(r"uses: (actions/[\w-]+)(?:/[\w-]+)*@([0-9a-f]{40})", text))
    return {f"{name}@{commit}": str(STANDINS / name.split("/")[1]) for name, commit in used}


def _read(status: int, output: str, *, artifacts: Path) -> Ran:
    jobs: dict[str, str] = {}
    steps: dict[str, dict[str, str]] = {}
    said = []
    for line in output.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            said.append(line)
            continue
        said.append(f"{entry.get('jobID', '')}: {entry.get('msg', '')}".rstrip())
        if "jobResult" in entry:
            jobs[entry["jobID"]] = entry["jobResult"]
        if "stepResult" in entry and entry.get("stage") == "Main":
            steps.setdefault(entry["jobID"], {})[entry["step"]] = entry["stepResult"]
    return Ran(status, jobs, steps, artifacts, "\n".join(said))
