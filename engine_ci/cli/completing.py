"""What a shell may complete the values of options to: only what this machine knows, and quickly."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from engine_ci.pins.model import Pin

# Where these are defined, the whole of the gate would be loaded.
PROFILES: Final = ("quick", "nightly", "screen")
ADAPTERS: Final = ("llama-server", "xllamacpp", "llama-cpp-python")
ACCELERATORS: Final = ("cpu", "cuda", "metal", "vulkan")
JOBS: Final = ("gate", "oldest", "again", "metal")
SIGNERS: Final = ("codesign", "builtin")
_CONFIG: Final = "engine-ci.yaml"

if TYPE_CHECKING:
    Complete = Callable[[str], list[str]]


def among(names: Iterable[str]) -> Complete:
    """Completes to one of some names."""
    known = tuple(names)
    return lambda incomplete: _beginning(known, incomplete)


def platforms(incomplete: str) -> list[str]:
    """The platforms that a pin may name."""
    from engine_ci.pins.model import Platform

    return _beginning(get_args(Platform), incomplete)


def suites(incomplete: str) -> list[str]:
    """The suites of the gate."""
    from engine_ci.config import ALL_SUITES

    return _beginning(ALL_SUITES, incomplete)


def features(incomplete: str) -> list[str]:
    """What an engine may be able to do."""
    from engine_ci.engine.adapters.contract import Capability

    return _beginning((each.value for each in Capability), incomplete)


def schemas(incomplete: str) -> list[str]:
    """The documents that have a schema."""
    from engine_ci.cli.schemas import DOCUMENTS

    return _beginning(DOCUMENTS, incomplete)


def pins(context: typer.Context, incomplete: str) -> list[str]:
    """The pins of the configuration that the command line names."""
    return _beginning((pin.name for pin in _pins(context.params)), incomplete)


def holds(context: typer.Context, incomplete: str) -> list[str]:
    """What those pins hold."""
    held = (hold.version for pin in _pins(context.params) for hold in pin.holds)
    return _beginning(held, incomplete)


def _pins(given: dict[str, Any]) -> list[Pin]:
    """The pins; none where they cannot be read, since nobody looks for errors here."""
    from engine_ci import config
    from engine_ci.errors import EngineCIError
    from engine_ci.pins import store

    path = Path(given.get("config") or _CONFIG)
    try:
        return [store.load(path.parent / name) for name in config.load(path).pins]
    except EngineCIError:
        return []


def _beginning(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
