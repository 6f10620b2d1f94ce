"""`engine-ci detect`: lists what is newer than the pin, and says of each why or why not."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Annotated

import typer

from engine_ci.cli import app, before, options
from engine_ci.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine_ci.cli.before import Past
    from engine_ci.cli.workspace import Workspace
    from engine_ci.pins.model import Version
    from engine_ci.records.candidate import Candidate, Decision, Refusal, Standing
    from engine_ci.releases.detect import Listed

Asked = Annotated[
    str | None,
    typer.Option(
        "--build",
        help="This release and no other, at once, also where a person closed it.",
        metavar="VERSION",
        show_default=False,
    ),
]


def detect(
    *,
    build: Asked = None,
    repository: app.Repository = None,
    api_url: app.ApiUrl = app.API_URL,
    config: options.Config = options.CONFIG,
    pin: options.Pin = None,
    work: options.Work = options.WORK,
    json: options.Json = False,
) -> None:
    """List releases newer than the pin, and choose one or say for each why not.

    Leaves `candidate.json` in the work folder, for `prepare`.

    For example: engine-ci detect --json

    Exit codes: 0 done, also where nothing is worth a try; 2 configuration, pin or --build; 4 the
    source or GitHub did not answer.
    """
    from engine_ci.cli.output import emit
    from engine_ci.cli.workspace import open_workspace
    from engine_ci.system import actions, markdown

    workspace = open_workspace(config, pin=pin, work=work)
    past = before.learn(
        workspace,
        repository=repository,
        api_url=api_url,
        remote="origin",
        ask=before.can_ask(repository),
    )
    listed = ask(workspace, told=partial(typer.echo, err=True))
    candidate = choose(workspace, listed, past=past, build=build or None)
    tell_workflow(candidate, past=past)
    lines = table(candidate)
    actions.summary(f"## What is newer\n\n{markdown.block(lines)}")
    emit(candidate, as_json=json, otherwise=lines)


def ask(workspace: Workspace, *, told: Callable[[str], None]) -> Listed:
    """Asks the source; `told` is what a person should hear of, one sentence each."""
    from engine_ci.cli import doors
    from engine_ci.releases import detect as source

    return source.ask(
        workspace.pin,
        policy=workspace.config.policy,
        at=doors.releases(workspace),
        upstream=workspace.upstream,
        told=told,
    )


def choose(
    workspace: Workspace,
    listed: Listed,
    *,
    past: Past,
    refused: Sequence[Refusal] = (),
    build: Version | None = None,
) -> Candidate:
    """Chooses from what the source offers, and leaves `candidate.json`.

    Args:
        workspace: the app's.
        listed: the source's answer.
        past: what was before this run.
        refused: what this run tried, newest first.
        build: the release that a person asks for; None where nobody does.

    Raises:
        UsageError: the source has no such release.
    """
    from engine_ci.cli import upstream
    from engine_ci.releases import news
    from engine_ci.releases.detect import detect as choose_from

    if build is not None and build not in {offer.version.text for offer in listed.offers}:
        raise UsageError(
            f"{workspace.pin.source} has no release {build}",
            hint="name it as the source does; `engine-ci detect` lists what is newer",
        )
    policy = workspace.config.policy
    # One answer for the judgement and for the record: it may come over the network.
    asked = cache(partial(upstream.ask, workspace))
    candidate = choose_from(
        workspace.pin,
        listed.offers,
        policy=policy,
        now=datetime.now(UTC),
        stable=listed.stable,
        refused=refused,
        remembered=past.refused,
        proposals=past.proposals,
        failed=past.failed,
        asked=build,
        ask_news=lambda release: news.read(asked(build=release.build), wanted=policy.wanted),
    )
    chosen = candidate.chosen
    told = asked(build=chosen.build if chosen else None)
    candidate = candidate.model_copy(update={"upstream": told})
    record(workspace, candidate)
    return candidate


def tell_workflow(candidate: Candidate, *, past: Past) -> None:
    """Sets outputs of the step, by which later jobs know whether they have to run.

    `chosen` is the chosen version, or empty; `proposed` is whether it waits for a review already.
    """
    from engine_ci.system import actions

    chosen, before = candidate.chosen, past.proposals
    waits = chosen is not None and before.waiting and before.version == chosen.version
    actions.output("chosen", chosen.version if chosen else "")
    actions.output("proposed", str(waits).lower())


def record(workspace: Workspace, candidate: Candidate) -> None:
    """Leaves `candidate.json`."""
    from engine_ci.system import documents

    documents.write(workspace.candidate_json, documents.dump_json(candidate))


def table(candidate: Candidate) -> str:
    """How the pin stands, a line for every release newer than it, and what changed upstream."""
    from engine_ci.cli import upstream

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
            *upstream.lines(candidate.upstream),
        ]
    )


def _place(standing: Standing) -> str:
    """Where the pin is among the releases."""
    many = f"{standing.behind} releases are newer" if standing.behind > 1 else "1 release is newer"
    newer = many if standing.behind else "nothing newer"
    days = standing.age_days
    age = "its source does not tell how old it is" if days is None else f"it is {days} days old"
    return f"{newer}; {age}"


def _sign(decision: Decision, candidate: Candidate) -> str:
    """What to look at first: the candidate, one that waits, one that something is wrong with."""
    if decision.chosen:
        return "→"
    if candidate.postponed and decision.version == candidate.postponed.version:
        return "…"
    return "!" if decision.flaws else " "
