"""What the commands behind the required checks share: whom they ask, and how they tell the end."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine_ci.cli import app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine_ci.records.decision import Decision
    from engine_ci.system.git import Repository as Clone
    from engine_ci.system.github_pull import PullRequestReader

Number = Annotated[
    int, typer.Option("--pull", help="The number of the pull request.", metavar="N", min=1)
]

OptionalNumber = Annotated[
    int | None,
    typer.Option(
        "--pull",
        help="The number of the pull request.",
        metavar="N",
        min=1,
        show_default=False,
    ),
]


@contextmanager
def asking(
    clone: Clone, *, repository: str | None, api_url: str, remote: str
) -> Iterator[PullRequestReader]:
    """The pull requests of the app's repository, to be looked at.

    Nothing that an earlier run kept counts here: whoever could write to a cache could approve.

    Raises:
        UsageError: no token, or no repository can be told.
    """
    from engine_ci.system.github_pull import PullRequestReader
    from engine_ci.system.rest import RestReader

    token = app.token()
    name = repository or app.repository_of(clone, remote=remote, token=token)
    with tempfile.TemporaryDirectory(prefix="engine-ci-") as scratch:
        api = RestReader(api_url, cache=Path(scratch), token=token)
        yield PullRequestReader(api, repository=name)


def tell(decision: Decision, *, title: str, subject: str, as_json: bool) -> None:
    """Prints a decision, puts it on the run's page, and exits with 1 where it is no."""
    from engine_ci.cli.output import emit
    from engine_ci.errors import Exit
    from engine_ci.records.doctor import Outcome
    from engine_ci.report import answers
    from engine_ci.system import actions

    emit(decision, as_json=as_json, otherwise=answers.text(decision.answers))
    verdict = "passed" if decision.passed else "not passed"
    table = answers.table(decision.answers, subject=subject)
    actions.summary(f"## {title}: {verdict}\n\n{table}\n")
    for answer in decision.answers:
        if answer.outcome is not Outcome.OK:
            level: actions.Level = "warning" if answer.outcome is Outcome.WARN else "error"
            actions.annotate(level, answer.observed, title=f"{title}: {answer.id}")
    if not decision.passed:
        raise typer.Exit(Exit.GATE_SAYS_NO)
