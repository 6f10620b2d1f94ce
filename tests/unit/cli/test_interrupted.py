"""Ctrl-C and SIGTERM at random moments: a clean end, nothing half done; the next run goes on."""

from __future__ import annotations

import random
import signal
import time
from typing import TYPE_CHECKING

import pytest

from engine_ci.cli.bundles import read_bundle
from engine_ci.errors import Exit
from tests.unit.cli.stopping import Stopped, stopped

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.artifact.wheels import Index
    from tests.unit.cli.command import CommandLine

MOMENTS = 5
ENSURE = ("ensure", "--into", "engine")


def lasts_s(arguments: tuple[str, ...]) -> float:
    """How long a command takes here and now, from the start of its process."""
    began = time.monotonic()
    assert stopped(arguments, after_s=60).status == Exit.OK
    return time.monotonic() - began


def clean(ran: Stopped, number: signal.Signals) -> None:
    """It was over already, or has ended as it should."""
    assert ran.left == ()
    if ran.status == -number:
        return  # Python itself, before our first line
    assert "Traceback" not in ran.err
    assert "ignored" not in ran.err
    assert ran.status in (Exit.OK, 128 + number), ran.err
    if ran.status == 128 + number:
        last = ran.err.splitlines()[-1]
        assert last.startswith(("stopped by ", "engine-ci: ended at once by "))


@pytest.mark.parametrize("seed", [11])
def test_a_bundle_is_whole_or_not_there_whenever_it_is_stopped(
    run: CommandLine, toy: Index, app: Path, seed: int, home: Path
) -> None:
    assert home.is_dir()
    chance, engine = random.Random(seed), app / "engine"
    whole = lasts_s(("ensure", "--into", "measured"))
    for _ in range(MOMENTS):
        number = chance.choice([signal.SIGINT, signal.SIGTERM])
        clean(stopped(ENSURE, after_s=chance.uniform(0.05, whole), number=number), number)
        if engine.exists():
            assert read_bundle(engine).version == "1.0"

    again = run(*ENSURE)

    assert (again.status, again.out) == (Exit.OK, "engine\n")
    assert toy.downloads
    left = {path.name for path in app.iterdir()}
    assert not [name for name in left if name.startswith(".engine.work")]


@pytest.mark.usefixtures("toy")
def test_what_only_asks_ends_the_programs_that_it_asks(run: CommandLine, app: Path) -> None:
    chance, whole = random.Random(7), lasts_s(("detect",))
    for _ in range(MOMENTS):
        ran = stopped(("detect",), after_s=chance.uniform(0.05, whole))
        clean(ran, signal.SIGINT)

    assert run("detect").status == Exit.OK
    assert app.is_dir()


def stopped_in(app: Path, script: str, *, again_after_s: float | None = None) -> Stopped:
    """Stops `prepare` while the app's own command, a script that leaves `begun`, runs."""
    config = app / "engine-ci.yaml"
    prepare = f'  prepare: {{command: [sh, -c, "{script}"], leaves: vendor}}\n'
    text = config.read_text(encoding="utf-8").replace("bundle:\n", f"bundle:\n{prepare}")
    config.write_text(text, encoding="utf-8")
    command = ("prepare", "--current")
    return stopped(command, after_s=60, once=app / "begun", again_after_s=again_after_s)


@pytest.mark.usefixtures("toy")
def test_what_was_stopped_says_at_what_and_how_to_go_on(app: Path) -> None:
    ran = stopped_in(app, "touch begun; sleep 60")

    assert (ran.status, ran.left) == (Exit.INTERRUPTED, ())
    assert ran.err.splitlines()[-1] == (
        "stopped by Ctrl-C (SIGINT) at `prepare 1.0: run the app's own command`: nothing is left "
        "half done; the same command goes on with what was fetched"
    )


@pytest.mark.usefixtures("toy")
def test_a_second_signal_ends_at_once_what_does_not_want_to_end(app: Path) -> None:
    deaf = "trap '' TERM; touch begun; while true; do sleep 0.1; done"

    ran = stopped_in(app, deaf, again_after_s=0.3)

    assert (ran.status, ran.left) == (Exit.INTERRUPTED, ())
    assert ran.err.splitlines()[-1] == "engine-ci: ended at once by Ctrl-C (SIGINT)"
