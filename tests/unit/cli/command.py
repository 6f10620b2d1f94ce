"""Runs the command line in this process, as a person would see it."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema_rs
import pytest

from engine_ci.cli import schemas
from engine_ci.cli.main import main
from engine_ci.pins import store
from engine_ci.pins.model import Commit, GitHubReleases, PackageIndex, Pin, SourceBuild
from tests.unit.artifact import code, wheels
from tests.unit.system.clones import run as git

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine_ci.pins.model import Asset

# What `detect` ends with where the configuration names nobody to ask.
UNASKED = "upstream: not asked: the configuration names no repository of llama.cpp"
# The schema of what each command prints.
RESULTS = {
    "audit": "audit",
    "backtest": "backtest",
    "bump": "proposal",
    "changes": "changes",
    "check": "check",
    "detect": "candidate",
    "doctor": "doctor",
    "eject": "edits",
    "ensure": "bundle",
    "gate": "gate",
    "golden record": "goldens",
    "golden verify": "goldens",
    "hold": "holds",
    "init": "edits",
    "mirror": "mirror",
    "prepare": "bundle",
    "propose": "proposal",
    "report diff": "difference",
    "report show": "gate",
    "required": "decision",
    "review": "decision",
    "rollback": "proposal",
    "unhold": "holds",
    "watch": "watched",
}
APP = Path(__file__).parents[3] / "examples" / "demo" / "app"


@dataclass(frozen=True)
class Ran:
    """What came of it."""

    status: int
    out: str
    err: str


class CommandLine:
    """`run("detect", "--json")` in the current folder."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    def __call__(self, *arguments: str) -> Ran:
        self._capture.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        said = self._capture.readouterr()
        held_to_schema(arguments, said.out)
        return Ran(status=int(ended.value.code or 0), out=said.out, err=said.err)


def held_to_schema(arguments: Sequence[str], out: str) -> None:
    """Whatever a command prints with `--json` in any test has the form that is published."""
    if "--json" in arguments and out:
        two = arguments[0] in ("golden", "report")
        if name := RESULTS.get(" ".join(arguments[: 1 + two])):
            jsonschema_rs.validate(schemas.of(name), json.loads(out), validate_formats=True)


def app_in(folder: Path) -> Path:
    """A copy of the example app."""
    return Path(shutil.copytree(APP, folder / "app"))


def write_pin(app: Path, published: Asset) -> None:
    """Pins the toy engine, 1.0 of it."""
    pin = Pin(
        schema=1,
        name="toy",
        adapter="llama-server",
        source=PackageIndex(kind="package-index", package=wheels.PACKAGE),
        version="1.0",
        commit=Commit(id="86a2835", abbreviated=True),
        platforms={"ubuntu-x64": published},
    )
    _write(app, pin)


def write_release(app: Path, published: Asset, *, build: int, commit: str) -> None:
    """Pins a release of upstream, by its archive for Linux."""
    pin = Pin(
        schema=1,
        name="llama.cpp",
        adapter="llama-server",
        source=GitHubReleases(kind="github-releases", repository="ggml-org/llama.cpp"),
        version=f"b{build}",
        build=build,
        commit=Commit(id=commit, abbreviated=True),
        platforms={"ubuntu-x64": published},
    )
    _write(app, pin)


def write_code_pin(app: Path, published: Asset) -> None:
    """A pin of source code that is in the app's folder `mirror`."""
    (app / "mirror").mkdir()
    pin = Pin(
        schema=1,
        name="toy",
        adapter="llama-server",
        source=SourceBuild(
            kind="source-build", package="toy-code", flags=("-DA=1",), patches=(code.patch(app),)
        ),
        version="11434.0.0",
        build=11434,
        commit=Commit(id="86a2835", abbreviated=True),
        platforms={"ubuntu-x64": published},
    )
    _write(app, pin)
    with (app / "engine-ci.yaml").open("a") as file:
        file.write("mirrors: [mirror]\n")


def _write(app: Path, pin: Pin) -> None:
    (app / "pins" / "llama.cpp.yaml").write_text(store.dump(pin), encoding="utf-8")


def moved(app: Path) -> None:
    """Commits the pin, and a move of it just now."""
    for arguments in (
        ("init", "--quiet"),
        ("add", "."),
        ("commit", "--quiet", "-m", "Start"),
    ):
        git(app, *arguments)
    pin = app / "pins" / "llama.cpp.yaml"
    text = pin.read_text(encoding="utf-8")
    older = re.sub(r"(?m)^version: .*", "version: '0.0.9'", text)
    pin.write_text(older, encoding="utf-8")
    git(app, "commit", "--quiet", "--all", "-m", "Back")
    pin.write_text(text, encoding="utf-8")
    git(app, "commit", "--quiet", "--all", "-m", "Bump")
