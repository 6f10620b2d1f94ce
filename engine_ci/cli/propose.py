"""`engine-ci propose`: the diff and the words of the pull request; with `--open`, the thing."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from engine_ci.cli import app, options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine_ci.bump.plan import Plan
    from engine_ci.bump.pull_request import Proposal
    from engine_ci.cli.workspace import Workspace
    from engine_ci.records.bundle import Bundle
    from engine_ci.records.candidate import Candidate

Open = Annotated[
    bool, typer.Option("--open", help="Open or refresh the pull request, not only print it.")
]
Base = Annotated[
    str | None,
    typer.Option("--base", help="The branch it is for; the remote's default when not given."),
]


def propose(
    *,
    open_: Open = False,
    repository: app.Repository = None,
    api_url: app.ApiUrl = app.API_URL,
    remote: app.Remote = "origin",
    base: Base = None,
    config: options.Config = options.CONFIG,
    pin: options.Pin = None,
    work: options.Work = options.WORK,
) -> None:
    """Print the diff of the pin and the pull request's body, or open it."""
    from engine_ci.cli import confirm
    from engine_ci.cli.prepare import read_candidate
    from engine_ci.cli.progress import Progress
    from engine_ci.cli.workspace import open_workspace

    workspace = open_workspace(config, pin=pin, work=work)
    candidate = read_candidate(workspace)
    with Progress() as say:
        if candidate.chosen is None:
            say(nothing(candidate))
            return
        plan = planned(workspace)
        typer.echo(shown(plan))
        if open_:
            # Nothing is fetched for what could not be opened.
            app.hub(workspace, repository=repository, api_url=api_url, remote=remote).close()
            # What is here was left by a job that ran a foreign engine.
            confirm.records(workspace, say=say)
            proposal = submit(
                plan, workspace, repository=repository, api_url=api_url, remote=remote, base=base
            )
            say(told(proposal))


def nothing(candidate: Candidate) -> str:
    """Why nothing is proposed where nothing was chosen."""
    return f"{candidate.pin} stays at {candidate.current}: {_why_nothing(candidate)}"


def _why_nothing(candidate: Candidate) -> str:
    if candidate.postponed:
        return f"{candidate.postponed.version} {candidate.postponed.reason}"
    if candidate.refused:
        return "what is newer is the same engine again"
    if not candidate.decisions:
        return "nothing is newer"
    first = candidate.decisions[0]
    return f"nothing that is newer can be proposed, first {first.subject}: {first.reason}"


def planned(workspace: Workspace) -> Plan:
    """The plan, from what `detect`, `prepare` and `gate` left."""
    from engine_ci.bump import plan
    from engine_ci.cli.prepare import read_bundle, read_candidate
    from engine_ci.cli.report import read
    from engine_ci.report import markdown
    from engine_ci.system import git, git_change

    result = read(workspace.gate / "gate.json")
    return plan.make(
        workspace.pin,
        file=app.carrying(workspace, workspace.pin_file),
        targets=app.targets(workspace),
        candidate=read_candidate(workspace),
        bundle=read_bundle(workspace.candidate),
        others=list(others(workspace)),
        pinned=read_bundle(workspace.baseline) if workspace.baseline.exists() else None,
        result=result,
        gate=markdown.render(result),
        argv=workspace.config.engine.argv,
        commit=git_change.head(git.Repository.containing(workspace.root)),
        policy=workspace.config.pull_request,
    )


def others(workspace: Workspace) -> Iterator[tuple[Bundle | None, Bundle]]:
    """For each other platform the bundle of the pin, where there is one, and the candidate's."""
    from engine_ci.cli.prepare import read_bundle

    for platform in workspace.pin.platforms:
        before, after = (
            workspace.elsewhere(platform, of="baseline"),
            workspace.elsewhere(platform, of="candidate"),
        )
        if after.exists():
            yield (
                read_bundle(before) if before.exists() else None,
                read_bundle(after),
            )


def submit(
    plan: Plan,
    workspace: Workspace,
    *,
    repository: str | None,
    api_url: str,
    remote: str,
    base: str | None,
) -> Proposal:
    """Opens or refreshes the pull request.

    Raises:
        UsageError: no token, or no repository can be told.
    """
    from engine_ci.bump import pull_request
    from engine_ci.system import git

    clone = git.Repository.containing(workspace.root)
    there = git.Remote(name=remote, token=app.token())
    with closing(
        app.hub(workspace, repository=repository, api_url=api_url, remote=remote)
    ) as opened:
        return pull_request.open_or_refresh(
            plan,
            repository=clone,
            remote=there,
            hub=opened,
            base=base or clone.default_branch(there),
            policy=workspace.config.pull_request,
            at=datetime.now(UTC),
        )


def shown(plan: Plan) -> str:
    """The plan for people: title, diff and body."""
    draft = " (draft)" if plan.draft else ""
    return f"{plan.title}{draft}\n\n{plan.diff}\n{plan.body}"


def told(proposal: Proposal) -> str:
    """What became of it, in a line or two."""
    pull = proposal.pull_request
    where = (
        f"pull request #{pull.number} {proposal.outcome}: {pull.url}" if pull else "the base has it"
    )
    return "\n".join([where, *proposal.notes])
