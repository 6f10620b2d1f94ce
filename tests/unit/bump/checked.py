"""What the jobs of one change left, for the tests of the required check."""

from __future__ import annotations

import hashlib
from itertools import count
from typing import TYPE_CHECKING, Any

from engine_ci.bump.evidence import Asked, Evidence
from engine_ci.records.change import Change, PinChange
from engine_ci.records.check import CheckRecord, Metal
from engine_ci.records.gate import Status, Verdict
from engine_ci.system import documents
from tests.unit.bump import records

if TYPE_CHECKING:
    from engine_ci.bump.required import Ended
    from engine_ci.records.gate import GateResult

HEAD, BASE = "a" * 40, "b" * 40
SUITES = ("loads", "tokens")
_SECONDS = count(1)


def change(**changes: object) -> Change:
    """A bump that moves the pin."""
    values: dict[str, Any] = {
        "schema": 1,
        "head": HEAD,
        "base": BASE,
        "branch": "engine-ci/llama.cpp",
        "bump": True,
        "pin_moved": True,
        "pins": (
            PinChange(
                name="llama.cpp",
                file="pins/llama.cpp.yaml",
                before="0.1.2",
                after="0.1.3",
                moved=True,
            ),
        ),
        "files": (),
    }
    return Change.model_validate(values | changes)


def asked(found: Change | str | None = None, **changes: object) -> Asked:
    values: dict[str, Any] = {
        "head": HEAD,
        "suites": SUITES,
        "restarts": 12,
        "change": found or change(),
    }
    return Asked(**(values | changes))


def gated(of: Verdict = Verdict.PASS, **changes: object) -> GateResult:
    """A result with checks from which this verdict follows."""
    status = {Verdict.FAIL: Status.FAIL, Verdict.ERROR: Status.ERROR}.get(of, Status.PASS)
    noisy = {"verdict": "inconclusive" if of is Verdict.INCONCLUSIVE else "ok"}
    values = {
        "verdict": of,
        "checks": (records.check("loads/a", status=status), records.check("tokens/a")),
        "performance": (records.measurement(**noisy),),
        # No two runs take equally long.
        "seconds": float(next(_SECONDS)),
    }
    return records.result(**(values | changes))


def record(result: GateResult, **changes: object) -> CheckRecord:
    """What `check` says of a result."""
    values: dict[str, Any] = {
        "schema": 1,
        "head": HEAD,
        "base": BASE,
        "pin": "llama.cpp",
        "platform": "macos-arm64",
        "candidate": "0.1.3",
        "baseline": "0.1.2",
        "pin_moved": True,
        "same_engine": False,
        "verdict": result.verdict,
        "devices": None,
        "metal": Metal(state="not-run", why="no GPU of its own"),
        "gate_sha256": sha256(result),
        "started": records.NOW,
        "seconds": 60.0,
    }
    return CheckRecord.model_validate(values | changes)


def sha256(result: GateResult) -> str:
    return hashlib.sha256(documents.dump_json(result).encode()).hexdigest()


def left(of: Verdict = Verdict.PASS, **changes: object) -> Evidence:
    """What a job left whose gate said so; `changes` are those of its record."""
    result = gated(of)
    return Evidence(record=record(result, **changes), result=result, gate_sha256=sha256(result))


def needs(**changes: Ended) -> dict[str, Ended]:
    """How the jobs of a bump end that is fine."""
    usual: dict[str, Ended] = {
        "changes": "success",
        "linux": "success",
        "gate": "success",
        "oldest": "success",
        "again": "skipped",
        "metal": "skipped",
    }
    return usual | changes
