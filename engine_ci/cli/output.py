"""What goes to stdout: data, and nothing else."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from engine_ci.cli import progress
from engine_ci.system import documents
from engine_ci.system.markdown import shown

if TYPE_CHECKING:
    from engine_ci.system.documents import Document


def emit(document: Document, *, as_json: bool, otherwise: str) -> None:
    """Prints a result: the whole record as JSON, or the text for people, who see all of it."""
    progress.settle()
    sys.stdout.write(documents.dump_json(document) if as_json else f"{shown(otherwise)}\n")
