"""The workflow files, as text and as values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "workflows").glob("*.yml"))
OWN = ROOT / ".github" / "workflows"
ACTION = ROOT / "action.yml"
# Everything that GitHub reads in this repository.
ALL = [*sorted(OWN.glob("*.yml")), ACTION]


class _Loader(yaml.SafeLoader):
    """YAML 1.2 as GitHub reads it: `on` is a word and not `true`."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rules if tag != "tag:yaml.org,2002:bool"]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load(path: Path) -> dict[str, Any]:
    """A file's values; `true` and `false` stay words."""
    loaded: dict[str, Any] = _Loader(path.read_text(encoding="utf-8")).get_single_data()
    return loaded


def shipped(name: str) -> dict[str, Any]:
    """One of the workflows that apps get."""
    return load(ROOT / "workflows" / f"{name}.yml")


def jobs(path: Path) -> dict[str, Any]:
    """The jobs of a workflow by their ids."""
    found: dict[str, Any] = load(path)["jobs"]
    return found


def steps(path: Path) -> list[dict[str, Any]]:
    """Every step of a workflow or an action."""
    loaded = load(path)
    if "runs" in loaded:
        return list(loaded["runs"]["steps"])
    return [step for job in loaded["jobs"].values() for step in job.get("steps", ())]
