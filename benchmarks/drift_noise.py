"""How far good engines are from the reference in each mode, and what another kernel changes.

Run as `python benchmarks/drift_noise.py FOLDER...`, each of which holds a `llama-server`. For every
sensitive model it prints the drift from the reference in the modes without flash attention, the
least and the most of all engines with one thread and with two; and from attention with flash
attention to attention without it, to two threads, and to small batches, the most of all engines.
These last are what a legitimate change of kernels may do.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine_ci.engine import supervisor
from engine_ci.engine.adapters.llama_server import LlamaServer
from engine_ci.gate import divergence, goldens, modes, scales, zoo
from engine_ci.gate.asking import Mode
from engine_ci.gate.suites import drift

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine_ci.engine.adapters.settings import Settings
    from engine_ci.gate.goldens import Golden
    from engine_ci.gate.modes import Exchange

EXACT = [mode for mode in Mode if mode not in (Mode.FLASH, Mode.APP)]
FLASH = modes.SETTINGS[Mode.FLASH]
KERNELS = {
    "without flash attention": replace(FLASH, flash=False, strict=True),
    "two threads": replace(FLASH, threads=2),
    "parts of 16": replace(FLASH, part=16),
}


def main(folders: Sequence[str]) -> None:
    """Measures and prints."""
    servers = [LlamaServer.in_folder(Path(folder)) for folder in folders]
    for model in zoo.load_catalogue():
        if model.role == "sensitive" and isinstance(model.source, zoo.ShippedFile):
            path = zoo.data_root() / model.source.path
            golden = goldens.load(zoo.golden_folder() / f"{model.name}.json")
            for line in (*to_reference(servers, path, golden), *between(servers, path, golden)):
                print(f"{model.name:20} {line}", flush=True)


def to_reference(servers: Iterable[LlamaServer], path: Path, golden: Golden) -> Iterable[str]:
    """A line for each mode in which the model is asked: the least and the most mean difference."""
    for mode in EXACT if modes.filling(golden) else (Mode.STRICT,):
        found = [
            measured(scales.TO_REFERENCE, exchanges, [one.case.steps for one in exchanges])
            for server in servers
            for threads in (1, 2)
            for exchanges in [
                asked(server, path, golden, mode, replace(modes.SETTINGS[mode], threads=threads))
            ]
        ]
        yield f"{mode:24} mean difference {min(found):.1e} to {max(found):.1e}"


def between(servers: Iterable[LlamaServer], path: Path, golden: Golden) -> Iterable[str]:
    """A line for each other way to compute: the most mean KL."""
    for name, settings in KERNELS.items():
        found = []
        for server in servers:
            one = asked(server, path, golden, Mode.STRICT, FLASH)
            other = asked(server, path, golden, Mode.STRICT, settings)
            expected = [exchange.found.steps for exchange in one]
            found.append(measured(scales.TO_BASELINE, other, expected))
        yield f"{name:24} mean KL {max(found):.1e}"


def asked(
    server: LlamaServer, path: Path, golden: Golden, mode: Mode, settings: Settings
) -> list[Exchange]:
    """The answers of a fresh engine to what the suite asks in that mode."""
    with (
        tempfile.TemporaryDirectory() as folder,
        supervisor.start(server, model=path, settings=settings, log=Path(folder, "log")) as engine,
    ):
        return drift.ask(drift.cases_of(golden, mode), mode, engine)


def measured(
    scale: scales.Scale,
    exchanges: Sequence[Exchange],
    expected: Sequence[Sequence[divergence.Step]],
) -> float:
    """The mean drift of the cases, as the suite judges it."""
    drifts = [
        scale.measure(divergence.compare(steps, exchange.found.steps))
        for exchange, steps in zip(exchanges, expected, strict=True)
    ]
    return sum(drifts) / len(drifts)


if __name__ == "__main__":
    main(sys.argv[1:])
