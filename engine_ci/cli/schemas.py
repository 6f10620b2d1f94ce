"""Which documents have a JSON Schema, by the names that `engine-ci schema` knows."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Described(NamedTuple):
    """Where a document is defined, and whether it is written by hand or by us."""

    place: str
    by: Literal["hand", "us"] = "us"


# The program is not loaded to list these.
DOCUMENTS: Final[Mapping[str, Described]] = {
    "audit": Described("records.audit:Audit"),
    "backtest": Described("records.backtest:Backtest"),
    "backtest-outcome": Described("records.backtest:Outcome"),
    "bundle": Described("records.bundle:Bundle"),
    "candidate": Described("records.candidate:Candidate"),
    "changes": Described("records.change:Change"),
    "check": Described("records.check:CheckRecord"),
    "claim": Described("engine.claims:Claim", by="hand"),
    "config": Described("config:Config", by="hand"),
    "decision": Described("records.decision:Decision"),
    "difference": Described("records.difference:Difference"),
    "doctor": Described("records.doctor:Diagnosis"),
    "edits": Described("records.edits:Edits"),
    "event": Described("engine.events:Event"),
    "gate": Described("records.gate:GateResult"),
    "goldens": Described("records.edits:Goldens"),
    "holds": Described("records.edits:Holds"),
    "mirror": Described("records.mirror:Mirrored"),
    "models": Described("gate.zoo:Catalogue", by="hand"),
    "pin": Described("pins.model:Pin", by="hand"),
    "polls": Described("records.polls:Polls"),
    "proposal": Described("records.proposal:Proposed"),
    "watched": Described("records.watched:Watched"),
}


def of(name: str) -> dict[str, Any]:
    """The schema of one of these documents."""
    from engine_ci.system import json_schema

    described = DOCUMENTS[name]
    module, _, member = described.place.partition(":")
    found = getattr(importlib.import_module(f"engine_ci.{module}"), member)
    return json_schema.of(found, name=name, written=described.by == "us")
