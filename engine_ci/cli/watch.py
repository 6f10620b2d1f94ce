"""`engine-ci watch`: where no build comes to a reviewer for too long, an issue says so.

`bump --open` looks by itself; a workflow of several jobs looks when they have ended.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from engine_ci.cli import app, before, options
from engine_ci.errors import EngineCIError, EngineError, GitHubError, OutsideError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine_ci.bump.stuck import Alarm, Limits
    from engine_ci.cli.progress import Progress
    from engine_ci.cli.workspace import Workspace
    from engine_ci.records.candidate import Candidate
    from engine_ci.records.polls import Polls
    from engine_ci.records.watched import Watched
    from engine_ci.system.github import Hub


def watch(
    *,
    failed: Annotated[
        bool, typer.Option("--failed", help="The run that left the records failed.")
    ] = False,
    repository: app.Repository = None,
    api_url: app.ApiUrl = app.API_URL,
    remote: app.Remote = "origin",
    dry_run: options.DryRun = False,
    config: options.Config = options.CONFIG,
    pin: options.Pin = None,
    work: options.Work = options.WORK,
    json: options.Json = False,
) -> None:
    """Count a scheduled run, and open, update or close the issue about a pin that is stuck.

    For a workflow whose jobs share the work, when they have ended; `bump --open` looks by itself.

    For example: engine-ci watch --failed --dry-run

    Exit codes: 0 somebody was told, or need not be; 2 configuration, pin or token; 4 GitHub
    refused or did not answer.
    """
    from engine_ci.cli.output import emit
    from engine_ci.cli.progress import Progress
    from engine_ci.cli.workspace import open_workspace

    workspace = open_workspace(config, pin=pin, work=work)
    hub = app.hub(workspace, repository=repository, api_url=api_url, remote=remote)
    with Progress() as say, closing(hub):
        found = look(
            workspace,
            _ended(workspace, failed=failed),
            hub=hub,
            say=say,
            now=datetime.now(UTC),
            dry_run=dry_run,
        )
    if json:
        emit(found, as_json=True, otherwise="")


def _ended(workspace: Workspace, *, failed: bool) -> EngineCIError | None:
    """The error that a run ended with, as far as its records tell."""
    from engine_ci.cli.candidates import read_candidate

    try:
        candidate = read_candidate(workspace)
    except EngineCIError as problem:
        return problem
    if not failed:
        return None
    if candidate.chosen is None and candidate.refused:
        return EngineError("the gate refused what is newer", hint="the run has the evidence")
    return OutsideError("a job of the run failed", hint="its log says why")


@contextmanager
def over(
    workspace: Workspace,
    *,
    asked: bool,
    repository: str | None,
    api_url: str,
    remote: str,
    say: Progress,
) -> Iterator[None]:
    """Looks at how the block ended, and lets its error through; does nothing unless asked to.

    Raises:
        UsageError: no token, or no repository can be told; the block is not begun then.
        GitHubError: somebody has to be told, and that failed.
    """
    if not asked:
        yield
        return
    hub = app.hub(workspace, repository=repository, api_url=api_url, remote=remote)
    with closing(hub):
        try:
            yield
        except EngineCIError as error:
            try:
                look(workspace, error, hub=hub, say=say, now=datetime.now(UTC))
            except EngineCIError as second:
                say(f"whether somebody has to be told is not known: {second.message}")
            raise
        look(workspace, None, hub=hub, say=say, now=datetime.now(UTC))


def look(
    workspace: Workspace,
    error: EngineCIError | None,
    *,
    hub: Hub,
    say: Progress,
    now: datetime,
    dry_run: bool = False,
) -> Watched:
    """Remembers how a run ended, and brings the issue about the pin to what is true now.

    Args:
        workspace: with what the run left.
        error: that it ended with. Where the gate refused all that is newer, the poll worked.
        hub: the app's repository.
        say: is told what was done.
        now: with its time zone.
        dry_run: only says what would be done; the run is not counted.

    Raises:
        GitHubError: there is, or may be, something to tell, and GitHub refused or did not answer.
    """
    from engine_ci.bump import polls, stuck
    from engine_ci.cli.candidates import read_candidate
    from engine_ci.records.watched import Watched

    policy = workspace.config.policy
    limits = stuck.Limits(days=policy.stuck_days, failures=policy.stuck_failures)
    worked = error is None or isinstance(error, EngineError)
    candidate = read_candidate(workspace) if worked else None
    kept = _remember(workspace, error, candidate=candidate, say=say, now=now)
    if not dry_run:
        polls.save(workspace.polls_json, kept)
    if kept.progress is None or stuck.is_dry(kept.progress, limits=limits, now=now):
        kept = _ask(workspace, kept, hub=hub, now=now)
        if not dry_run:
            polls.save(workspace.polls_json, kept)
    facts = stuck.Facts(
        pin=workspace.pin.name,
        version=workspace.pin.version,
        source=str(workspace.pin.source),
        progress=kept.progress,
        failing=stuck.failing(kept, error=_words(error)),
        candidate=candidate,
    )
    alarm = stuck.alarm(facts, limits=limits, now=now)
    done = _tell(
        alarm,
        hub=hub,
        pin=facts.pin,
        recovered=worked,
        limits=limits,
        now=now,
        say=say,
        dry_run=dry_run,
    )
    return Watched(
        schema=1,
        pin=facts.pin,
        failures=kept.failures,
        progress=kept.progress,
        stuck=alarm is not None,
        dry_run=dry_run,
        done=done,
    )


def _remember(
    workspace: Workspace,
    error: EngineCIError | None,
    *,
    candidate: Candidate | None,
    say: Progress,
    now: datetime,
) -> Polls:
    """What is known of the polls, this one included."""
    from engine_ci.bump import polls

    kept, lost = polls.load(workspace.polls_json, pin=workspace.pin.name, now=now)
    if candidate is None:
        kept = polls.failed(kept, now=now)
        say(lost or f"{kept.failures} polls failed in a row")
    else:
        # Where the gate refused all that is newer, nothing was found; what waits for its turn was.
        found = error is None and (candidate.chosen or candidate.postponed) is not None
        kept = polls.worked(kept, progress=now if found else None)
        judged = before.judged_by(workspace, failed=before.failed(workspace))
        kept = polls.refusing(kept, candidate.refused, judged=judged)
    return kept


def _ask(workspace: Workspace, kept: Polls, *, hub: Hub, now: datetime) -> Polls:
    """The same with the last progress that the app's repository knows of, or else the begin."""
    from engine_ci.bump import polls, progress
    from engine_ci.system.github_reads import Reader

    name, path = workspace.pin.name, app.carrying(workspace, workspace.pin_file).path
    branch = workspace.config.pull_request.branch
    with closing(Reader(**hub.access)) as reader:
        told = progress.last(hub, reader, pin=name, branch=branch, path=path, now=now)
    return kept.model_copy(update={"progress": polls.later(kept.progress, told) or kept.since})


def _words(error: EngineCIError | None) -> str:
    return "\n".join(filter(None, (error.message, error.hint))) if error else ""


def _tell(
    alarm: Alarm | None,
    *,
    hub: Hub,
    pin: str,
    recovered: bool,
    limits: Limits,
    now: datetime,
    say: Progress,
    dry_run: bool,
) -> tuple[str, ...]:
    """Brings the issue to what an alarm says; what was done, one sentence each."""
    from engine_ci.bump import stuck_issue
    from engine_ci.system.github_issues import Issues

    with closing(Issues(**hub.access)) as issues:
        try:
            done = stuck_issue.bring_about(
                alarm,
                issues,
                pin=pin,
                recovered=recovered,
                limits=limits,
                now=now,
                dry_run=dry_run,
            )
        except GitHubError as error:
            # Nothing has to be told now, so an app without issues, or the right to them, goes on.
            if alarm is not None:
                raise
            done = (f"no issue was looked for: {error.message}",)
    for sentence in done:
        say(sentence)
    return done
