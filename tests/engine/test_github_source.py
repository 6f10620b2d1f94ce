"""Real engines in archives of a release, from `detect` to the bundle, on an embedded GitHub."""

from __future__ import annotations

import hashlib
import json
import subprocess
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from engine_ci.engine import supervisor
from engine_ci.engine.adapters.llama_server import LlamaServer
from engine_ci.engine.adapters.settings import Settings
from engine_ci.errors import Exit
from engine_ci.pins.model import Asset
from fixtures.github import GitHubServer
from tests.unit.cli.command import CommandLine, app_in, write_release
from tests.unit.releases.upstream import NOON

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.engine

NAME = "llama-b{}-bin-ubuntu-x64.tar.gz"
# Upstream's commits of both wheels, under numbers of our own: of before files had to be signed.
ENGINES = {10194: "0.1.2", 10195: "0.1.3"}


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(capsys)


# Past every cooldown.
LONG_AGO = NOON - timedelta(days=100)


def archived(engine: Path, build: int, *, into: Path) -> bytes:
    """The engine as upstream packs it: one folder, named after the build."""
    path = into / NAME.format(build)
    subprocess.run(
        ["tar", "--create", "--use-compress-program=gzip -1", "--file", path,
         "--transform", f"s,^[.],llama-b{build},", "--directory", engine, "."],
        check=True,
    )  # fmt: skip
    return path.read_bytes()


@pytest.fixture
def github(
    tmp_path: Path,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    mineru: Callable[[str], Path],
) -> Iterator[GitHubServer]:
    """Upstream with two builds, and an app in the current folder that pins the older one."""
    content = {
        build: archived(mineru(version), build, into=tmp_path) for build, version in ENGINES.items()
    }
    app = app_in(tmp_path)
    pinned = Asset(
        name=NAME.format(10194),
        size=len(content[10194]),
        sha256=hashlib.sha256(content[10194]).hexdigest(),
    )
    write_release(app, pinned, build=10194, commit="9a3bf2b")
    monkeypatch.chdir(app)
    assert home.is_dir()
    with GitHubServer.start(
        tmp_path / "hub", tokens={}, owner="ggml-org", repository="llama.cpp"
    ) as server:
        for build, data in content.items():
            server.hub.shelf.publish(f"b{build}", at=LONG_AGO, files={NAME.format(build): data})
        monkeypatch.setenv("ENGINE_CI_RELEASES_API_URL", server.api_url)
        monkeypatch.setenv("ENGINE_CI_RELEASES_URL", server.api_url)
        yield server


def test_a_release_is_detected_downloaded_verified_and_serves(
    github: GitHubServer, run: CommandLine, smollm2: Path, tmp_path: Path
) -> None:
    detected = run("detect", "--json")
    current, candidate = run("prepare", "--current", "--json"), run("prepare", "--json")

    assert (detected.status, current.status, candidate.status) == (Exit.OK,) * 3, candidate.err
    chosen = json.loads(detected.out)["chosen"]
    bundles = [json.loads(ran.out) for ran in (current, candidate)]
    assert [bundle["version"] for bundle in bundles] == ["b10194", "b10195"]
    assert [bundle["commit"]["id"] for bundle in bundles] == ["9a3bf2b", "86a2835"]
    assert chosen["version"] == "b10195"
    told = [bundle["provenance"]["ubuntu-x64"]["attestation"] for bundle in bundles]
    assert told[0] is None
    assert told[1]["state"] == "absent"
    stored = [record for record in github.requests if record.path.startswith("/storage/")]
    assert [record.status for record in stored] == [200, 200]

    folder = tmp_path / "app" / ".engine-ci" / "candidate"
    server = LlamaServer(folder / bundles[1]["server"])
    log = tmp_path / "log"
    with supervisor.start(server, model=smollm2, settings=Settings(), log=log) as engine:
        answer = engine.client.complete("The capital of France is", count=4)
    assert len(answer.tokens) == 4
