"""Pure. What an engine computed with, for the record, from what its logs say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine_ci.engine.backends import CPU
from engine_ci.records.gate import Devices

if TYPE_CHECKING:
    from engine_ci.engine.backends import Backends
    from engine_ci.gate.context import Subject
    from engine_ci.records.gate import EngineFacts


def told(subject: Subject) -> EngineFacts:
    """The facts of an engine, with what the first log that tells says it computes with."""
    known = next((found for found in subject.computes if found.known), None)
    return subject.facts.model_copy(update={"devices": _devices(known) if known else None})


def _devices(found: Backends) -> Devices:
    return Devices(
        backends=tuple(sorted(found.names)),
        gpus=tuple(what for name, what in found.devices.items() if name != CPU),
        families=found.families,
        layers=found.offloaded[0] if found.offloaded else None,
    )
