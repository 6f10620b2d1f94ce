"""`engine-ci detect`: lists what is newer than the pin, and says of each why or why not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from engine_ci.cli import options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine_ci.cli.workspace import Workspace
    from engine_ci.records.candidate import Candidate, Refusal
    from engine_ci.releases.model import Offer


def detect(
    *,
    config: options.Config = options.CONFIG,
    pin: options.Pin = None,
    work: options.Work = options.WORK,
    json: options.Json = False,
) -> None:
    """List releases newer than the pin, and choose one or say for each why not."""
    from functools import partial

    from typer import echo

    from engine_ci.cli import doors
    from engine_ci.cli.output import emit
    from engine_ci.cli.workspace import open_workspace
    from engine_ci.releases.detect import ask

    workspace = open_workspace(config, pin=pin, work=work)
    offers = ask(workspace.pin, at=doors.releases(workspace), told=partial(echo, err=True))
    candidate = choose(workspace, offers)
    emit(candidate, as_json=json, otherwise=table(candidate))


def choose(
    workspace: Workspace, offers: Sequence[Offer], *, refused: Sequence[Refusal] = ()
) -> Candidate:
    """Chooses from what the source offers, and leaves `candidate.json`."""
    from engine_ci.cli import upstream
    from engine_ci.releases.detect import detect as choose_from
    from engine_ci.system import documents

    candidate = choose_from(workspace.pin, offers, now=datetime.now(UTC), refused=refused)
    candidate = upstream.compared(workspace, candidate)
    documents.write(workspace.candidate_json, documents.dump_json(candidate))
    return candidate


def table(candidate: Candidate) -> str:
    """One line per release newer than the pin, and one of what changed upstream."""
    from engine_ci.cli import upstream

    width = max((len(decision.version) for decision in candidate.decisions), default=0)
    newer = [
        f"{'→' if decision.chosen else ' '} {decision.version:<{width}}  {decision.reason}"
        for decision in candidate.decisions
    ]
    nothing = f"{candidate.pin} {candidate.current}: nothing newer"
    return "\n".join([*(newer or [nothing]), *upstream.lines(candidate.upstream)])
