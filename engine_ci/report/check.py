"""Pure. The page of a step that checked a change: what was held against what, and how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine_ci.report import markdown
from engine_ci.system.markdown import code, plain

if TYPE_CHECKING:
    from engine_ci.records.check import CheckRecord
    from engine_ci.records.gate import GateResult

_DIGITS = 10


def render(record: CheckRecord, result: GateResult) -> str:
    """Markdown; what others wrote stands in it as text."""
    return f"{_compared(record)}\n\n{markdown.render(result)}"


def _compared(record: CheckRecord) -> str:
    engine = f"{code(record.pin)} {code(record.candidate)} at {code(record.head[:_DIGITS])}"
    if record.baseline is None or record.base is None:
        return f"{engine} was held against nothing: {plain(record.no_baseline)}."
    before = f"{code(record.baseline)} of the merge base {code(record.base[:_DIGITS])}"
    if record.same_engine:
        return f"{engine} is {before}, byte for byte, started with the same arguments."
    return f"{engine} was held against {before}."
