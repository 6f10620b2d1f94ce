"""`engine-ci propose`: the diff and the words of the pull request; with `--open`, the thing."""

from __future__ import annotations

from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from engine_ci.cli import app, options, progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine_ci.bump.committer import Committer
    from engine_ci.bump.plan import Plan
    from engine_ci.bump.pull_request import Proposal
    from engine_ci.cli.workspace import Workspace
    from engine_ci.records.bundle import Bundle
    from engine_ci.records.candidate import Candidate
    from engine_ci.records.proposal import Proposed
    from engine_ci.system.git import Remote, Repository
    from engine_ci.system.github_connection import Access

Open = Annotated[
    bool, typer.Option("--open", help="Open or refresh the pull request, not only print it.")
]
Base = Annotated[
    str | None,
    typer.Option(
        "--base",
        help="The branch it is for; the remote's default when not given.",
        metavar="REF",
        show_default=False,
    ),
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
    json: options.Json = False,
) -> None:
    """Print the diff of the pin and the pull request's body, or open it.

    What `detect`, `prepare` and `gate` left is proposed; with --open it is confirmed first.

    For example: engine-ci propose --json

    Exit codes: 0 done, also where nothing is proposed; 1 the gate said no; 2 configuration, pin,
    token or records; 3 the records are not what the source and the files say; 4 GitHub refused, or
    the source did not answer.
    """
    from engine_ci.cli import confirm
    from engine_ci.cli.candidates import read_candidate
    from engine_ci.cli.progress import Progress
    from engine_ci.cli.workspace import open_workspace

    workspace = open_workspace(config, pin=pin, work=work)
    candidate = read_candidate(workspace)
    with Progress() as say:
        if candidate.chosen is None:
            tell(recorded(workspace, None, why_nothing=nothing(candidate)), say=say, as_json=json)
            return
        plan, proposal = planned(workspace), None
        show(plan, as_json=json)
        if open_:
            # Nothing is fetched for what could not be opened.
            app.hub(workspace, repository=repository, api_url=api_url, remote=remote).close()
            # What is here was left by a job that ran a foreign engine.
            confirm.records(workspace, say=say)
            proposal = submit(
                plan, workspace, repository=repository, api_url=api_url, remote=remote, base=base
            )
        tell(recorded(workspace, plan, proposal=proposal), say=say, as_json=json)


def show(plan: Plan, *, as_json: bool) -> None:
    """Prints a plan for people, before it is carried out: that may fail."""
    if not as_json:
        progress.settle()
        typer.echo(shown(plan))


def tell(proposed: Proposed, *, say: Callable[[str], None], as_json: bool) -> None:
    """Says what became of it, and prints all of it where that is asked for."""
    from engine_ci.cli.output import emit

    if words := _ended(proposed):
        say(words)
    if as_json:
        emit(proposed, as_json=True, otherwise="")


def recorded(
    workspace: Workspace,
    plan: Plan | None,
    *,
    proposal: Proposal | None = None,
    why_nothing: str = "",
) -> Proposed:
    """What is proposed, for programs."""
    from engine_ci.records.proposal import Proposed, PullRequestText

    pull = proposal.pull_request if proposal else None
    return Proposed(
        schema=1,
        pin=workspace.pin.name,
        current=workspace.pin.version,
        version=plan.version if plan else None,
        why_nothing=why_nothing,
        text=PullRequestText(
            branch=plan.branch, title=plan.title, draft=plan.draft, body=plan.body, diff=plan.diff
        )
        if plan
        else None,
        outcome=proposal.outcome.value if proposal else None,
        number=pull.number if pull else None,
        url=pull.url if pull else None,
        notes=proposal.notes if proposal else (),
    )


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
    from engine_ci.cli.bundles import read_bundle
    from engine_ci.cli.candidates import read_candidate
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
    from engine_ci.cli.bundles import read_bundle

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

    clone, policy = git.Repository.containing(workspace.root), workspace.config.pull_request
    there = git.Remote(name=remote, token=app.token())
    with (
        closing(
            app.hub(workspace, repository=repository, api_url=api_url, remote=remote)
        ) as opened,
        _committing(clone, there, by=policy.commit, access=opened.access) as committer,
    ):
        return pull_request.open_or_refresh(
            plan,
            repository=clone,
            remote=there,
            hub=opened,
            base=base or clone.default_branch(there),
            policy=policy,
            committer=committer,
        )


@contextmanager
def _committing(
    clone: Repository, remote: Remote, *, by: Literal["api", "git"], access: Access
) -> Iterator[Committer]:
    from engine_ci.bump.committer import GitCommitter, GitHubCommitter
    from engine_ci.system.github_commits import Commits

    if by == "git":
        yield GitCommitter(repository=clone, at=datetime.now(UTC))
        return
    with closing(Commits(**access)) as commits:
        yield GitHubCommitter(repository=clone, remote=remote, commits=commits)


def shown(plan: Plan) -> str:
    """The plan for people: title, diff and body."""
    draft = " (draft)" if plan.draft else ""
    return f"{plan.title}{draft}\n\n{plan.diff}\n{plan.body}"


def _ended(proposed: Proposed) -> str:
    """What became of it, in a line or two; nothing where it was only printed."""
    if proposed.outcome is None:
        return proposed.why_nothing
    where = f"pull request #{proposed.number} {proposed.outcome}: {proposed.url}"
    return "\n".join([where if proposed.number else "the base has it", *proposed.notes])
