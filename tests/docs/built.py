"""The site, as `make docs` builds it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.docs.console import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def into(folder: Path) -> Path:
    """Builds it strictly; a warning fails."""
    ran = subprocess.run(
        # Without `--quiet`, which would count no warnings either.
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return folder
