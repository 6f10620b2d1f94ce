"""The app on an embedded GitHub, its clone, and the environment in which a person works there."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Final

import platformdirs

from examples.tutorial import upstream
from fixtures.github import GitHubServer, Login

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT: Final = Path(__file__).parents[2]
APP: Final = ROOT / "examples" / "tauri-app"
# Copies for the how-to pages: another app, and a model that could be anybody's.
_BESIDE: Final = {
    "demo-app": ROOT / "examples" / "demo" / "app",
    "my-model.gguf": ROOT / "fixtures" / "zoo" / "stable.gguf",
}
REPOSITORY: Final = "you/note-taker"
YOU: Final = "your-token"
WORKFLOW: Final = "workflow-token"
LOGINS: Final = {
    YOU: Login("you", write=True, admin=True),
    WORKFLOW: Login("github-actions[bot]", write=True),
}
PINNED: Final = 10194
END: Final = "\n"
"""A line behind the last of the environment."""
_SCRIPT: Final = "scripts/ensure-llama-server.ts"
# What stands in the script of the example, whose builds nobody published.
_EXAMPLE: Final = ("b11194", "2" * 64)


def serve(into: Path) -> None:
    """Sets the scene in a folder, says on stdout how to get there, and serves until SIGTERM."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    for name, original in _BESIDE.items():
        copy = shutil.copytree if original.is_dir() else shutil.copy
        copy(original, into / name)
    builds = upstream.archives()
    owner, _, name = REPOSITORY.partition("/")
    with upstream.serve(into / "upstream", builds) as releases:
        seed = _seed(into / "seed", builds[PINNED], releases=releases.api_url)
        with GitHubServer.start(
            into / "hub", tokens=LOGINS, owner=owner, repository=name, seed=seed
        ) as hub:
            _clone(into / "note-taker", hub)
            _say(_environment(into, hub=hub, releases=releases))
            with suppress(KeyboardInterrupt):
                signal.pause()


def _seed(folder: Path, pinned: upstream.Archive, *, releases: str) -> Path:
    """The app as it is when it pins the older build, and finds releases where they are here."""
    shutil.copytree(APP, folder, ignore=shutil.ignore_patterns("node_modules"))
    build, sha256 = _EXAMPLE
    _replace(folder / _SCRIPT, {build: f"b{pinned.build}", sha256: pinned.sha256})
    _replace(folder / "package.json", {"https://github.com": releases.rstrip("/")})
    return folder


def _replace(path: Path, words: Mapping[str, str]) -> None:
    text = path.read_text(encoding="utf-8")
    for old, new in words.items():
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")


def _clone(folder: Path, hub: GitHubServer) -> None:
    """A clone in your name, that may push."""
    subprocess.run(["git", "clone", "--quiet", hub.clone_url, str(folder)], check=True)
    helper = f"!f() {{ echo username=you; echo password={YOU}; }}; f"
    for key, value in {
        "user.name": "You",
        "user.email": "you@example.org",
        "credential.helper": helper,
    }.items():
        subprocess.run(["git", "-C", str(folder), "config", key, value], check=True)


def _environment(into: Path, *, hub: GitHubServer, releases: GitHubServer) -> dict[str, str]:
    """What a workflow finds in its environment, and a cache of its own for builds of our making."""
    return {
        "TUTORIAL": str(into),
        "TUTORIAL_SERVER": str(os.getpid()),
        "APP": str(into / "note-taker"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "GITHUB_API_URL": hub.api_url,
        "GITHUB_REPOSITORY": REPOSITORY,
        "GITHUB_TOKEN": WORKFLOW,
        "ENGINE_CI_RELEASES_API_URL": releases.api_url,
        "ENGINE_CI_RELEASES_URL": releases.api_url,
        "XDG_CACHE_HOME": str(into / "cache"),
        "PIP_CACHE_DIR": platformdirs.user_cache_dir("pip"),
    }


def _say(environment: Mapping[str, str]) -> None:
    for name, value in environment.items():
        print(f"export {name}={quote(value)}")
    print(END, end="", flush=True)
