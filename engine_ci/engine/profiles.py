"""Pure. What a bundle offers and needs, what a host has, and why the two do not fit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from engine_ci.engine import processors
from engine_ci.engine.adapters.contract import CPU

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Those that compute in the host's own memory.
_IN_MEMORY: Final = frozenset({CPU, "metal"})
_GIB: Final = 1 << 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """What the files of one bundle tell.

    Attributes:
        name: that reasons call it by.
        backends: with a file of their own, such as `cpu` and `vulkan`; none where all is in one
            file, which does not tell.
        levels: of x86-64, that files need, by their names.
        variants: of the CPU backend, of which an engine takes the best that the processor can run;
            none where there is only one.
    """

    name: str
    backends: frozenset[str] = frozenset()
    levels: Mapping[str, int] = field(default_factory=dict)
    variants: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Host:
    """What is known of a machine.

    Attributes:
        features: of its processor, as Linux calls them; None where nobody tells.
        memory: bytes.
        lacks: kinds of accelerators that it cannot have, and why; any other it may have.
    """

    features: frozenset[str] | None = None
    memory: int
    lacks: Mapping[str, str] = field(default_factory=dict)


def misfits(
    profile: Profile, host: Host, *, accelerator: str | None, model_size: int
) -> Iterator[str]:
    """Why a bundle cannot serve a model on a host, a line each; none where nothing is known.

    Args:
        profile: of the bundle.
        host: it.
        accelerator: that it should compute with, None where that is left to the engine.
        model_size: bytes of the model's file.
    """
    yield from _of_processor(profile, host)
    if accelerator is not None and profile.backends and accelerator not in profile.backends:
        listed = ", ".join(sorted(profile.backends))
        yield f"{profile.name}: has no backend for {accelerator}, found {listed}"
    if accelerator is not None and (why := host.lacks.get(accelerator)):
        yield f"this host has no {accelerator}: {why}"
    if accelerator in _IN_MEMORY and model_size > host.memory:
        has = f"this host has {host.memory / _GIB:.1f} GiB of memory"
        yield f"the model's file has {model_size / _GIB:.1f} GiB, and {has}"


def _of_processor(profile: Profile, host: Host) -> Iterator[str]:
    for name, level in sorted(profile.levels.items()):
        if missing := processors.lacking(processors.of_level(level), host.features):
            needs = f"{name} needs x86-64-v{level}"
            yield f"{profile.name}: {needs}, and this processor lacks {', '.join(missing)}"
    known = {name: processors.of_variant(name) for name in sorted(profile.variants)}
    lacks = {
        name: None if needed is None else processors.lacking(needed, host.features)
        for name, needed in known.items()
    }
    if lacks and all(lacks.values()):
        listed = "; ".join(f"{name} {', '.join(missing or ())}" for name, missing in lacks.items())
        yield f"{profile.name}: this processor lacks what each CPU variant needs: {listed}"
