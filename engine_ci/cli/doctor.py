"""`engine-ci doctor`: is the pin in order, and can nothing be merged without gate and person?"""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import typer

from engine_ci.cli import app, before, options
from engine_ci.errors import ConfigError, OutsideError, PinError, RecordError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from engine_ci.cli.workspace import Workspace
    from engine_ci.errors import EngineCIError
    from engine_ci.records.candidate import Candidate
    from engine_ci.records.doctor import Answer, Diagnosis
    from engine_ci.system.github_connection import Access


def doctor(
    *,
    repository: app.Repository = None,
    api_url: app.ApiUrl = app.API_URL,
    remote: app.Remote = "origin",
    config: options.Config = options.CONFIG,
    pin: options.Pin = None,
    work: options.Work = options.WORK,
    json: options.Json = False,
) -> None:
    """Examine the pin and the repository's settings, and say what to do; nothing is written.

    For example: engine-ci doctor --json

    Exit codes: 0 nothing fails; 1 something does.
    """
    from engine_ci.cli.output import emit
    from engine_ci.cli.workspace import open_workspace
    from engine_ci.errors import Exit
    from engine_ci.report import answers

    now = datetime.now(UTC)
    try:
        workspace = open_workspace(config, pin=pin, work=work)
    except (ConfigError, PinError) as error:
        found = _unreadable(error, now=now)
    else:
        found = examine(workspace, repository=repository, api_url=api_url, remote=remote, now=now)
    emit(found, as_json=json, otherwise=answers.text(found.answers))
    if not found.sound:
        raise typer.Exit(Exit.GATE_SAYS_NO)


def examine(
    workspace: Workspace, *, repository: str | None, api_url: str, remote: str, now: datetime
) -> Diagnosis:
    """Asks all questions; what cannot be read is answered as unknown."""
    from engine_ci.records.doctor import Answer, Diagnosis, Outcome

    loads = Answer(id="config", outcome=Outcome.OK, observed="the configuration and its pins load")
    hosted = _hosted(workspace, repository=repository, api_url=api_url, remote=remote, now=now)
    return Diagnosis(
        schema=1,
        pin=workspace.pin.name,
        answers=(loads, *_local(workspace, now=now), *hosted),
        at=now,
    )


def _unreadable(error: EngineCIError, *, now: datetime) -> Diagnosis:
    from engine_ci.records.doctor import Answer, Diagnosis, Outcome

    fails = Answer(id="config", outcome=Outcome.FAIL, observed=error.message, hint=error.hint or "")
    return Diagnosis(schema=1, pin=None, answers=(fails,), at=now)


def _local(workspace: Workspace, *, now: datetime) -> Iterator[Answer]:
    """What the files here tell."""
    from engine_ci.doctor import pin as about

    pin, candidate = workspace.pin, _candidate(workspace)
    yield about.complete(pin, platforms=workspace.config.platforms)
    yield about.expired(pin.holds, today=now.date())
    yield about.ending(pin.holds, today=now.date())
    yield about.behind(candidate, pin=pin, now=now)
    yield about.trouble(candidate, pin=pin)
    yield about.architectures(candidate, pin=pin)
    yield from _owned(workspace)


def _owned(workspace: Workspace) -> Iterator[Answer]:
    """Who owns the files that decide about the engine, as far as this clone tells."""
    from engine_ci.doctor import owners
    from engine_ci.setup import files
    from engine_ci.system.git import Repository

    try:
        top = Repository.containing(workspace.root).path
        pin = app.carrying(workspace, workspace.pin_file).path
    except (ConfigError, UsageError) as error:
        yield from unread((owners.QUESTION,), error)
        return
    there = [top / place for place in owners.PLACES if (top / place).is_file()]
    text = there[0].read_text(encoding="utf-8", errors="replace") if there else None
    gates = sorted(path.name for path in (top / files.WORKFLOWS).glob("engine-*.yml"))
    yield owners.named(text, paths=(pin, *(f"{files.WORKFLOWS}/{name}" for name in gates)))


def _candidate(workspace: Workspace) -> Candidate | None:
    """What `detect` left, where it is about the pin as it is."""
    from engine_ci.cli.candidates import read_candidate

    try:
        return read_candidate(workspace)
    except (RecordError, UsageError):
        return None


def _hosted(
    workspace: Workspace, *, repository: str | None, api_url: str, remote: str, now: datetime
) -> Iterator[Answer]:
    """What GitHub tells."""
    from engine_ci.bump import progress
    from engine_ci.doctor import pin as about
    from engine_ci.doctor import protection as guarded
    from engine_ci.doctor import repository as settled
    from engine_ci.doctor import workflows
    from engine_ci.system.github_reads import Reader

    try:
        path = app.carrying(workspace, workspace.pin_file).path
        hub = app.hub(workspace, repository=repository, api_url=api_url, remote=remote)
        with closing(hub), closing(Reader(**hub.access)) as reader:
            moved = progress.moved(reader, path=path)
            settings = reader.settings()
            protection = reader.protection(settings.branch)
    except (ConfigError, OutsideError, UsageError) as error:
        # A clone tells the same, where it is not a shallow one.
        yield about.age(before.moved(workspace), now=now)
        yield from unread((*settled.QUESTIONS, *guarded.QUESTIONS, *workflows.QUESTIONS), error)
        return
    yield about.age(moved, now=now)
    yield from settled.judged(settings)
    yield from guarded.judged(protection)
    yield from _workflows(workspace, hub.access, now=now)


def _workflows(workspace: Workspace, access: Access, *, now: datetime) -> Iterator[Answer]:
    """What GitHub tells of the workflows."""
    from engine_ci import config as configuration
    from engine_ci.doctor import workflows as about
    from engine_ci.system.github_workflows import Workflows

    poll = timedelta(days=configuration.days(workspace.config.policy.poll))
    try:
        with closing(Workflows(**access)) as reader:
            rights, schedule = reader.rights(), reader.schedule(about.BUMP_WORKFLOW)
    except OutsideError as error:
        yield from unread(about.QUESTIONS, error)
        return
    yield from about.judged(rights, schedule, poll=poll, now=now)


def unread(questions: Iterable[str], error: EngineCIError) -> Iterator[Answer]:
    """Questions that GitHub answers, when it could not be asked."""
    from engine_ci.records.doctor import Answer, Outcome

    for question in questions:
        observed, hint = error.message, error.hint or "run `engine-ci doctor` again"
        yield Answer(id=question, outcome=Outcome.UNKNOWN, observed=observed, hint=hint)
