"""Every JSON Schema that `engine-ci schema` prints, with what it is of."""

from __future__ import annotations

from docs.generator.regions import row, table
from engine_ci.cli.schemas import DOCUMENTS, of


def reference() -> str:
    """A table of documents, each with a link to its schema."""
    rows = [row(f"[`{name}`](../schema/{name}.json)", _about(name)) for name in DOCUMENTS]
    return table("schema", "", rows=rows)


def _about(name: str) -> str:
    return str(of(name).get("description", ""))
