"""Pure. The options of llama-server: which a program offers, and which our settings come to."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from engine_ci.engine.tasks import Task

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from engine_ci.engine.adapters.settings import Settings

SLOT_FILES: Final = "--slot-save-path"
SHIFTS: Final = "--context-shift"
METRICS: Final = "--metrics"
SLOTS: Final = "--parallel"
EMBEDDINGS: Final = "--embeddings"
POOLING: Final = "--pooling"
SHARED: Final = "--kv-unified"
FLASH: Final = "-fa"
DRAFT: Final = "--model-draft"
PROJECTOR: Final = "--mmproj"
DEVICES: Final = "--list-devices"
_RANK: Final = "rank"
_OF_TASKS: Final[Mapping[Task, tuple[tuple[str, ...], ...]]] = {
    Task.TEXT: (),
    Task.VECTORS: ((EMBEDDINGS,),),
    Task.RANKS: ((EMBEDDINGS,), (POOLING, _RANK)),
}
# The names of one option, at the start of a line of `--help`: `-t,    --threads N      number of`.
_OPTION: Final = re.compile(r"^ {0,2}(--?[A-Za-z][\w-]*(?:, *--?[A-Za-z][\w-]*)*)", re.MULTILINE)


def offered(text: str) -> frozenset[str]:
    """Every name of every option that a help lists."""
    return frozenset(name.strip() for names in _OPTION.findall(text) for name in names.split(","))


def unknown(argv: Iterable[str], known: frozenset[str]) -> tuple[str, ...]:
    """The options among arguments that a program does not offer, in their order."""
    names = (item.partition("=")[0] for item in argv if re.match(r"--?[A-Za-z]", item))
    return tuple(name for name in dict.fromkeys(names) if name not in known)


def task(argv: Sequence[str]) -> Task:
    """What an engine with these arguments is there for."""
    if not {"--rerank", "--reranking"}.isdisjoint(argv):
        return Task.RANKS
    if {EMBEDDINGS, "--embedding"}.isdisjoint(argv):
        return Task.TEXT
    return Task.RANKS if (POOLING, _RANK) in pairwise(argv) else Task.VECTORS


def needed(settings: Settings) -> dict[str, str]:
    """The options without which an engine would do something else than is wished, and what."""
    wishes = (
        (SLOTS, "several slots", settings.slots > 1),
        (SHARED, "slots that share the context", settings.shared),
        (EMBEDDINGS, "vectors of texts", settings.task is not Task.TEXT),
        (POOLING, "ranks of documents", settings.task is Task.RANKS),
        (SLOT_FILES, "slots that are saved", settings.slot_files),
        (SHIFTS, "a context that shifts", settings.shifts),
        (METRICS, "counters", settings.metrics),
        (FLASH, "flash attention", settings.flash),
        (DRAFT, "guesses of a second model", settings.draft is not None),
        (PROJECTOR, "pictures", settings.projector is not None),
    )
    return {option: what for option, what, wished in wishes if wished}


def chosen(settings: Settings) -> Iterator[tuple[str, ...]]:
    """What a build would otherwise choose by itself: by memory, cores, habit of the day."""
    yield "-c", str(settings.context)
    yield "-t", str(settings.threads)
    yield "-tb", str(settings.threads)
    yield SLOTS, str(settings.slots)
    yield "-b", str(settings.batch)
    yield "-ub", str(settings.part)
    yield "--fit", "off"
    yield "--cache-ram", "0"
    if settings.shared:
        yield (SHARED,)
    yield from _OF_TASKS[settings.task]
    if settings.slot_files:
        yield SLOT_FILES, "."
    if settings.shifts:
        yield (SHIFTS,)
    if settings.metrics:
        yield (METRICS,)
    if settings.draft:
        # Once a second model was enough of a wish; now guessing is one of its own.
        yield "--spec-type", "draft-simple"
        yield DRAFT, str(settings.draft.absolute())
    if settings.projector:
        yield PROJECTOR, str(settings.projector.absolute())
    yield ("--jinja",)
    yield ("--offline",)
    yield ("--no-ui",)
    yield ("--no-webui",)
    if settings.strict:
        yield FLASH, "off"
        yield "-ctk", "f32"
        yield "-ctv", "f32"
        yield from _on_the_processor(settings)
    if settings.flash:
        yield FLASH, "on"


def _on_the_processor(settings: Settings) -> Iterator[tuple[str, ...]]:
    """A GPU multiplies in F16, each by kernels of its own: no answer of one is exact."""
    yield "--device", "none"
    # For kinds that cannot leave a device out.
    yield "-ngl", "0"
    yield ("--no-op-offload",)
    if settings.draft:
        yield "--device-draft", "none"
    if settings.projector:
        yield ("--no-mmproj-offload",)
