"""`engine-ci ensure`, against a package index on loopback."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from engine_ci.errors import Exit
from engine_ci.pins import store

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.artifact.wheels import Index
    from tests.unit.cli.command import CommandLine


def test_the_bundle_is_made_once_and_is_there_from_then_on(
    run: CommandLine, toy: Index, app: Path
) -> None:
    first = run("ensure", "--into", "vendor/engine")
    second = run("ensure", "--into", "vendor/engine")

    assert (first.status, first.out) == (Exit.OK, "vendor/engine\n")
    assert first.err.startswith("prepare 1.0: fetch\n")
    assert (second.status, second.out, second.err) == (Exit.OK, "vendor/engine\n", "")
    assert (app / "vendor" / "engine" / "bin" / "llama-server").exists()
    assert len(toy.downloads) == 1


@pytest.mark.usefixtures("toy")
def test_nothing_that_makes_bundles_is_loaded_where_one_is_there(run: CommandLine) -> None:
    run("ensure", "--into", "engine")
    script = (
        "import sys\n"
        "from engine_ci.cli.main import app\n"
        "app(['ensure', '--into', 'engine'], standalone_mode=False)\n"
        "print(*sys.modules)"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stderr == ""
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "engine_ci.artifact.seal" in loaded
    assert loaded.isdisjoint(
        [*(f"engine_ci.artifact.{name}" for name in ("making", "source_build", "signing")),
         "engine_ci.system.pip", "engine_ci.system.git", "filelock", "requests"]
    )  # fmt: skip


@pytest.mark.usefixtures("toy")
def test_the_record_can_be_had_as_json(run: CommandLine) -> None:
    ran = run("ensure", "--into", "engine", "--json")

    assert json.loads(ran.out)["version"] == "1.0"


@pytest.mark.usefixtures("toy")
def test_progress_names_a_platform_that_is_not_this_machines(run: CommandLine, app: Path) -> None:
    path = app / "pins" / "llama.cpp.yaml"
    pin = store.load(path)
    other = pin.model_copy(update={"platforms": {"macos-arm64": pin.platforms["ubuntu-x64"]}})
    path.write_text(store.dump(other), encoding="utf-8")

    ran = run("ensure", "--into", "engine", "--platform", "macos-arm64")

    assert ran.err.startswith("prepare 1.0 for macos-arm64: fetch\n")
