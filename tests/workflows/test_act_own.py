"""What apps do not copy: the composite action, used by a small workflow, and our own canary."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sysconfig
import venv
from typing import TYPE_CHECKING

import pytest
import yaml

from engine_ci.pins import store
from engine_ci.pins.model import Asset
from fixtures.github import GitHubServer, Login
from tests.engine.test_example_app import ENGINES, NAME, archives, upstream
from tests.workflows import scene
from tests.workflows.act import Act
from tests.workflows.files import OWN, ROOT
from tests.workflows.scene import CONFIG, PIN, READER, Pull, Repository

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

pytestmark = pytest.mark.engine
__all__ = ["archives", "upstream"]  # fixtures
COMMIT = "0123456789abcdef0123456789abcdef01234567"
SMALL = f"""\
on: pull_request
jobs:
  gate:
    runs-on: ubuntu-24.04
    permissions: {{contents: read}}
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1
        with: {{fetch-depth: 0, persist-credentials: false}}
      - uses: example/engine-ci@{COMMIT}
        with:
          command: ${{{{ vars.COMMAND }}}}
"""
PINNED, NEWER = sorted(ENGINES)


@pytest.fixture
def used(tmp_path: Path) -> Path:
    """What GitHub fetches for `uses`: the files of this repository, and nothing else."""
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z"], check=True, capture_output=True, text=True
    ).stdout
    folder = tmp_path / "engine-ci"
    for name in filter(None, listed.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """The programs of a Python that has what engine-ci needs, and not engine-ci."""
    folder = tmp_path / "python"
    venv.create(folder, with_pip=True)
    (site,) = (folder / "lib").glob("python*/site-packages")
    (site / "of-the-tests.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "bin"


def test_the_action_installs_what_it_names_runs_one_command_and_keeps_its_records(
    act: Act, used: Path, python: Path
) -> None:
    act.actions = {f"example/engine-ci@{COMMIT}": str(used)}
    # It may fetch what builds it, and finds itself where it was installed.
    own = {"STANDIN_PYTHON": str(python), "PYTHONPATH": "", "PIP_NO_INDEX": "0"}
    act.environment = {**act.environment, **own}
    changed = {".github/workflows/small.yml": SMALL, "README.md": "# Another\n"}
    pull = Pull.opened(act, "small", changed)

    act.variables = {"COMMAND": "check --base origin/main"}
    ran = pull.run("small")
    act.variables = {"COMMAND": "check --base origin/main; touch $HOME/pwned"}
    refused = pull.run("small")

    assert ran.jobs == {"gate": "success"}, ran.said
    assert (python / "engine-ci").is_file()
    kept = ran.files("engine-ci")
    assert {"check.json", "gate/gate.json", "candidate/bundle.json"} <= set(kept)
    # A command is words, and no line of a shell.
    assert refused.jobs == {"gate": "failure"}, refused.said
    assert "no such option" in refused.said or "unexpected extra argument" in refused.said
    assert not list(act.folder.rglob("pwned"))


@pytest.fixture
def project(archives: Mapping[int, bytes], tmp_path: Path) -> Path:
    """This repository as far as its canary reads it, with the older build for Linux as its pin."""
    folder = tmp_path / "project"
    shutil.copytree(OWN, folder / ".github" / "workflows")
    (folder / ".github" / "engine-ci.txt").write_text("engine-ci\n")
    config = yaml.safe_load((ROOT / CONFIG).read_text()) | {
        "platforms": ["ubuntu-x64"],
        "gate": {"suites": ["loads"]},
    }
    # The history of the real one is 18 MB on the network.
    del config["upstream"]
    (folder / CONFIG).write_text(yaml.safe_dump(config))
    data = archives[PINNED]
    sha256 = hashlib.sha256(data).hexdigest()
    pin = store.load(ROOT / PIN).model_copy(
        update={
            "version": f"b{PINNED}",
            "build": PINNED,
            "commit": scene.COMMIT.model_copy(update={"id": "9a3bf2b"}),
            "platforms": {
                "ubuntu-x64": Asset(name=NAME.format(PINNED), size=len(data), sha256=sha256)
            },
        }
    )
    (folder / "pins").mkdir()
    (folder / PIN).write_text(store.dump(pin))
    return folder


@pytest.fixture
def ours(project: Path, tmp_path: Path) -> Iterator[GitHubServer]:
    tokens = {READER: Login("github-actions[bot]")}
    with GitHubServer.start(tmp_path / "ours", tokens=tokens, seed=project) as server:
        yield server


def test_the_canary_does_the_whole_job_on_both_systems_and_opens_nothing(
    ours: GitHubServer, upstream: GitHubServer, tmp_path: Path
) -> None:
    before = ours.repository.branches()
    environment = scene.fetching(upstream.api_url, into=tmp_path / "cache")
    act = Act(ours, tmp_path / "act", environment=environment)

    ran = act.run("schedule", workflow="canary", token=READER, payload={"schedule": "41 3 * * 2"})

    assert ran.jobs == {"bump": "success"}, ran.said
    for runner in ("ubuntu-24.04", "macos-15"):
        kept = ran.files(f"canary-{runner}")
        assert {"candidate.json", "candidate/bundle.json", "gate/gate.json"} <= set(kept)
    assert f"-version: b{PINNED}" in ran.said
    assert f"+version: b{NEWER}" in ran.said
    assert (ours.hub.pulls, ours.repository.branches()) == ([], before)
    assert Repository(ours).text(PIN) == (tmp_path / "project" / PIN).read_text()
    asked = {(each.method, each.status) for each in upstream.requests}
    assert {method for method, _ in asked} == {"GET"}
