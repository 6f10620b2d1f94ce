"""What the workflows install can be pinned by the hash of every file, as its own words say."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
import uv

from engine_ci import __version__
from engine_ci.setup.files import REQUIREMENTS, requirements

if TYPE_CHECKING:
    from pathlib import Path

    from tests.packaging.conftest import Installed, Release

COMMAND = "uv pip compile --universal --python-version 3.11 --generate-hashes"


@pytest.fixture(params=sorted(REQUIREMENTS))
def named(request: pytest.FixtureRequest) -> str:
    """The text of one of the files that `init` writes."""
    return requirements(__version__)[request.param]


def test_pip_takes_the_files_whose_hashes_are_written_and_no_other(
    named: str, installed: Installed, release: Release, tmp_path: Path
) -> None:
    assert COMMAND in named
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    wheel = shelf / release.wheel.name
    shutil.copy(release.wheel, wheel)
    wanted, hashed = tmp_path / "engine-ci.txt", tmp_path / "hashed.txt"
    wanted.write_text(named)
    subprocess.run(
        [
            uv.find_uv_bin(),
            *COMMAND.split()[1:],
            "--quiet",
            "--find-links",
            shelf,
            "--output-file",
            hashed,
            wanted,
        ],
        check=True,
    )

    def install() -> tuple[int, str]:
        ran = installed.run(
            "python", "-m", "pip", "install", "--dry-run", "--force-reinstall", "--no-cache-dir",
            "--find-links", str(shelf), "--requirement", str(hashed), cwd=tmp_path,
        )  # fmt: skip
        return ran.returncode, ran.stderr

    assert install()[0] == 0, install()
    with wheel.open("ab") as file:
        file.write(b"\0")
    status, said = install()
    assert status != 0
    assert "DO NOT MATCH THE HASHES" in said
