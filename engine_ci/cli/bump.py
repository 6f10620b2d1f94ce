"""`engine-ci bump`: detect, prepare, gate and propose; what the scheduled workflow runs."""

from __future__ import annotations

import shutil
from functools import partial
from typing import TYPE_CHECKING

import typer

from engine_ci.cli import app, before, detect, options, upstream, watch
from engine_ci.cli import gate as gate_command
from engine_ci.cli import propose as propose_command
from engine_ci.errors import BuildError, EngineError, HarnessError, VerificationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine_ci.cli.before import Past
    from engine_ci.cli.progress import Progress
    from engine_ci.cli.workspace import Workspace
    from engine_ci.config import Rebuilds
    from engine_ci.pins.model import Platform, Version
    from engine_ci.records.bundle import Bundle
    from engine_ci.records.candidate import Candidate, Refusal, Release


def bump(
    *,
    open_: propose_command.Open = False,
    suite: gate_command.Suites = None,
    profile: gate_command.Profile = None,
    build: detect.Asked = None,
    runner: gate_command.Runner = None,
    repository: app.Repository = None,
    api_url: app.ApiUrl = app.API_URL,
    remote: app.Remote = "origin",
    base: propose_command.Base = None,
    config: options.Config = options.CONFIG,
    pin: options.Pin = None,
    work: options.Work = options.WORK,
) -> None:
    """Detect, prepare, gate and propose; a refused build is recorded and an older one tried."""
    from engine_ci.cli.progress import Progress
    from engine_ci.cli.workspace import open_workspace
    from engine_ci.system import actions

    workspace = open_workspace(config, pin=pin, work=work)
    workspace = gate_command.profiled(workspace, profile)
    with (
        Progress() as say,
        watch.over(
            workspace, asked=open_, repository=repository, api_url=api_url, remote=remote, say=say
        ),
    ):
        past = before.learn(
            workspace,
            repository=repository,
            api_url=api_url,
            remote=remote,
            ask=open_ or before.can_ask(repository),
        )
        candidate = search(
            workspace,
            past=past,
            suites=gate_command.asked(suite, workspace.config),
            build=build or None,
            runner=runner,
            say=say,
        )
        detect.tell_workflow(candidate, past=past)
        if candidate.chosen is None:
            say(propose_command.nothing(candidate))
            return
        plan = propose_command.planned(workspace)
        typer.echo(propose_command.shown(plan))
        actions.summary(f"## {plan.title}\n\n{plan.body}")
        if open_:
            say(f"propose {candidate.chosen.version}")
            proposal = propose_command.submit(
                plan, workspace, repository=repository, api_url=api_url, remote=remote, base=base
            )
            say(propose_command.told(proposal))


def search(
    workspace: Workspace,
    *,
    past: Past,
    suites: Sequence[str],
    say: Progress,
    build: Version | None = None,
    runner: str | None = None,
) -> Candidate:
    """Tries releases from the newest down until the gate lets one through.

    What is refused is kept under `refused/VERSION`, with its report.

    Returns:
        the last outcome of `detect`: what was chosen has been prepared and gated; nothing is
        chosen where nothing is newer, or what is newer is the pinned engine again.

    Raises:
        EngineError: every release that may be tried was refused.
        HarnessError: the gate could not ask its questions.
        VerificationError: the tag of the pinned release was moved.
    """
    from engine_ci.artifact import commits
    from engine_ci.bump import attempts
    from engine_ci.cli import doors, prepare

    platform, pin = prepare.known_platform(None), workspace.pin
    said = {"the pin": pin.commit, **doors.tagged(workspace, pin.version)}
    commits.agree(said, version=pin.version)
    if before.refused(workspace.gate, pin=pin):
        # The runs after this one have to know that too, until the pin moves.
        shutil.rmtree(workspace.failed, ignore_errors=True)
        workspace.gate.rename(workspace.failed)
    for stale in (workspace.gate, workspace.refused, workspace.work / "elsewhere"):
        shutil.rmtree(stale, ignore_errors=True)
    say(f"detect: what is newer than {workspace.pin.version}")
    listed = detect.ask(workspace, told=say)
    choose = partial(detect.choose, workspace, listed, past=past, build=build)
    candidate = choose()
    # On most days there is nothing to try, and nothing else has to be made.
    if candidate.chosen is None:
        return candidate
    current = prepare.make(
        workspace, workspace.pin, into=workspace.baseline, platform=platform, say=say
    )
    elsewhere = {
        other: _compare_with(workspace, other, say=say)
        for other in workspace.pin.platforms
        if other != platform and prepare.makes(workspace, other)
    }
    policy = workspace.config.policy
    refused: tuple[Refusal, ...] = ()
    while True:
        refusal = _refusal(
            workspace,
            candidate.chosen,
            # What the app waits for, where the pin is in trouble.
            rebuilds="always" if candidate.standing.troubles else policy.rebuilds,
            current=current,
            elsewhere=elsewhere,
            refused=refused,
            platform=platform,
            suites=suites,
            runner=runner,
            say=say,
        )
        if refusal is None:
            bundle = prepare.read_bundle(workspace.candidate)
            return upstream.prepared(workspace, candidate, bundle)
        say(f"refused {refusal.version}: {refusal.reason}")
        refused = (refusal, *refused)
        candidate = choose(refused=refused)
        if candidate.chosen is None or attempts.costly(refused) > policy.tries:
            break
    if attempts.costly(refused):
        # Whoever reads the record has nothing to propose.
        detect.record(workspace, candidate.model_copy(update={"chosen": None}))
        raise EngineError(
            f"{workspace.pin.name} stays at {workspace.pin.version}: "
            + "; ".join(f"{each.version} was refused, {each.reason}" for each in refused),
            hint=f"{workspace.refused} has the evidence",
        )
    return candidate


