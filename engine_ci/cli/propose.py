"""`engine-ci propose`: the diff and the words of the pull request; with `--open`, the thing."""

from __future__ import annotations

import os
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from engine_ci.cli import doors, options
from engine_ci.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine_ci.bump.plan import File, Plan
    from engine_ci.bump.pull_request import Proposal
    from engine_ci.cli.workspace import Workspace
    from engine_ci.records.bundle import Bundle
    from engine_ci.system.github import Hub

Open = Annotated[
    bool, typer.Option("--open", help="Open or refresh the pull request, not only print it.")
]
Repository = Annotated[
    str | None,
    typer.Option(
        "--repository",
        envvar="GITHUB_REPOSITORY",
        help="The app's repository.",
        metavar="OWNER/NAME",
        show_default=False,
    ),
]
ApiUrl = Annotated[
    str,
    typer.Option("--api-url", envvar="GITHUB_API_URL", help="GitHub's address.", metavar="URL"),
]
Remote = Annotated[str, typer.Option("--remote", help="Where the branch is pushed.")]
Base = Annotated[
    str | None,
    typer.Option("--base", help="The branch it is for; the remote's default when not given."),
]

API_URL = "https://api.github.com"


def propose(
    *,
    open_: Open = False,
    repository: Repository = None,
    api_url: ApiUrl = API_URL,
    remote: Remote = "origin",
    base: Base = None,
    config: options.Config = options.CONFIG,
    pin: options.Pin = None,
    work: options.Work = options.WORK,
) -> None:
    """Print the diff of the pin and the pull request's body, or open it."""
    from engine_ci.cli.workspace import open_workspace

    workspace = open_workspace(config, pin=pin, work=work)
    plan = planned(workspace)
    typer.echo(shown(plan))
    if open_:
        proposal = submit(
            plan, workspace, repository=repository, api_url=api_url, remote=remote, base=base
        )
        typer.echo(told(proposal), err=True)


def planned(workspace: Workspace) -> Plan:
    """The plan, from what `detect`, `prepare` and `gate` left."""
    from engine_ci.bump import plan
    from engine_ci.cli.prepare import read_candidate
    from engine_ci.cli.report import read
    from engine_ci.report import markdown

    result = read(workspace.gate / "gate.json")
    return plan.make(
        workspace.pin,
        file=carrying(workspace, workspace.pin_file),
        targets=[(each, carrying(workspace, each.file)) for each in workspace.config.targets],
        candidate=read_candidate(workspace),
        bundle=read_bundle(workspace.candidate),
        others=list(others(workspace)),
        pinned=read_bundle(workspace.baseline) if workspace.baseline.exists() else None,
        result=result,
        gate=markdown.render(result),
        argv=workspace.config.engine.argv,
        policy=workspace.config.pull_request,
    )


def others(workspace: Workspace) -> Iterator[tuple[Bundle | None, Bundle]]:
    """For each other platform the bundle of the pin, where there is one, and the candidate's."""
    for platform in workspace.pin.platforms:
        before, after = (
            workspace.elsewhere(platform, of="baseline"),
            workspace.elsewhere(platform, of="candidate"),
        )
        if after.exists():
            yield read_bundle(before) if before.exists() else None, read_bundle(after)


def carrying(workspace: Workspace, name: str) -> File:
    """A file that carries the pin, seen from the top of the clone that the configuration is in.

    Raises:
        ConfigError: it is missing, lies outside the clone, or is no text in UTF-8.
    """
    from engine_ci.bump.plan import File
    from engine_ci.errors import ConfigError
    from engine_ci.system.git import Repository as Clone

    top = Clone.containing(workspace.root).path.resolve()
    path = (workspace.root / name).resolve()
    try:
        # As bytes: reading text would turn CRLF into LF.
        return File(path=path.relative_to(top).as_posix(), text=path.read_bytes().decode())
    except (OSError, ValueError) as problem:
        raise ConfigError(f"{name}: not a readable text file of this clone: {problem}") from problem


def read_bundle(folder: Path) -> Bundle:
    """What a prepared folder says of itself; RecordError when it does not."""
    from engine_ci.errors import RecordError
    from engine_ci.records.bundle import RECORD, Bundle
    from engine_ci.system import documents

    return documents.load_json(folder / RECORD, Bundle, error=RecordError)


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
    there = git.Remote(name=remote, token=_token())
    with closing(hub(workspace, repository=repository, api_url=api_url, remote=remote)) as opened:
        return pull_request.open_or_refresh(
            plan,
            repository=clone,
            remote=there,
            hub=opened,
            base=base or clone.default_branch(there),
            policy=workspace.config.pull_request,
            at=datetime.now(UTC),
        )


def hub(workspace: Workspace, *, repository: str | None, api_url: str, remote: str) -> Hub:
    """The app's repository on GitHub, to be closed.

    Raises:
        UsageError: no token, or no repository can be told.
    """
    from engine_ci.system import git
    from engine_ci.system.github import Hub

    token = _token()
    if repository is None:
        clone = git.Repository.containing(workspace.root)
        repository = _slug(clone.url(git.Remote(name=remote, token=token)))
    return Hub(api_url=api_url, repository=repository, token=token)


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


def _token() -> str:
    token = os.environ.get(doors.TOKEN)
    if not token:
        raise UsageError(
            f"no token is in the environment variable {doors.TOKEN}",
            hint="in a workflow: `env: {GITHUB_TOKEN: ${{ github.token }}}`",
        )
    return token


def _slug(url: str) -> str:
    from engine_ci.system import git

    name = git.slug(url)
    if name is None:
        raise UsageError(
            f"{url}: which repository on GitHub is this?", hint="name it with `--repository`"
        )
    return name
