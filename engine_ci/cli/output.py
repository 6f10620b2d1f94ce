"""What goes to stdout: data, and nothing else."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from engine_ci.system import documents

if TYPE_CHECKING:
    from engine_ci.system.documents import Document


def emit(document: Document, *, as_json: bool, otherwise: str) -> None:
    """Prints a result: the whole record as JSON, or the text for people."""
    sys.stdout.write(documents.dump_json(document) if as_json else f"{otherwise}\n")
