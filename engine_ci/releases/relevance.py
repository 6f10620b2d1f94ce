"""Pure. Whether a change upstream reaches the engine that an app bundles, by the paths it touches.

The rules are data, `relevance.yaml`. What they do not know counts as relevant: a change is called
irrelevant only where every path of it is known to stay out of the bundle on each of its platforms.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase, translate
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field

from engine_ci.errors import ConfigError
from engine_ci.pins.model import SourceBuild
from engine_ci.system import documents
from engine_ci.system.documents import Document, Versioned

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine_ci.pins.model import Pin

UNKNOWN: Final = "unknown"
_IMAGE: Final = re.compile(r"(?:^|/)(?:lib)?ggml-([a-z]+)[-.][^/]*$")
_FLAG: Final = re.compile(r"-DGGML_([A-Z]+)(?::BOOL)?=(?:ON|1|TRUE|YES)", re.IGNORECASE)


class Rule(Document):
    """Where some files go.

    Attributes:
        part: of the code, in one word.
        paths: patterns, in which `*` stands for anything.
        ships: whether they are in any bundle.
        platforms: patterns of those whose bundles have them, whatever the app wants.
        backends: with which a bundle has them.
    """

    part: str
    paths: Annotated[tuple[str, ...], Field(min_length=1)]
    ships: bool = True
    platforms: tuple[str, ...] = ()
    backends: tuple[str, ...] = ()


class Rules(Versioned):
    """All of them, of which the first that fits a path decides."""

    rules: tuple[Rule, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Shipped:
    """What an app ships: for which platforms, and with which backends."""

    platforms: frozenset[str]
    backends: frozenset[str]

    @classmethod
    def of(cls, pin: Pin, *, wanted: Iterable[str]) -> Shipped:
        """What a pin stands for, where the app wants some backends.

        A backend counts too where the pinned bundle has an image of it, or its flag is on in what
        is built from source code.
        """
        flags = pin.source.flags if isinstance(pin.source, SourceBuild) else ()
        images = (image for asset in pin.platforms.values() for image in asset.images or ())
        seen = {found[1] for image in images if (found := _IMAGE.search(image))}
        switched_on = {found[1].lower() for flag in flags if (found := _FLAG.fullmatch(flag))}
        return cls(
            platforms=frozenset(pin.platforms), backends=frozenset(wanted) | seen | switched_on
        )

    def has(self, *, platforms: Sequence[str], backends: Sequence[str]) -> bool:
        """Whether one of these platforms (patterns) or backends is in it; so are none at all."""
        if not (platforms or backends):
            return True
        return not self.backends.isdisjoint(backends) or any(
            fnmatchcase(platform, pattern) for platform in self.platforms for pattern in platforms
        )


def part(path: str) -> str:
    """The part of the code that a path belongs to."""
    rule = _first(path)
    return rule.part if rule else UNKNOWN


def reaches(path: str, shipped: Shipped) -> bool:
    """Whether a path is part of the bundle on any of its platforms."""
    rule = _first(path)
    if rule is None:
        return True
    return rule.ships and shipped.has(platforms=rule.platforms, backends=rule.backends)


def touches(paths: Iterable[str], *, shipped: Shipped) -> bool:
    """Whether a change of these paths, all that it has, reaches the bundle."""
    return any(reaches(path, shipped) for path in paths)


@cache
def _first(path: str) -> Rule | None:
    return next((rule for pattern, rule in _patterns() if pattern.match(path)), None)


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], Rule], ...]:
    file = Path(__file__).with_suffix(".yaml")
    loaded = documents.load_yaml(file, Rules, error=ConfigError)
    return tuple(
        (re.compile(translate(pattern)), rule) for rule in loaded.rules for pattern in rule.paths
    )
