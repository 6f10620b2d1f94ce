"""`engine-ci required`: the one check to require. Looks at how every other job ended, and why."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine_ci.cli import app, deciding, options

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine_ci.records.decision import Decision, Override
    from engine_ci.system.github_pull import PullRequestReader


def required(
    *,
    needs: Annotated[str, typer.Option("--needs", help="`toJSON(needs)`.", metavar="JSON")],
    results: Annotated[
        Path, typer.Option("--results", help="A folder for each artifact.", metavar="DIR")
    ],
    pull: deciding.OptionalNumber = None,
    repository: app.Repository = None,
    api_url: app.ApiUrl = app.API_URL,
    remote: app.Remote = "origin",
    config: options.Config = options.CONFIG,
    json: options.Json = False,
) -> None:
    """Decide whether every job that was to run has succeeded, by its record too.

    For example: engine-ci required --needs "$NEEDS" --results results --pull 7

    Exit codes: 0 passed; 1 not passed; 2 a wrong question; 4 GitHub did not show what is needed.
    """
    from engine_ci import config as configuration
    from engine_ci.bump.evidence import Asked
    from engine_ci.bump.required import decide
    from engine_ci.cli import evidence
    from engine_ci.gate import sequential
    from engine_ci.gate.profiles import PROFILES
    from engine_ci.records.decision import GATE_CHECK
    from engine_ci.system import git_change
    from engine_ci.system.git import Repository as Clone

    clone = Clone.containing(config.resolve().parent)
    gate = configuration.load(config).gate
    speed = gate.performance
    looks = sequential.looks(PROFILES[speed.profile].looks, confidence=speed.confidence)
    asked = Asked(
        head=git_change.head(clone),
        suites=gate.suites,
        restarts=min(looks),
        change=evidence.change(results),
    )
    ended, left = evidence.needs(needs), evidence.gates(results)

    def decided(override: Override | str | None) -> Decision:
        return decide(ended, asked, results=left, override=override)

    decision = decided(None)
    if pull is not None and lacks_override(decided):
        with deciding.asking(
            clone, repository=repository, api_url=api_url, remote=remote
        ) as reader:
            decision = decided(override(reader, pull))
    deciding.tell(decision, title=GATE_CHECK, subject="job", as_json=json)


def lacks_override(decided: Callable[[Override | None], Decision]) -> bool:
    """Whether a maintainer's word, and nothing else, would make the difference."""
    from engine_ci.records.decision import Override

    anybody = Override(by="anybody", at=datetime.now(UTC))
    return not decided(None).passed and decided(anybody).passed


def override(reader: PullRequestReader, number: int) -> Override | str | None:
    """A maintainer's word, why what looks like one does not count, or None where there is none.

    Raises:
        GitHubError: something of it cannot be read.
    """
    from engine_ci.bump import override as words

    event = words.label(reader.events(number))
    if event is None:
        return None
    pull = reader.pull_request(number)
    return words.decide(
        event,
        pull,
        pushed=reader.pushed(pull.head),
        may_write=event.actor is not None and reader.may_write(event.actor.login),
    )
