"""What the harness asks of an engine that it launches, whatever its kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine_ci.engine.tasks import Task

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The harness's own settings of one launch.

    Attributes:
        context: tokens of context, shared by the slots.
        threads: for generation and for batches; one is enough for correctness and never spins.
        strict: no flash attention, an F32 cache, and the processor alone: builds and thread counts
            agree to the bit, and no GPU does.
        flash: flash attention, whatever the build would choose; not together with `strict`.
        batch, part: tokens of a prompt that are decoded at a time, in parts that are computed at a
            time.
        slots: requests that are worked on at the same time.
        shared: the slots share the context as they need it; otherwise each has its part.
        task: what the engine is there for; it does nothing else.
        slot_files: the engine may save what a slot has cached, in the folder that it runs in.
        shifts: when its context is full, the engine forgets the middle and goes on.
        metrics: the engine counts its tokens and seconds.
        projector: the file of what shows pictures to the model.
        draft: a model of the same vocabulary that guesses tokens, for the engine to check.
        extra: arguments appended as they are.
    """

    context: int = 2048
    threads: int = 1
    strict: bool = False
    flash: bool = False
    batch: int = 512
    part: int = 512
    slots: int = 1
    shared: bool = False
    task: Task = Task.TEXT
    slot_files: bool = False
    shifts: bool = False
    metrics: bool = False
    projector: Path | None = None
    draft: Path | None = None
    extra: tuple[str, ...] = ()
