"""`engine-ci hold` and `unhold`."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from engine_ci.errors import Exit
from engine_ci.pins import store
from engine_ci.pins.model import Hold
from tests.unit.cli.command import UNASKED

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.artifact.wheels import Index
    from tests.unit.cli.command import CommandLine

PIN = "pins/llama.cpp.yaml"


def test_a_hold_is_written_with_all_that_was_said(run: CommandLine, app: Path) -> None:
    said = ("--reason", "loses a flag", "--link", "https://example.org/7", "--until", "2099-01-31")
    ran = run("hold", "0.1.4..0.2.0", *said)

    assert (ran.status, ran.err) == (Exit.OK, "")
    assert ran.out == f"{app / PIN}\n"
    assert store.load(app / PIN).holds == (
        Hold(
            version="0.1.4..0.2.0",
            reason="loses a flag",
            link="https://example.org/7",
            until=date(2099, 1, 31),
        ),
    )


def test_what_was_held_can_be_let_go_and_the_file_is_as_before(run: CommandLine, app: Path) -> None:
    before = (app / PIN).read_bytes()
    run("hold", "b11194", "--reason", "dies")
    held = (app / PIN).read_bytes()
    ran = run("unhold", "b11194")

    assert ran.status == Exit.OK
    assert held != before
    assert (app / PIN).read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (
            ("hold", "latest", "--reason", "dies"),
            "`latest` is neither a version nor a build number",
        ),
        (("hold", "..", "--reason", "dies"), "`..` names no version"),
        (("hold", "1!2", "--reason", ""), "this cannot be held: reason is not as it should be"),
        (("hold", "v 1", "--reason", "dies"), "`v 1` is neither a version nor a build number"),
        (("hold", " 1", "--reason", "dies"), "this cannot be held: version is not as it should be"),
        (("hold", "1.0", "--reason", "dies", "--until", "2020-01-31"), "has ended already"),
        (("unhold", "1.0"), "no hold of `1.0`; held are: nothing"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(
    run: CommandLine, app: Path, arguments: tuple[str, ...], reason: str
) -> None:
    before = (app / PIN).read_bytes()
    ran = run(*arguments)

    assert ran.status == Exit.USAGE
    assert reason in ran.err
    assert (app / PIN).read_bytes() == before


@pytest.mark.usefixtures("toy")
def test_detect_tells_of_a_pin_that_is_held(run: CommandLine) -> None:
    run("hold", "1.0", "--reason", "dies")

    assert run("detect").out == (
        "toy 1.0: nothing newer; its source does not tell how old it is\n"
        "! the pin is held: dies\n"
        f"{UNASKED}\n"
    )


def test_a_hold_is_heeded_at_once(run: CommandLine, toy: Index, tmp_path: Path) -> None:
    for version in ("1.1", "1.2"):
        wheel = tmp_path / f"toy_engine-{version}-py3-none-manylinux_2_28_x86_64.whl"
        wheel.write_bytes(b"nobody looks")
        toy.publish(wheel)
    run("hold", "1.1..", "--reason", "all of them die")

    assert run("detect").out == (
        "toy 1.0: 2 releases are newer; its source does not tell how old it is\n"
        "  1.2  held: all of them die\n"
        "  1.1  held: all of them die\n"
        f"{UNASKED}\n"
    )
