"""Whether upstream's own licence goes with an engine, as it has to with every copy."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from engine_ci.artifact.archive import Archive
    from engine_ci.artifact.plan import PrunePlan

_AUTHORS: Final = re.compile(rb"ggml authors|Georgi Gerganov")
# An archive may call anything of any size a licence; one with those of all libraries has less.
_MOST: Final = 1 << 22


def with_upstreams(plan: PrunePlan, *, archive: Archive, own: Iterable[Path] = ()) -> bool:
    """Whether it is among the licences that a plan keeps, or those that the app adds of its own."""
    kept = (archive.unpack(file.source).path for file in plan.keep if file.kind == "licence")
    return any(is_upstreams(path) for path in (*kept, *own))


def is_upstreams(file: Path) -> bool:
    """Whether a licence is llama.cpp's own, which has to go with every copy of it."""
    with file.open("rb") as stream:
        return bool(_AUTHORS.search(stream.read(_MOST)))
