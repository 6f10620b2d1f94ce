"""`engine-ci bump`: detect, prepare, gate and propose; what the scheduled workflow runs."""

from __future__ import annotations

import shutil
from functools import partial
from typing import TYPE_CHECKING

from engine_ci.cli import app, before, detect, last_screen, options, trial, upstream, watch
from engine_ci.cli import gate as gate_command
from engine_ci.cli import propose as propose_command
from engine_ci.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine_ci.cli.before import Past
    from engine_ci.cli.progress import Progress
    from engine_ci.cli.workspace import Workspace
    from engine_ci.pins.model import Version
    from engine_ci.records.candidate import Candidate, Refusal


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
    json: options.Json = False,
) -> None:
    """Detect, prepare, gate and propose; a refused build is recorded and an older one tried.

    What the scheduled workflow runs. Without --open nothing leaves this machine.

    For example: engine-ci bump --suite loads --suite tokens

    Exit codes: 0 proposed, or nothing to do; 1 all that is newer was refused; 2 configuration, pin
    or token; 3 the pinned engine is not what it should be; 4 the outside failed, or the gate could
    not ask.
    """
    from engine_ci.cli.progress import Progress
    from engine_ci.cli.workspace import open_workspace
    from engine_ci.system import actions

    workspace = open_workspace(config, pin=pin, work=work)
    # What is remembered goes by the configuration, as where `detect` and `watch` run by themselves.
    measured = gate_command.profiled(workspace, profile)
    with (
        last_screen.of_failure(workspace),
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
            measured,
            past=past,
            suites=gate_command.asked(suite, workspace.config),
            build=build or None,
            runner=runner,
            say=say,
        )
        detect.tell_workflow(candidate, past=past)
        if candidate.chosen is None:
            why = propose_command.nothing(candidate)
            proposed = propose_command.recorded(workspace, None, why_nothing=why)
            propose_command.tell(proposed, say=say, as_json=json)
            return
        plan, proposal = propose_command.planned(workspace), None
        propose_command.show(plan, as_json=json)
        actions.summary(f"## {plan.title}\n\n{plan.body}")
        if open_:
            say(f"propose {candidate.chosen.version}")
            proposal = propose_command.submit(
                plan, workspace, repository=repository, api_url=api_url, remote=remote, base=base
            )
        proposed = propose_command.recorded(workspace, plan, proposal=proposal)
        propose_command.tell(proposed, say=say, as_json=json)


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
    from engine_ci.bump import attempts
    from engine_ci.cli import bundles

    _clear(workspace)
    say(f"detect: what is newer than {workspace.pin.version}")
    listed = detect.ask(workspace, told=say)
    choose = partial(detect.choose, workspace, listed, past=past, build=build)
    candidate, policy = choose(), workspace.config.policy
    # On most days there is nothing to try, and nothing else has to be asked or made.
    if candidate.chosen is None:
        return candidate
    tried = trial.prepared(workspace, suites=suites, runner=runner, say=say)
    refused: tuple[Refusal, ...] = ()
    while attempts.costly(refused) <= policy.tries:
        # A rebuild is what the app waits for, where the pin is in trouble.
        rebuilds = "always" if candidate.standing.troubles else policy.rebuilds
        refusal = tried.refusal(candidate.chosen, rebuilds=rebuilds, refused=refused)
        if refusal is None:
            bundle = bundles.read_bundle(workspace.candidate)
            return upstream.prepared(workspace, candidate, bundle)
        say(f"refused {refusal.version}: {refusal.reason}")
        refused = (refusal, *refused)
        candidate = choose(refused=refused)
        if candidate.chosen is None:
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


def _clear(workspace: Workspace) -> None:
    """Takes away what an earlier run left, but for the refusal of the pinned engine itself."""
    if before.refused(workspace.gate, pin=workspace.pin):
        # The runs after this one have to know that too, until the pin moves.
        shutil.rmtree(workspace.failed, ignore_errors=True)
        workspace.gate.rename(workspace.failed)
    for stale in (workspace.gate, workspace.refused, workspace.work / "elsewhere"):
        shutil.rmtree(stale, ignore_errors=True)
