"""What happens on GitHub itself in the tutorial: a workflow that runs, a button that you press."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import requests

from examples.tutorial.place import REPOSITORY, WORKFLOW, YOU


def approve(number: int) -> str:
    """Your approval of what the pull request shows now."""
    _ask("POST", f"pulls/{number}/reviews", token=YOU, body={"event": "APPROVE"})
    return f"you approved pull request #{number}"


def run_gate(number: int) -> str:
    """The job of `engine-gate.yml` that decides, on the head of the pull request; and its check."""
    pull = _ask("GET", f"pulls/{number}", token=WORKFLOW)
    head, base = pull["head"]["sha"], pull["base"]["ref"]
    conclusion = "success" if _passes(head, base=base) else "failure"
    run = {"name": "engine-gate", "head_sha": head, "status": "completed", "conclusion": conclusion}
    _ask("POST", "check-runs", token=WORKFLOW, body=run)
    return f"engine-gate of pull request #{number}: {conclusion}"


def _passes(head: str, *, base: str) -> bool:
    """`engine-ci check` in a fresh checkout, as on a runner."""
    url = f"{os.environ['GITHUB_API_URL']}/{REPOSITORY}.git"
    with tempfile.TemporaryDirectory() as folder:
        checkout = Path(folder) / "app"
        subprocess.run(["git", "clone", "--quiet", url, str(checkout)], check=True)
        subprocess.run(
            ["git", "-C", str(checkout), "checkout", "--quiet", "--detach", head], check=True
        )
        gate = [sys.executable, "-m", "engine_ci", "check", "--base", f"origin/{base}"]
        return subprocess.run(gate, cwd=checkout, check=False).returncode == 0


def _ask(method: str, path: str, *, token: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
    url = f"{os.environ['GITHUB_API_URL']}/repos/{REPOSITORY}/{path}"
    headers = {"Authorization": f"token {token}"}
    answer = requests.request(method, url, json=body, headers=headers, timeout=60)
    answer.raise_for_status()
    return answer.json()
