"""What `detect` left for the stages after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine_ci.cli.workspace import Workspace
    from engine_ci.records.candidate import Candidate, Release


def chosen(workspace: Workspace) -> Release:
    """The release that `detect` chose.

    Raises:
        RecordError: `detect` has not run.
        UsageError: it chose nothing, or started from another pin.
    """
    from engine_ci.errors import UsageError

    candidate = read_candidate(workspace)
    if candidate.chosen is None:
        raise UsageError(
            f"{workspace.candidate_json}: nothing was chosen, so there is nothing to prepare",
            hint="`engine-ci detect` says why; `--current` prepares what is pinned",
        )
    return candidate.chosen


def read_candidate(workspace: Workspace) -> Candidate:
    """What `detect` left, for this pin as it is now.

    Raises:
        RecordError: `detect` has not run.
        UsageError: it ran for another pin, or from another version.
    """
    from engine_ci.errors import RecordError, UsageError
    from engine_ci.records.candidate import Candidate
    from engine_ci.system import documents

    candidate = documents.load_json(workspace.candidate_json, Candidate, error=RecordError)
    found, expected = (
        (candidate.pin, candidate.current),
        (workspace.pin.name, workspace.pin.version),
    )
    if found != expected:
        raise UsageError(
            f"{workspace.candidate_json}: made for {' '.join(found)}, the pin is "
            f"{' '.join(expected)}",
            hint="run `engine-ci detect` again",
        )
    return candidate
