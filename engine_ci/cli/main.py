"""The `engine-ci` command: the one place that prints errors and decides the exit code."""

from __future__ import annotations

import platform
import sys
import traceback
from typing import TYPE_CHECKING, Annotated

import typer

from engine_ci import __version__
from engine_ci.cli.audit import audit
from engine_ci.cli.backtest import backtest
from engine_ci.cli.bump import bump
from engine_ci.cli.changes import changes
from engine_ci.cli.check import check
from engine_ci.cli.detect import detect
from engine_ci.cli.doctor import doctor
from engine_ci.cli.ensure import ensure
from engine_ci.cli.gate import gate
from engine_ci.cli.golden import app as golden
from engine_ci.cli.hold import hold, unhold
from engine_ci.cli.init import eject, init
from engine_ci.cli.prepare import prepare
from engine_ci.cli.propose import propose
from engine_ci.cli.report import report
from engine_ci.cli.required import required
from engine_ci.cli.review import review
from engine_ci.cli.rollback import rollback
from engine_ci.cli.watch import watch
from engine_ci.errors import EngineCIError, Exit
from engine_ci.system import actions

if TYPE_CHECKING:
    from collections.abc import Sequence

app = typer.Typer(
    name="engine-ci",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    detect, prepare, ensure, audit, gate, propose, bump, report, backtest, doctor,
    hold, unhold, rollback, changes, check, required, review, watch, init, eject,
):  # fmt: skip
    app.command()(command)
app.add_typer(golden, name="golden")


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"engine-ci {__version__}")
        raise typer.Exit


@app.callback()
def engine_ci(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Keeps an app's pinned llama-server current, and proves that nothing got worse."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command and exits with its code; errors are for people, on stderr."""
    actions.stop_commands()
    try:
        app(args=arguments, prog_name="engine-ci")
    except EngineCIError as error:
        _say(f"error: {error.message}", error.hint)
        actions.annotate("error", error.message, title="engine-ci")
        sys.exit(error.exit_code)
    except Exception:  # noqa: BLE001 - the last stop: whatever comes here is a bug of ours
        traceback.print_exc()
        python = f"Python {platform.python_version()}, {platform.platform()}"
        _say(f"engine-ci {__version__}, {python}", "this is a bug in engine-ci; please report it")
        sys.exit(Exit.BUG)


def _say(message: str, hint: str | None) -> None:
    typer.echo(message, err=True)
    if hint:
        typer.echo(f"\nhint: {hint}", err=True)
