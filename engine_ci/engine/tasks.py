"""What an engine is started for; it does nothing else."""

from __future__ import annotations

from enum import StrEnum


class Task(StrEnum):
    """Text, vectors of texts, or ranks of documents."""

    TEXT = "text"
    VECTORS = "vectors"
    RANKS = "ranks"
