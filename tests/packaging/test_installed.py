"""The wheel alone, in an environment without the repository, does what a checkout does."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from engine_ci import __version__
from engine_ci.errors import Exit
from engine_ci.system.mirror import VARIABLE
from tests.packaging.conftest import ROOT
from tests.unit.system.clones import run as git

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.packaging.conftest import Installed

CONSUMER = """
from pathlib import Path

from engine_ci import __version__
from engine_ci.config import Config, load
from engine_ci.pins.store import load as load_pin

reveal_type(load(Path("engine-ci.yaml")).policy.tries)
reveal_type(load_pin(Path("pin.yaml")).version)
reveal_type(__version__)
config: Config = load("engine-ci.yaml")
"""


def test_both_ways_to_start_it_say_the_version_of_the_metadata(
    installed: Installed, tmp_path: Path
) -> None:
    program = installed.run("engine-ci", "--version", cwd=tmp_path)
    module = installed.run("python", "-m", "engine_ci", "--version", cwd=tmp_path)
    listed = installed.run("python", "-m", "pip", "show", "engine-ci", cwd=tmp_path)

    assert program.stdout == module.stdout == f"engine-ci {__version__}\n"
    assert f"Version: {__version__}\n" in listed.stdout
    assert str(ROOT) not in listed.stdout


def test_it_sets_up_an_app_with_its_own_templates_and_workflows(
    installed: Installed, tmp_path: Path
) -> None:
    repository = tmp_path / "mirror" / "api" / "repos" / "ggml-org" / "llama.cpp"
    name = "llama-b11194-bin-ubuntu-x64.tar.gz"
    asset = {"id": 1, "name": name, "size": 1, "state": "uploaded", "digest": f"sha256:{'0' * 64}"}
    published = {"draft": False, "published_at": "2026-01-01T00:00:00Z", "assets": [asset]}
    tag = {"ref": "refs/tags/b11194", "object": {"type": "commit", "sha": "1" * 40}}
    for path, content in (
        ("releases/tags/b11194.json", {"tag_name": "b11194", **published}),
        ("git/ref/tags/b11194.json", tag),
    ):
        (repository / path).parent.mkdir(parents=True)
        (repository / path).write_text(json.dumps(content))
    app = tmp_path / "app"
    app.mkdir()
    git(app, "init", "--quiet")

    made = installed.run(
        "engine-ci", "init", "--build", "b11194", "--platform", "ubuntu-x64",
        cwd=app, **{VARIABLE: str(tmp_path / "mirror")},
    )  # fmt: skip

    assert made.returncode == Exit.OK, made.stderr
    for workflow in (ROOT / "workflows").glob("*.yml"):
        assert (app / ".github" / "workflows" / workflow.name).read_bytes() == workflow.read_bytes()
    assert "pins/llama.cpp.yaml" in (app / "engine-ci.yaml").read_text()
    assert (app / ".github" / "engine-ci.txt").read_text().endswith(f"engine-ci=={__version__}\n")


@pytest.mark.engine
def test_it_gates_a_real_engine_with_its_own_models_and_pages(
    installed: Installed, tmp_path: Path, mineru: Callable[[str], Path]
) -> None:
    (tmp_path / "engine-ci.yaml").write_text("schema: 1\npins: [p.yaml]\nplatforms: [ubuntu-x64]\n")
    shutil.copy(ROOT / "pins" / "llama.cpp.yaml", tmp_path / "p.yaml")
    candidate, baseline = str(mineru("0.1.3")), str(mineru("0.1.2"))

    ran = installed.run(
        "engine-ci", "gate", "--candidate", candidate, "--baseline", baseline,
        "--suite", "tokens", "--out", "gate", "--json", cwd=tmp_path,
    )  # fmt: skip

    assert ran.returncode == Exit.OK, ran.stderr
    result = json.loads(ran.stdout)
    assert result["verdict"] == "pass"
    goldens = (ROOT / "fixtures" / "golden").glob("stable*.json")
    asked = {check["id"] for check in result["checks"] if check["status"] == "pass"}
    assert {f"tokens/{golden.stem}/strict" for golden in goldens} <= asked
    assert (tmp_path / "gate" / "gate.html").stat().st_size > 0


def test_who_imports_it_is_told_its_types(installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "consumer.py").write_text(CONSUMER)

    told = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", "cache", "--python-executable",
         installed.bin / "python", "consumer.py"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip

    revealed = [line for line in told.stdout.splitlines() if "Revealed type" in line]
    assert ["int" in revealed[0], *("str" in line for line in revealed[1:])] == [True] * 3
    wrong = 'Argument 1 to "load" has incompatible type "str"; expected "Path"'
    assert wrong in told.stdout
    assert "Found 1 error" in told.stdout
