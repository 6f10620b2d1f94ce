"""The `engine-ci` command: the one place that prints errors and decides the exit code."""

from __future__ import annotations

import errno
import inspect
import platform
import sys
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Final

import typer

from engine_ci import __version__
from engine_ci.cli import colours, progress
from engine_ci.cli.audit import audit
from engine_ci.cli.backtest import backtest
from engine_ci.cli.bump import bump
from engine_ci.cli.changes import changes
from engine_ci.cli.check import check
from engine_ci.cli.detect import detect
from engine_ci.cli.doctor import doctor
from engine_ci.cli.engine import app as engine
from engine_ci.cli.ensure import ensure
from engine_ci.cli.gate import gate
from engine_ci.cli.golden import app as golden
from engine_ci.cli.hold import hold, unhold
from engine_ci.cli.init import eject, init
from engine_ci.cli.mirror import mirror
from engine_ci.cli.prepare import prepare
from engine_ci.cli.propose import propose
from engine_ci.cli.report import app as report
from engine_ci.cli.required import required
from engine_ci.cli.review import review
from engine_ci.cli.rollback import rollback
from engine_ci.cli.schema import schema
from engine_ci.cli.watch import watch
from engine_ci.errors import EngineCIError, Exit, OutsideError
from engine_ci.system import actions, documents, interrupts
from engine_ci.system.markdown import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_NAME: Final = "engine-ci"
# With what a disk refuses us, wherever we write.
_REFUSALS: Final = (errno.EACCES, errno.EDQUOT, errno.ENOSPC, errno.EPERM, errno.EROFS)
_GO_ON: Final = "nothing is left half done; the same command goes on with what was fetched"
# What the library says of a command line that it cannot read, whatever its own name for that is.
_WRONG_USE: Final = typer.BadParameter.__mro__[1]

app = typer.Typer(
    name=_NAME,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    detect, prepare, ensure, audit, gate, propose, bump, backtest, doctor,
    hold, unhold, rollback, changes, check, required, review, watch, init, eject,
    mirror, schema,
):  # fmt: skip
    app.command()(command)
app.add_typer(golden, name="golden")
app.add_typer(engine, name="engine")
app.add_typer(report, name="report")


def _unwrap(group: typer.Typer) -> None:
    """Has the help of every command broken where the terminal ends, not where our code does."""
    for info in group.registered_commands:
        paragraphs = inspect.getdoc(info.callback or _unwrap) or ""
        info.help = "\n\n".join(" ".join(each.split()) for each in paragraphs.split("\n\n"))
    for sub in filter(None, (each.typer_instance for each in group.registered_groups)):
        _unwrap(sub)


_unwrap(app)


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
    """Keeps an app's pinned llama-server current, and proves that nothing got worse.

    Results go to stdout, progress to stderr. Commands with a result take
    --json, whose form `engine-ci schema` shows.

    Exit codes: 0 done or nothing to do; 1 the gate says no; 2 usage,
    configuration or pin; 3 bytes are not what they should be; 4 the outside
    failed; 5 inconclusive; 70 a bug; 129, 130, 143 stopped by a signal.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command and exits with its code; errors are for people, on stderr."""
    actions.stop_commands()
    colours.tell_libraries()
    status: int = Exit.INTERRUPTED
    # One that comes where nobody else catches it, as we begin or leave.
    with suppress(KeyboardInterrupt), interrupts.listening():
        with suppress(KeyboardInterrupt):
            status = _run(arguments)
        if (heard := interrupts.status()) is not None:
            status = heard
            _say(f"stopped by {interrupts.name()}{progress.at()}: {_GO_ON}", None)
    sys.exit(status)


def _run(arguments: Sequence[str] | None) -> int:
    """The exit code of a command, once its error was told."""
    try:
        return app(args=arguments, prog_name=_NAME, standalone_mode=False) or Exit.OK
    except EngineCIError as error:
        return _told(error)
    except OSError as error:
        if error.filename is None or error.errno not in _REFUSALS:
            return _bug()
        refused = f"{error.filename}: {error.strerror}"
        return _told(OutsideError(refused, hint=documents.DISK))
    except Exception as error:  # noqa: BLE001 - the last stop: whatever else comes here is a bug of ours
        if isinstance(error, _WRONG_USE):
            _say_misuse(error)
            return Exit.USAGE
        return _bug()


def _told(error: EngineCIError) -> int:
    """Tells of an error; what a signal broke is no error of its own."""
    if interrupts.status() is None:
        _say(f"error: {error.message}", error.hint)
        actions.annotate("error", error.message, title=_NAME)
    return error.exit_code


def _bug() -> int:
    """Tells of the exception that is handled now, for whoever mends us."""
    traceback.print_exc()
    python = f"Python {platform.python_version()}, {platform.platform()}"
    _say(f"{_NAME} {__version__}, {python}", "this is a bug in engine-ci; please report it")
    return Exit.BUG


def _say_misuse(error: Exception) -> None:
    """Tells what is wrong with the words of the command line; without any, help was shown."""
    told: Callable[[], str] = getattr(error, "format_message", lambda: str(error))
    if message := told().rstrip("."):
        context = getattr(error, "ctx", None)
        of = context.command_path if context else _NAME
        _say(
            f"error: {message[0].lower()}{message[1:]}",
            f"`{of} --help` shows what it takes, with an example",
        )


def _say(message: str, hint: str | None) -> None:
    typer.echo(shown(message), err=True)
    if hint:
        typer.echo(f"\nhint: {shown(hint)}", err=True)
