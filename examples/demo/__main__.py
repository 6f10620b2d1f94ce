"""Runs `engine-ci bump` on an example app, as its scheduled workflow would, and shows the outcome.

GitHub is the embedded server of `fixtures/github`, with a real git repository behind it. Releases
come from the package index that pip is configured with, and are real llama.cpp builds.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from engine_ci.config import ALL_SUITES
from examples.demo.outcome import Outcome, read, wrong
from fixtures.github import GitHubServer, Login

HERE = Path(__file__).parent
SUITES = tuple(suite for suite in ALL_SUITES if suite != "performance")
TOKEN = "demo-token"  # noqa: S105 - opens nothing but the embedded server
BOT = "engine-ci[bot]"


def main() -> int:
    """Sets the scene, runs one bump, and shows what came of it."""
    parser = argparse.ArgumentParser(prog="python -m examples.demo", description=__doc__)
    parser.add_argument("--without-performance", action="store_true", help="skip that suite")
    parser.add_argument("--into", type=Path, default=Path(".demo"), help="folder for everything")
    options = parser.parse_args()
    into = options.into.resolve()
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    tokens = {TOKEN: Login(BOT, write=True)}
    with GitHubServer.start(into / "github", tokens=tokens, seed=HERE / "app") as server:
        clone = into / "app"
        subprocess.run(["git", "clone", "--quiet", server.clone_url, str(clone)], check=True)
        before = server.repository.branches()
        status = _bump(clone, server, suites=SUITES if options.without_performance else ())
        outcome = read(clone / ".engine-ci", server, status=status, moved=_moved(before, server))
    _show(outcome)
    faults = wrong(outcome)
    for fault in faults:
        print(f"wrong: {fault}", file=sys.stderr)
    return 1 if faults else 0


def _bump(clone: Path, server: GitHubServer, *, suites: tuple[str, ...]) -> int:
    """Runs the command with what GitHub Actions would put into its environment."""
    environment = dict(os.environ) | {
        "GITHUB_API_URL": server.api_url,
        "GITHUB_SERVER_URL": server.api_url,
        "GITHUB_REPOSITORY": "example/app",
        "GITHUB_TOKEN": TOKEN,
    }
    asked = [word for suite in suites for word in ("--suite", suite)]
    command = [sys.executable, "-m", "engine_ci", "bump", "--open", *asked]
    return subprocess.run(
        command, cwd=clone, env=environment, stdout=subprocess.DEVNULL, check=False
    ).returncode


def _moved(before: dict[str, str], server: GitHubServer) -> bool:
    return server.repository.branches()["main"] != before["main"]


def _show(outcome: Outcome) -> None:
    for refusal in outcome.refused:
        print(f"\nrefused {refusal.version}: {refusal.reason}")
        for line in refusal.evidence:
            print(f"    {line}")
    if outcome.pull is None:
        print("\nno pull request was opened")
    else:
        draft = " (draft)" if outcome.pull.draft else ""
        print(f"\npull request #{outcome.pull.number}{draft}: {outcome.pull.title}\n")
        print(outcome.pull.body)
    if outcome.page is not None:
        print(f"\nthe gate's report: {outcome.page}")
    print(f"\n{outcome.summary}")


if __name__ == "__main__":
    sys.exit(main())
