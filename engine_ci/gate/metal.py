"""Pure. Whether an engine computed with kernels for Metal, as far as its record tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine_ci.records.check import Metal

if TYPE_CHECKING:
    from engine_ci.records.gate import EngineFacts

_BACKEND: Final = "MTL"
# A virtual machine of Apple's framework has this one, whatever GPU is below: hosted runners do.
_PARAVIRTUAL: Final = "paravirtual"


def kernels(engine: EngineFacts) -> Metal:
    """Whether an engine's ran on a GPU like that of a person's Mac."""
    reason = _why_not(engine)
    return Metal(state="not-run" if reason else "ran", why=reason)


def _why_not(engine: EngineFacts) -> str:
    if not engine.platform.startswith("macos"):
        return f"{engine.platform} has no Metal"
    if engine.devices is None:
        return "no log was read that names a device, which the suite `lifecycle` does"
    if _BACKEND not in engine.devices.backends:
        return "the engine found no Metal device"
    for gpu in engine.devices.gpus:
        if _PARAVIRTUAL in gpu.lower():
            return f"the GPU is a virtual machine's ({gpu})"
    return "" if engine.devices.layers else "no layer of the model went to the GPU"
