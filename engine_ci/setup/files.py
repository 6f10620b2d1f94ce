"""Pure. The files that `init` writes into an app's repository, as texts by path."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from engine_ci.pins import store

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine_ci.pins.model import Pin
    from engine_ci.pins.targets import Target
    from engine_ci.setup.app import App

CONFIG: Final = "engine-ci.yaml"
PIN: Final = "pins/llama.cpp.yaml"
WORKFLOWS: Final = ".github/workflows"
# The jobs that draw install the charts' library as well, and run where minutes are cheap.
REQUIREMENTS: Final[Mapping[str, str]] = {
    ".github/engine-ci.txt": "engine-ci",
    ".github/engine-ci-report.txt": "engine-ci[report]",
}

_REQUIREMENT: Final = """\
# What the workflows install: one version. With what
# `uv pip compile --universal --python-version 3.11 --generate-hashes` makes of this file in its
# place, pip takes no other file than those that were there on that day.
{package}=={version}
"""


def config(pin: Pin, *, app: App, targets: Sequence[Target]) -> str:
    """The configuration, in which a person looks at a dozen lines at most."""
    environment = Environment(
        loader=PackageLoader("engine_ci", "setup"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=select_autoescape(),  # of HTML; YAML has `quoted`
    )
    environment.filters["quoted"] = _quoted
    template = environment.get_template("engine-ci.yaml.j2")
    return template.render(pin=pin, pin_file=PIN, app=app, targets=targets)


def requirements(version: str) -> dict[str, str]:
    """What the workflows install, by file: one version of engine-ci."""
    return {
        path: _REQUIREMENT.format(package=package, version=version)
        for path, package in REQUIREMENTS.items()
    }


def written(
    pin: Pin,
    *,
    app: App,
    targets: Sequence[Target],
    workflows: Mapping[str, str],
    version: str,
) -> dict[str, str]:
    """Every file that `init` makes.

    Args:
        pin: what the app uses now.
        app: what its own files say.
        targets: places in them that carry the pin.
        workflows: ours, by file name.
        version: of engine-ci, which the workflows install.
    """
    return {
        CONFIG: config(pin, app=app, targets=targets),
        PIN: store.dump(pin),
        **requirements(version),
        **{f"{WORKFLOWS}/{name}": text for name, text in sorted(workflows.items())},
    }


def _quoted(text: str) -> str:
    """A text for YAML that reads as the same, on one line."""
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return yaml.safe_dump(text, default_style='"', width=math.inf).rstrip("\n")