def _compare_with(workspace: Workspace, platform: Platform, *, say: Progress) -> Bundle | None:
    """The pinned bundle of another platform, where one can be made."""
    from engine_ci.cli import prepare

    into = workspace.elsewhere(platform, of="baseline")
    try:
        return prepare.make(workspace, workspace.pin, into=into, platform=platform, say=say)
    except VerificationError as error:
        say(f"the pinned engine has no bundle for {platform}: {error}")
        return None


def _prepared_for(
    workspace: Workspace, release: Release, *, platform: Platform, say: Progress
) -> Bundle:
    from engine_ci.cli import prepare

    into = workspace.elsewhere(platform, of="candidate")
    return prepare.make(workspace, release, into=into, platform=platform, say=say)


def _refusal(
    workspace: Workspace,
    release: Release,
    *,
    rebuilds: Rebuilds,
    current: Bundle,
    elsewhere: Mapping[Platform, Bundle | None],
    refused: Sequence[Refusal],
    platform: Platform,
    suites: Sequence[str],
    runner: str | None,
    say: Progress,
) -> Refusal | None:
    """Prepares and gates a release; why it is refused, or None when it may be proposed."""
    from engine_ci.bump import attempts
    from engine_ci.cli import prepare
    from engine_ci.records.gate import Verdict

    try:
        bundle = prepare.make(
            workspace, release, into=workspace.candidate, platform=platform, say=say
        )
        again = attempts.refused_again(bundle, refused=refused)
        if again is None and rebuilds == "never":
            again = attempts.packaged_again(bundle, pin=workspace.pin)
        if again is not None:
            return again
        others = [
            (pinned, _prepared_for(workspace, release, platform=other, say=say))
            for other, pinned in elsewhere.items()
        ]
        again = attempts.pinned_again(
            bundle, current=current, elsewhere=others, in_trouble=rebuilds == "always"
        )
        if again is not None:
            return again
    except (VerificationError, BuildError) as error:
        return attempts.refused_unprepared(release.version, error)
    result = gate_command.run(
        workspace.config,
        root=workspace.root,
        cache=workspace.cache,
        candidate=workspace.candidate,
        baseline=workspace.baseline,
        suites=suites,
        out=workspace.gate,
        say=say,
        runner=runner,
    )
    if result.verdict is Verdict.ERROR:
        raise HarnessError(
            f"{release.version}: the gate could not ask all its questions",
            hint=f"{workspace.gate} says which; the next run tries again",
        )
    if result.verdict is not Verdict.FAIL:
        return None
    workspace.refused.mkdir(parents=True, exist_ok=True)
    workspace.gate.rename(workspace.refused / release.version)
    return attempts.refused_by_gate(bundle, result)
