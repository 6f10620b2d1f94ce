"""Pure. Which engines the files of an app name: those of its pins, or what another bot wrote.

Where another bot keeps the engine current it knows targets only, and no pin of ours. Targets that
say something else than the pin name an engine of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from engine_ci import config as configuration
from engine_ci.bump import foreign
from engine_ci.errors import ConfigError
from engine_ci.pins import store, targets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from engine_ci.config import Config
    from engine_ci.pins.model import Pin
    from engine_ci.pins.targets import Target
    from engine_ci.records.candidate import Release


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A target and its file's text."""

    target: Target
    path: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """What one state of an app's files says; paths are from the top of the clone.

    Attributes:
        pins: by file.
        engines: by the name of the pin; the pin itself where no target says something else.
    """

    config: Config
    pins: Mapping[str, Pin]
    places: tuple[Place, ...]
    engines: Mapping[str, Pin | Release]


def read(path: str, *, text: Callable[[str], str | None]) -> Named:
    """Reads the configuration at `path`, its pins and its targets.

    Where there are several pins, nobody can say which of them a target is about: they count alone.

    Args:
        path: from the top of the clone.
        text: of a file, None where there is no such file.

    Raises:
        ConfigError, PinError: a file is missing or wrong, a target does not find its place, two
            contradict each other, or what they name is no engine.
    """

    def there(name: str) -> str:
        found = text(name)
        if found is None:
            raise ConfigError(f"{name}: there is no such file")
        return found

    config = configuration.parse(there(path), name=path)
    folder = PurePosixPath(path).parent
    files = [str(folder / name) for name in config.pins]
    pins = {name: store.parse(there(name), name=name) for name in files}
    places = tuple(
        Place(target=target, path=str(folder / target.file), text=there(str(folder / target.file)))
        for target in config.targets
    )
    found = _found(places) if len(pins) == 1 else {}
    engines = {pin.name: _engine(pin, found) for pin in pins.values()}
    return Named(config=config, pins=pins, places=places, engines=engines)


def _engine(pin: Pin, found: Mapping[str, str]) -> Pin | Release:
    return pin if targets.agree(found, pin) else foreign.release(pin, found)


def _found(places: Iterable[Place]) -> dict[str, str]:
    """What stands in all targets, by the names of their groups."""
    found: dict[str, str] = {}
    for place in places:
        for name, value in targets.named(place.text, place.target).items():
            if found.setdefault(name, value) != value:
                raise ConfigError(
                    f"{place.path}: `{name}` is {value!a}, and {found[name]!a} in another target",
                    hint="all targets have to name one engine",
                )
    return found
