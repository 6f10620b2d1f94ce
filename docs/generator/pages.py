"""Which part of which page is made from what."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from docs.generator import checks, commands, errors, models, schemas
from docs.generator.regions import filled
from engine_ci.config import Config
from engine_ci.pins.model import Pin
from engine_ci.records.bundle import Bundle
from engine_ci.records.candidate import Candidate
from engine_ci.records.change import Change
from engine_ci.records.check import CheckRecord
from engine_ci.records.gate import GateResult

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DOCS: Final = Path(__file__).parents[1]
PARTS: Final[Mapping[str, Callable[[], str]]] = {
    "commands": commands.reference,
    "configuration": partial(models.reference, Config),
    "pin": partial(models.reference, Pin),
    "candidate": partial(models.reference, Candidate),
    "bundle": partial(models.reference, Bundle),
    "gate": partial(models.reference, GateResult),
    "changes": partial(models.reference, Change),
    "check": partial(models.reference, CheckRecord),
    "checks": checks.reference,
    "errors": errors.reference,
    "schemas": schemas.reference,
}


def made() -> dict[Path, str]:
    """Every page of the reference, with its regions made anew."""
    pages = sorted((DOCS / "reference").glob("*.md"))
    return {path: filled(path.read_text(encoding="utf-8"), PARTS) for path in pages}
