"""`engine-ci review`: has a person looked at the engine of this pull request? Starts none."""

from __future__ import annotations

from itertools import islice
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from engine_ci.cli import app, deciding, options

if TYPE_CHECKING:
    from pathlib import Path

    from engine_ci.records.decision import Decision
    from engine_ci.system.git import Repository as Clone
    from engine_ci.system.github_pull import PullRequestReader


def review(
    *,
    pull: deciding.Number,
    repository: app.Repository = None,
    api_url: app.ApiUrl = app.API_URL,
    remote: app.Remote = "origin",
    config: options.Config = options.CONFIG,
    json: options.Json = False,
) -> None:
    """Decide whether a person approved the engine, the gate passed and auto-merge is off.

    For example: engine-ci review --pull 7

    Exit codes: 0 passed; 1 not passed; 2 a wrong question; 4 GitHub did not show what is needed.
    """
    from engine_ci.records.decision import REVIEW_CHECK
    from engine_ci.system import git

    clone = git.Repository.containing(config.resolve().parent)
    guarded = naming(clone, config)
    with deciding.asking(clone, repository=repository, api_url=api_url, remote=remote) as reader:
        decision = examine(reader, pull, guarded=guarded)
    deciding.tell(decision, title=REVIEW_CHECK, subject="question", as_json=json)


def naming(clone: Clone, config: Path) -> frozenset[str]:
    """The files that name an engine, from the top of the clone, and the one that says which.

    Raises:
        ConfigError: the configuration is missing or wrong.
    """
    from engine_ci import config as configuration

    loaded = configuration.load(config)
    path = PurePosixPath(clone.relative(config))
    names = (*loaded.pins, *(target.file for target in loaded.targets))
    return frozenset({str(path), *(str(path.parent / name) for name in names)})


def examine(reader: PullRequestReader, number: int, *, guarded: frozenset[str]) -> Decision:
    """Reads what is needed of a pull request, and decides; a few requests, none that writes.

    Raises:
        GitHubError: something of it cannot be read.
    """
    from engine_ci.bump import gate_check, review
    from engine_ci.records.decision import GATE_CHECK

    pull = reader.pull_request(number)
    paths = reader.paths(pull)
    files = review.touched(paths, guarded=guarded)
    if not files:
        return review.ordinary(pull)
    people = review.approvers(pull, reader.reviews(number))
    runs, branch = reader.check_runs(pull.head.sha, name=GATE_CHECK), pull.base.ref
    return review.decide(
        pull,
        files=files,
        # One is enough, and each costs a request.
        approved=[*islice((login for login in people if reader.may_write(login)), 1)],
        gate=gate_check.answer(
            runs,
            paths=paths,
            branch=branch,
            required=None if gate_check.has_ended(runs) else reader.required_checks(branch),
        ),
    )
