"""What the jobs of a run left, read with care: whoever wrote a change may have written it too."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Annotated, Final, TypeVar, get_args

from pydantic import BaseModel, StringConstraints, TypeAdapter, ValidationError

from engine_ci.bump.evidence import Evidence
from engine_ci.bump.jobs import ARTIFACTS
from engine_ci.bump.required import CHANGES, Ended
from engine_ci.errors import EngineCIError, RecordError, UsageError
from engine_ci.records.change import Change
from engine_ci.records.check import CheckRecord
from engine_ci.records.gate import GateResult
from engine_ci.system import documents

if TYPE_CHECKING:
    from pathlib import Path

    from engine_ci.system.documents import Document

DocumentT = TypeVar("DocumentT", bound="Document")

# Ours have a tenth of a MiB.
MOST_BYTES: Final = 8 << 20
# Of a message that quotes what was found.
_MOST_TOLD: Final = 300


class Job(BaseModel):
    """What GitHub tells of a job that another one needs."""

    result: Ended


_NEEDS: Final = TypeAdapter(
    dict[Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,99}$")], Job]
)


def needs(text: str) -> dict[str, Ended]:
    """How each job ended, from `toJSON(needs)`; UsageError where that is something else."""
    try:
        return {name: job.result for name, job in _NEEDS.validate_json(text).items()}
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))[:_MOST_TOLD] or "the whole text"
        raise UsageError(
            f"--needs: `{place}`: {first['msg']}",
            hint=f"it is `toJSON(needs)`, where a `result` is one of {', '.join(get_args(Ended))}",
        ) from problem


def change(results: Path) -> Change | str:
    """What `changes` left in its artifact, or why that cannot be read."""
    return _read(results / CHANGES / "changes.json", Change)


def gates(results: Path) -> dict[str, Evidence | str]:
    """By job, what each that ran the gate left in its artifact, or why that cannot be read."""
    return {job: _evidence(results / artifact) for job, artifact in ARTIFACTS.items()}


def kept(folder: Path) -> tuple[GateResult, CheckRecord | None] | str:
    """A gate's result with what `check` said of it, where it did, or why it cannot be read."""
    if (folder / "check.json").exists():
        left = _evidence(folder)
        return left if isinstance(left, str) else (left.result, left.record)
    result = _read(folder / "gate.json", GateResult)
    return result if isinstance(result, str) else (result, None)


def _evidence(folder: Path) -> Evidence | str:
    record = _read(folder / "check.json", CheckRecord)
    file = folder / "gate" / "gate.json"
    result = _read(file, GateResult)
    if isinstance(record, str):
        return record
    if isinstance(result, str):
        return result
    return Evidence(record=record, result=result, gate_sha256=documents.sha256_of(file))


def _read(path: Path, model: type[DocumentT]) -> DocumentT | str:
    """A record of at most so many bytes, or what is wrong with it."""
    try:
        _refuse(path)
        return documents.load_json(path, model, error=RecordError)
    except EngineCIError as problem:
        told = problem.message
        return told if len(told) <= _MOST_TOLD else f"{told[:_MOST_TOLD]}…"


def _refuse(path: Path) -> None:
    """Refuses what is no plain file, or too large; what is not there is told when it is read."""
    try:
        found = path.lstat()
    except OSError:
        return
    if not stat.S_ISREG(found.st_mode):
        raise RecordError(f"{path}: expected a plain file")
    if found.st_size > MOST_BYTES:
        raise RecordError(f"{path}: expected {MOST_BYTES} bytes at most, found {found.st_size}")
