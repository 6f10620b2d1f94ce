"""What `changes` and `check` leave of real engines is what `required` believes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from engine_ci.errors import Exit
from tests.engine.test_check import clone, run
from tests.unit.bump import checked
from tests.unit.system.clones import committed

if TYPE_CHECKING:
    from engine_ci.system.git import Repository
    from tests.unit.cli.command import CommandLine, Ran

pytestmark = pytest.mark.engine
__all__ = ["clone", "run"]  # fixtures
WORK, RESULTS = Path(".engine-ci"), Path("results")


def decided(run: CommandLine) -> Ran:
    jobs = checked.needs(oldest="skipped")
    needs = json.dumps({name: {"result": how, "outputs": {}} for name, how in jobs.items()})
    return run("required", "--needs", needs, "--results", str(RESULTS), "--json")


def test_what_a_real_gate_leaves_counts_and_a_change_of_it_does_not(
    run: CommandLine, clone: Repository
) -> None:
    config = yaml.safe_load((clone.path / "engine-ci.yaml").read_text())
    config["gate"] = {"suites": ["loads"]}
    base = committed(clone, {"engine-ci.yaml": yaml.safe_dump(config)})
    committed(clone, {"README.md": "words\n"})
    for command in ("changes", "check"):
        assert run(command, "--base", base).status == Exit.OK
    (RESULTS / "changes").mkdir(parents=True)
    shutil.copy(WORK / "changes.json", RESULTS / "changes")
    # As the artifact of two paths is laid out: from the folder that they have in common.
    shutil.copytree(WORK / "gate", RESULTS / "gate-macos-15" / "gate")
    shutil.copy(WORK / "check.json", RESULTS / "gate-macos-15")

    fine = decided(run)
    file = RESULTS / "gate-macos-15" / "gate" / "gate.json"
    file.write_text(file.read_text().replace('"loads/stable"', '"loads/other"'))
    changed = decided(run)

    assert fine.status == Exit.OK
    assert changed.status == Exit.GATE_SAYS_NO
    assert "the sha256 of gate.json: expected" in changed.out
