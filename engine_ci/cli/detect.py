"""`engine-ci detect`: lists what is newer than the pin, and says of each why or why not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from engine_ci.cli import before, options, propose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine_ci.cli.workspace import Workspace
    from engine_ci.records.candidate import Candidate, Decision, Refusal, Standing
    from engine_ci.releases.model import Offer
    from engine_ci.releases.throttle import Proposals


def detect(
    *,
    repository: propose.Repository = None,
    api_url: propose.ApiUrl = propose.API_URL,
    config: options.Config = options.CONFIG,
    pin: options.Pin = None,
    work: options.Work = options.WORK,
    json: options.Json = False,
) -> None:
    """List releases newer than the pin, and choose one or say for each why not."""
    from engine_ci.cli.output import emit
    from engine_ci.cli.workspace import open_workspace
    from engine_ci.releases.detect import ask

    workspace = open_workspace(config, pin=pin, work=work)
    proposals = before.proposals(
        workspace,
        repository=repository,
        api_url=api_url,
        remote="origin",
        ask=before.can_ask(repository),
    )
    candidate = choose(
        workspace, ask(workspace.pin), proposals=proposals, failed=before.refused(workspace)
    )
    emit(candidate, as_json=json, otherwise=table(candidate))


def choose(
    workspace: Workspace,
    offers: Sequence[Offer],
    *,
    proposals: Proposals,
    failed: bool,
    refused: Sequence[Refusal] = (),
) -> Candidate:
    """Chooses from what the source offers, and leaves `candidate.json`.

    Args:
        workspace: the app's.
        offers: the source's answer.
        proposals: what was proposed before.
        failed: whether the gate refused the pinned build.
        refused: what this run tried before, newest first.
    """
    from engine_ci.releases.detect import detect as choose_from
    from engine_ci.system import documents

    candidate = choose_from(
        workspace.pin,
        offers,
        policy=workspace.config.policy,
        now=datetime.now(UTC),
        refused=refused,
        proposals=proposals,
        failed=failed,
    )
    documents.write(workspace.candidate_json, documents.dump_json(candidate))
    return candidate


def table(candidate: Candidate) -> str:
    """How the pin stands, and a line for every release, or run of them, newer than the pin."""
    standing = candidate.standing
    width = max((len(decision.subject) for decision in candidate.decisions), default=0)
    return "\n".join(
        [
            f"{candidate.pin} {candidate.current}: {_place(standing)}",
            *(f"! the pin is {trouble}" for trouble in standing.troubles),
            *(f"! this hold has ended: {hold}" for hold in standing.expired),
            *(
                f"{_sign(decision, candidate)} {decision.subject:<{width}}  {decision.reason}"
                for decision in candidate.decisions
            ),
        ]
    )


def _place(standing: Standing) -> str:
    """Where the pin is among the releases."""
    many = f"{standing.behind} releases are newer" if standing.behind > 1 else "1 release is newer"
    newer = many if standing.behind else "nothing newer"
    return newer if standing.age_days is None else f"{newer}; it is {standing.age_days} days old"


def _sign(decision: Decision, candidate: Candidate) -> str:
    """What to look at first: the candidate, one that waits, one that something is wrong with."""
    if decision.chosen:
        return "→"
    if candidate.postponed and decision.version == candidate.postponed.version:
        return "…"
    return "!" if decision.flaws else " "
