"""Gate results for the tests of this folder."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from engine_ci.pins.model import Commit
from engine_ci.records.gate import (
    Check,
    Closure,
    EngineFacts,
    EngineFile,
    Engines,
    FaultClass,
    GateResult,
    Host,
    Measurement,
    Status,
    Verdict,
)

HOST = Host(
    system="Linux 6.8",
    machine="x86_64",
    processor="Example CPU @ 2.00 GHz",
    cores=2,
    memory=24 << 30,
    python="3.11.7",
)


def engine(version: str, *, build: int | None = None, commit: str = "") -> EngineFacts:
    return EngineFacts(
        pin="llama.cpp",
        version=version,
        build=build,
        commit=Commit(id=commit, abbreviated=len(commit) < 40) if commit else None,
        tree_sha256="ab" * 32,
        adapter="llama-server",
        platform="ubuntu-x64",
    )


ENGINES = Engines(
    candidate=engine("0.2.0", commit="86a2835"), baseline=engine("0.1.2", commit="9a3bf2b")
)


def check(
    name: str,
    status: Status = Status.PASS,
    *,
    observed: str = "as expected",
    detail: str = "",
    blocking: bool = True,
) -> Check:
    return Check(
        id=name,
        suite=name.partition("/")[0],
        status=status,
        blocking=blocking,
        fault_class=FaultClass.CRASH_LOAD,
        expected="ready",
        observed=observed,
        detail=detail,
        seconds=0.25,
    )


def measurement(
    metric: str = "generation",
    verdict: Literal["ok", "regressed", "improved", "inconclusive"] = "ok",
    *,
    limit: float | None = None,
    samples: tuple[tuple[float, ...], ...] = (),
) -> Measurement:
    return Measurement(
        metric=metric,
        ratio=1.002,
        low=0.991,
        high=1.013,
        pairs=36,
        restarts=12,
        verdict=verdict,
        limit=limit,
        samples=samples,
    )


def closure(*files: tuple[str, int, str], libraries: tuple[str, ...] = ()) -> Closure:
    """Of files by path, size and a digit of their digest."""
    found = tuple(
        EngineFile(path=path, kind="library", size=size, sha256=digit * 64)
        for path, size, digit in files
    )
    return Closure(
        size=sum(file.size for file in found), files=found, left_out=3, system_libraries=libraries
    )


def result(
    *checks: Check,
    verdict: Verdict = Verdict.PASS,
    engines: Engines = ENGINES,
    performance: tuple[Measurement, ...] = (),
) -> GateResult:
    return GateResult(
        schema=1,
        verdict=verdict,
        engines=engines,
        host=HOST,
        checks=checks,
        performance=performance,
        started=datetime(2026, 11, 21, 6, 0, tzinfo=UTC),
        seconds=12.34,
    )


REFUSED = result(
    check("tokens/stable"),
    check("loads/stable"),
    check(
        "loads/smollm2",
        Status.FAIL,
        observed="ended with SIGABRT before it was ready",
        detail="load_tensors: loading model\nfailed | `a` ``` @octocat #12\n\x1b[31mred",
    ),
    check("loads/size", Status.FAIL, observed="it grew", blocking=False),
    check("drift/app", Status.WARN, observed="mean KL 3.1e-05", detail="worst step: 17"),
    check("chat/smollm2", Status.SKIP, observed="not asked: the model did not load"),
    verdict=Verdict.FAIL,
)
PASSED = result(
    check("loads/stable"),
    check("tokens/stable"),
    engines=Engines(
        candidate=engine("2026.9.10809", build=10809, commit="0123456789" * 4),
        baseline=engine("2026.8.10566", build=10566),
    ),
    performance=(measurement("prompt", "improved"), measurement()),
)
UNSURE = result(
    check("loads/stable"),
    verdict=Verdict.INCONCLUSIVE,
    engines=Engines(candidate=engine("0.1.3")),
    performance=(measurement(verdict="inconclusive"),),
)
LARGER = result(
    check("loads/stable"),
    engines=Engines(
        candidate=engine("0.1.3").model_copy(
            update={
                "closure": closure(
                    ("lib/a.so", (13 << 20) - 2048, "b"),
                    ("lib/b.so", 2048, "c"),
                    libraries=("libc.so.6", "libnew.so"),
                ),
                "flags": ("--model", "--new"),
            }
        ),
        baseline=engine("0.1.2").model_copy(
            update={
                "closure": closure(("lib/a.so", 12 << 20, "a"), libraries=("libc.so.6",)),
                "flags": ("--mmap", "--model"),
            }
        ),
    ),
)
