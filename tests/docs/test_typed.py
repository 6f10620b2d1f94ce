"""The tutorial is typed as it stands, in ten minutes; the how-to pages go on where it ends."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.docs import console
from tests.docs.console import DOCS, Ran, Step

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(shutil.which("npm") is None, reason="npm runs the example app's script"),
]
LIMIT_S = 600
STOPPED = Step(command='kill "$TUTORIAL_SERVER"', shown=())
KEPT = Step(command='export -p > "$TUTORIAL/environment"', shown=())
ENVIRONMENT = {"PYTHONPATH": str(console.ROOT)}
# Every other command ends well, or says with `echo $?` how it ends.
REFUSED = {"engine-ci review --pull 1": 1}


class Tutorial(NamedTuple):
    """What came of it, in seconds, and where the pages after it go on."""

    ran: list[Ran]
    took: float
    folder: Path


def steps_of(page: Path) -> list[Step]:
    return [step for block in console.blocks(page) if not block.why for step in block.steps]


HOW_TO = [page for page in sorted((DOCS / "howto").glob("*.md")) if steps_of(page)]


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tutorial]:
    """The tutorial in a folder that has, of this repository, the programs that it installs."""
    folder = tmp_path_factory.mktemp("tutorial")
    (folder / ".venv").symlink_to(sys.prefix)
    steps = steps_of(DOCS / "tutorial.md")
    assert steps[-1] == STOPPED
    began = time.monotonic()
    ran = console.run([*steps[:-1], KEPT], at=folder, environment=ENVIRONMENT)
    yield Tutorial(ran=ran[:-1], took=time.monotonic() - began, folder=folder / ".tutorial")
    with suppress(ProcessLookupError):
        os.kill(int((folder / ".tutorial" / "server.pid").read_text()), signal.SIGTERM)


def test_the_tutorial_says_what_it_shows_in_under_ten_minutes(tutorial: Tutorial) -> None:
    assert len(tutorial.ran) == len(steps_of(DOCS / "tutorial.md")) - 1
    assert {each.step.command: each.printed for each in tutorial.ran if each.missing()} == {}
    assert {each.step.command: each.status for each in tutorial.ran if each.status} == REFUSED
    assert tutorial.took < LIMIT_S


@pytest.mark.parametrize("page", HOW_TO, ids=lambda page: page.stem)
def test_a_page_says_what_it_shows(tutorial: Tutorial, page: Path) -> None:
    app = f'git clone --quiet "$GITHUB_API_URL/$GITHUB_REPOSITORY.git" {page.stem}'
    before = [
        Step(command=each, shown=())
        for each in (f'. "{tutorial.folder}/environment"', app, f"cd {page.stem}")
    ]
    steps = steps_of(page)

    ran = console.run([*before, *steps], at=tutorial.folder, environment=ENVIRONMENT)

    assert len(ran) == len(before) + len(steps)
    assert {each.step.command: each.printed for each in ran if each.missing()} == {}
    # Its own next command may ask how it ended.
    unasked = [first for first, then in pairwise(ran) if "$?" not in then.step.command]
    assert {each.step.command: each.status for each in unasked if each.status} == {}
