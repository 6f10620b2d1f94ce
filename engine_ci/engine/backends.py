"""Pure. What an engine's log says it computes with: backends, devices, GPU layers, instructions.

The forms of the lines are llama.cpp's. Builds differ in which of them they write, so what a log
says nothing about is unknown, and not missing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

# The verbosity at which builds that hide such lines by default write them.
VERBOSE: Final = ("-lv", "4")
CPU: Final = "CPU"

_LOADED: Final = re.compile(r"load_backend: loaded (\S+) backend")
_DEVICES: Final = (
    re.compile(r" - (\w+) *: (.+) \(\d+ MiB, \d+ MiB free\)"),
    re.compile(r"using device (\w+) \((.+?)\)"),
)
_OFFLOADED: Final = re.compile(r"offloaded (\d+)/(\d+) layers to GPU")
_FAMILY: Final = re.compile(r"GPU family: (\w+)")
_INFO: Final = re.compile(r"system_info: (.*)")
_FEATURE: Final = re.compile(r"(?:(\w+) : )?(\w+) = (.+)")
_RENAMED: Final = {"Metal": "MTL"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Backends:
    """What one log says; what it does not say is empty, or None.

    Attributes:
        loaded: backends that were loaded from files of their own.
        features: by backend, what it was built for or found, such as AVX2.
        devices: by name without the number, what they are.
        offloaded: how many of a model's layers went to a GPU, and of how many.
        families: of the GPU, as Metal calls them.
    """

    loaded: frozenset[str] = frozenset()
    features: Mapping[str, frozenset[str]] = field(default_factory=dict)
    devices: Mapping[str, str] = field(default_factory=dict)
    offloaded: tuple[int, int] | None = None
    families: tuple[str, ...] = ()

    @property
    def known(self) -> bool:
        """Whether the log says anything."""
        return bool(self.loaded or self.features or self.devices)

    @property
    def names(self) -> frozenset[str]:
        """All backends that are named anywhere."""
        return self.loaded | self.features.keys() | self.devices.keys()

    def __str__(self) -> str:
        return "; ".join(_facts(self)) or "unknown"


def parse(lines: Iterable[str]) -> Backends:
    """Reads a log, or the part of it that was written while the model was loaded."""
    text = "\n".join(lines)
    layers = _OFFLOADED.search(text)
    info = _INFO.search(text)
    return Backends(
        loaded=frozenset(_name(name) for name in _LOADED.findall(text)),
        features=_features(info[1]) if info else {},
        devices={_name(name): what for form in _DEVICES for name, what in form.findall(text)},
        offloaded=(int(layers[1]), int(layers[2])) if layers else None,
        families=tuple(dict.fromkeys(_FAMILY.findall(text))),
    )


def _features(info: str) -> Mapping[str, frozenset[str]]:
    """Of `n_threads = 2 / 2 | MTL : EMBED_LIBRARY = 1 | CPU : SSE3 = 1 | AVX = 0 | `."""
    found: dict[str, set[str]] = {}
    backend = CPU  # builds before there were several do not name it
    for part in info.split("|")[1:]:
        if feature := _FEATURE.fullmatch(part.strip()):
            backend = _name(feature[1] or backend)
            found.setdefault(backend, set()).update({feature[2]} if feature[3] != "0" else ())
    return {name: frozenset(features) for name, features in found.items()}


def _name(device: str) -> str:
    bare = device.rstrip("0123456789")
    return _RENAMED.get(bare, bare)


def _facts(found: Backends) -> Iterator[str]:
    if found.names:
        yield f"backends {', '.join(sorted(found.names))}"
    if gpus := [what for name, what in found.devices.items() if name != CPU]:
        yield f"GPU {', '.join(gpus)}"
    if found.families:
        yield f"family {', '.join(found.families)}"
    if found.offloaded:
        yield "{} of {} layers on the GPU".format(*found.offloaded)
    if features := found.features.get(CPU):
        yield f"CPU with {', '.join(sorted(features))}"
