"""Results of real gates, as they were recorded: mineru 0.1.3 and 0.2.0 against 0.1.2.

The first with all suites; the second, which cannot load some models, without the slow ones.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine_ci.errors import RecordError
from engine_ci.records.gate import GateResult
from engine_ci.system import documents

if TYPE_CHECKING:
    from typing import Literal

FOLDER = Path(__file__).with_suffix("")


def recorded(name: Literal["passed", "refused"]) -> GateResult:
    return documents.load_json(FOLDER / f"{name}.json", GateResult, error=RecordError)
