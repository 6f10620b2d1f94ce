"""The example app, without a line of Python: set up by `init`, its own script brings the engine."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from engine_ci.errors import Exit
from engine_ci.records.bundle import Bundle
from engine_ci.setup import files
from fixtures.github import GitHubServer
from tests.unit.cli.command import CommandLine
from tests.unit.cli.test_init import APP, SCRIPT
from tests.unit.releases.upstream import NOON
from tests.unit.system.clones import run as git
from tests.unit.system.clones import saved

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(shutil.which("npm") is None, reason="npm runs the example app's script"),
]

NAME = "llama-b{}-bin-ubuntu-x64.tar.gz"
# Upstream's commits of both wheels, under numbers of our own: of before files had to be signed.
ENGINES = {10194: "0.1.2", 10195: "0.1.3"}
LICENCE = APP.parent / "demo" / "app" / "licences" / "LICENSE.llama.cpp"
LONG_AGO = NOON - timedelta(days=100)


def archived(engine: Path, build: int, *, into: Path) -> bytes:
    """The engine as upstream packs it, in one folder named after the build, with its licence."""
    folder = shutil.copytree(engine, into / f"llama-b{build}")
    shutil.copy(LICENCE, folder / "LICENSE")
    path = into / NAME.format(build)
    subprocess.run(
        ["tar", "--create", "--use-compress-program=gzip -1", "--file", path,
         "--directory", into, folder.name],
        check=True,
    )  # fmt: skip
    return path.read_bytes()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(capsys)


@dataclass(frozen=True, kw_only=True)
class Published:
    """Upstream, and its archives by build."""

    url: str
    archives: Mapping[int, bytes]

    def sha256(self, build: int) -> str:
        return hashlib.sha256(self.archives[build]).hexdigest()


@pytest.fixture
def archives(mineru: Callable[[str], Path], tmp_path: Path) -> Mapping[int, bytes]:
    return {build: archived(mineru(name), build, into=tmp_path) for build, name in ENGINES.items()}


@pytest.fixture
def upstream(archives: Mapping[int, bytes], tmp_path: Path) -> Iterator[GitHubServer]:
    """llama.cpp's repository on loopback, with two builds for Linux."""
    with GitHubServer.start(
        tmp_path / "hub", tokens={}, owner="ggml-org", repository="llama.cpp"
    ) as server:
        for build, data in archives.items():
            server.hub.shelf.publish(f"b{build}", at=LONG_AGO, files={NAME.format(build): data})
        yield server


@pytest.fixture
def published(
    upstream: GitHubServer, archives: Mapping[int, bytes], monkeypatch: pytest.MonkeyPatch
) -> Published:
    """The same as this process finds it, with the tags of both."""
    for build in archives:
        git(upstream.repository.path, "tag", f"b{build}", "HEAD")
    monkeypatch.setenv("ENGINE_CI_RELEASES_API_URL", upstream.api_url)
    monkeypatch.setenv("ENGINE_CI_RELEASES_URL", upstream.api_url)
    return Published(url=upstream.api_url.rstrip("/"), archives=archives)


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, published: Published) -> Path:
    """A clone of the app as it was when it pinned the older build, installed; current folder."""
    folder = tmp_path / "app"
    shutil.copytree(APP, folder, ignore=shutil.ignore_patterns("node_modules"))
    script = (folder / SCRIPT).read_text(encoding="utf-8").replace("b11194", "b10194")
    (folder / SCRIPT).write_text(script.replace("2" * 64, published.sha256(10194)), "utf-8")
    package = (folder / "package.json").read_text().replace("https://github.com", published.url)
    (folder / "package.json").write_text(package)
    git(folder, "init", "--quiet")
    saved(folder)
    monkeypatch.chdir(folder)
    return folder


def test_its_own_script_brings_the_engine_of_a_pin_and_of_a_candidate(
    run: CommandLine,
    app: Path,
    published: Published,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # What npm keeps is the user's, and what engine-ci keeps is the test's.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = run("init", "--platform", "ubuntu-x64")
    with (app / files.CONFIG).open("a") as config:
        config.write("gate: {suites: [loads]}\n")
    saved(app)
    ensured = run("ensure", "--into", str(tmp_path / "engine"))
    bumped = run("bump")

    assert (made.status, ensured.status) == (Exit.OK, Exit.OK), made.err + ensured.err
    assert bumped.status == Exit.OK, bumped.err
    pinned, candidate = (
        Bundle.model_validate_json((folder / "bundle.json").read_text())
        for folder in (tmp_path / "engine", app / ".engine-ci" / "candidate")
    )
    assert (pinned.version, candidate.version) == ("b10194", "b10195")
    assert pinned.tree_sha256 != candidate.tree_sha256
    assert f'+    sha256: "{published.sha256(10195)}"' in bumped.out
    assert '+const LLAMA_CPP_TAG = "b10195";' in bumped.out
    assert f'+    file: "{NAME.format(10195)}"' in bumped.out
