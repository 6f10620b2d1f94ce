"""How far an engine is from the reference, and from one that rounds no activations.

    python -m benchmarks.hardware_distances HARDWARE FOLDER LONGEST MODEL...

FOLDER holds a `llama-server`, or what stands in for one (`benchmarks/hardware.py`). Strict mode but
for the device, prompts of LONGEST tokens at most. Adds a line for each model to
`hardware/distances.jsonl`: `reference` is the engine against the goldens, `unrounded` the engine
against the reference without rounding, `rounding` the one reference against the other.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING, Final

import platformdirs
from gguf import GGMLQuantizationType as Kind

from benchmarks.hardware_page import RESULTS
from benchmarks.quantised import forced
from engine_ci.cli import models
from engine_ci.engine import supervisor
from engine_ci.engine.adapters.llama_server import LlamaServer
from engine_ci.engine.adapters.settings import Settings
from engine_ci.gate import divergence, goldens, reference, scales, zoo
from engine_ci.gate.scales import Against

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from engine_ci.gate.context import LocatedModel
    from engine_ci.gate.divergence import Drift


# Strict mode computes on the processor.
ANYWHERE: Final = Settings(extra=("-fa", "off", "-ctk", "f32", "-ctv", "f32"))


def main(hardware: str, folder: Path, longest: int, names: Sequence[str]) -> None:
    """Measures the models, one after the other."""
    located, _ = models.located(cache=platformdirs.user_cache_path("engine-ci"))
    for name in names:
        found = measured(located[name], LlamaServer.in_folder(folder), longest=longest)
        row = {
            "hardware": hardware,
            "multiplies_in_f16": multiplies_in_f16(hardware, folder),
            "longest": longest,
            "model": name,
            **found,
        }
        with (RESULTS / "distances.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(row, flush=True)


def multiplies_in_f16(hardware: str, folder: Path) -> bool | None:
    """Whether the program that stands in for Vulkan lets it; None on processors."""
    if hardware != "vulkan":
        return None
    return "GGML_VK_DISABLE_F16" not in (folder / "llama-server").read_text(encoding="utf-8")


def measured(located: LocatedModel, server: LlamaServer, *, longest: int) -> dict[str, object]:
    """The three distances of one model, and what the gate would say of the first."""
    golden = goldens.load(zoo.golden_folder() / f"{located.model.name}.json")
    cases = [case for case in golden.cases if len(case.prompt) <= longest]
    with (
        tempfile.TemporaryDirectory() as folder,
        supervisor.start(
            server, model=located.path, settings=ANYWHERE, log=Path(folder, "log")
        ) as engine,
    ):
        found = [
            engine.client.complete(
                case.prompt, count=len(case.steps), top=len(case.steps[0].top)
            ).steps
            for case in cases
        ]
    rounding = reference.load(located.path)
    exact = replace(rounding, kinds=dict.fromkeys(rounding.kinds, Kind.F32))
    whole = [forced(exact, case) for case in cases]
    compare = divergence.compare
    drifts = {c.id: compare(c.steps, steps) for c, steps in zip(cases, found, strict=True)}
    judged_by = scales.scales(located.model, Against.REFERENCE)
    return {
        "cases": len(cases),
        "status": scales.judge(drifts, judged_by).status,
        "reference": told(drifts),
        "unrounded": told(
            {
                c.id: compare(*pair)
                for c, pair in zip(cases, zip(whole, found, strict=True), strict=True)
            }
        ),
        "rounding": told(
            {c.id: compare(c.steps, steps) for c, steps in zip(cases, whole, strict=True)}
        ),
    }


def told(drifts: Mapping[str, Drift]) -> dict[str, float]:
    """Median over the cases, mean and largest, in nats."""
    found: Iterable[Drift] = drifts.values()
    return {
        "median": median(drift.median for drift in found),
        "mean": fmean(drift.mean for drift in found),
        "largest": max(drift.largest for drift in found),
    }


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
