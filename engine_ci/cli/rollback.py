"""`engine-ci rollback`: the pull request back to the last good build, with a hold on this one."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from engine_ci.cli import app, options
from engine_ci.cli import hold as hold_command
from engine_ci.cli import propose as propose_command

if TYPE_CHECKING:
    from engine_ci.bump.plan import Plan
    from engine_ci.cli.workspace import Workspace
    from engine_ci.pins.model import Hold

To = Annotated[
    str | None,
    typer.Option(
        "--to",
        help="A build or version that was pinned; without it, the last one that is not held.",
        metavar="BUILD",
        show_default=False,
    ),
]


def rollback(
    *,
    reason: hold_command.Reason,
    to: To = None,
    link: hold_command.Link = None,
    open_: propose_command.Open = False,
    repository: app.Repository = None,
    api_url: app.ApiUrl = app.API_URL,
    remote: app.Remote = "origin",
    base: propose_command.Base = None,
    config: options.Config = options.CONFIG,
    pin: options.Pin = None,
    json: options.Json = False,
) -> None:
    """Print the pull request back to the build that was pinned before, or open it.

    For example: engine-ci rollback --reason "crashes on M1" --to b11194

    Exit codes: 0 done; 2 configuration, pin or token, or there is no build to go back to; 4 GitHub
    refused or did not answer.
    """
    from engine_ci.cli.workspace import open_workspace

    workspace = open_workspace(config, pin=pin, work=options.WORK)
    bad = hold_command.asked(workspace.pin.version, reason=reason, link=link)
    plan, proposal = planned(workspace, bad, to=to), None
    propose_command.show(plan, as_json=json)
    if open_:
        proposal = propose_command.submit(
            plan, workspace, repository=repository, api_url=api_url, remote=remote, base=base
        )
    proposed = propose_command.recorded(workspace, plan, proposal=proposal)
    propose_command.tell(proposed, say=partial(typer.echo, err=True), as_json=json)


def planned(workspace: Workspace, bad: Hold, *, to: str | None) -> Plan:
    """The plan, from what git knows of the pin file.

    Raises:
        UsageError: there is no build to go back to, or it does not fit today's pin.
        ConfigError: a target does not find its place.
    """
    from engine_ci.bump import rollback
    from engine_ci.pins import store
    from engine_ci.system.git import Repository

    clone = Repository.containing(workspace.root)
    file, today = app.carrying(workspace, workspace.pin_file), datetime.now(UTC).date()
    earlier = rollback.choose(
        workspace.pin,
        rollback.read(clone.earlier(file.path, line=store.MOVES)),
        to=to,
        shallow=clone.is_shallow(),
        today=today,
    )
    return rollback.make(
        workspace.pin,
        earlier,
        file=file,
        targets=app.targets(workspace),
        hold=bad,
        policy=workspace.config.pull_request,
        today=today,
    )
