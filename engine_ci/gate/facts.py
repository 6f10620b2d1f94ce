"""Pure. What became known of an engine while it was asked, for the record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine_ci.engine.backends import CPU
from engine_ci.records.gate import Devices

if TYPE_CHECKING:
    from engine_ci.engine.backends import Backends
    from engine_ci.gate.context import Subject
    from engine_ci.records.gate import EngineFacts


def told(subject: Subject) -> EngineFacts:
    """The facts of an engine, with what the first log that tells says it computes with.

    And with what was measured of its last start: of the first the files were not in memory yet.
    """
    known = next((found for found in subject.computes if found.known), None)
    devices = _devices(known) if known else None
    runtime = subject.starts[-1] if subject.starts else None
    return subject.facts.model_copy(update={"devices": devices, "runtime": runtime})


def _devices(found: Backends) -> Devices:
    return Devices(
        backends=tuple(sorted(found.names)),
        gpus=tuple(what for name, what in found.devices.items() if name != CPU),
        families=found.families,
        layers=found.offloaded[0] if found.offloaded else None,
    )
