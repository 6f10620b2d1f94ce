"""The workflows of an app without a line of Python, as `init` leaves them, run job by job.

Its own script brings the engine, from an upstream on loopback, in every job that starts one.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine_ci.errors import Exit
from engine_ci.setup import files
from fixtures.github import GitHubServer, Login
from tests.engine.test_example_app import app, archives, published, run, upstream
from tests.unit.cli.test_init import SCRIPT
from tests.unit.system.clones import run as git
from tests.workflows import scene
from tests.workflows.act import Act
from tests.workflows.scene import BOT, ORDINARY, READER, SCHEDULE, TRIED, Pull, Repository

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.engine.test_example_app import Published
    from tests.unit.cli.command import CommandLine

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(shutil.which("npm") is None, reason="npm runs the example app's script"),
]
__all__ = ["app", "archives", "published", "run", "upstream"]  # fixtures
PINNED, NEWER = 10194, 10195
GATE = f"{files.WORKFLOWS}/engine-gate.yml"
NOT_FOR_THE_GATE = ("engine-bump.yml", "engine-review.yml")


@pytest.fixture
def seed(
    request: pytest.FixtureRequest, app: Path, run: CommandLine, upstream: GitHubServer
) -> Path:
    """What `init` makes of the app, which ships for Linux, as the machine of the tests is.

    A parameter names workflows that its owner took away.
    """
    made = run("init", "--platform", "ubuntu-x64")
    assert made.status == Exit.OK, made.err
    # These tags are of commits of our own, which the engines say nothing of.
    git(upstream.repository.path, "tag", "--delete", f"b{PINNED}", f"b{NEWER}")
    with (app / files.CONFIG).open("a") as config:
        config.write("gate: {suites: [loads]}\n")
    # The one word that an app for another system than Macs changes.
    text = (app / GATE).read_text()
    (app / GATE).write_text(text.replace("macos-arm64", "ubuntu-x64"))
    # What npm fetched once it need not fetch in every job.
    (app / ".npmrc").write_text(f"cache={Path.home() / '.npm'}\nprefer-offline=true\n")
    for name in getattr(request, "param", ()):
        (app / files.WORKFLOWS / name).unlink()
    shutil.rmtree(app / ".git")
    return app


@pytest.fixture
def hosted(seed: Path, tmp_path: Path) -> Iterator[GitHubServer]:
    tokens = {
        BOT: Login("github-actions[bot]", write=True),
        READER: Login("github-actions[bot]"),
    }
    with GitHubServer.start(tmp_path / "hosted", tokens=tokens, seed=seed) as server:
        yield server


@pytest.fixture
def act(hosted: GitHubServer, published: Published, tmp_path: Path) -> Act:
    environment = scene.fetching(published.url, into=tmp_path / "cache")
    return Act(hosted, tmp_path / "act", environment=environment)


def test_its_schedule_opens_a_pull_request_that_its_own_gate_lets_through(
    act: Act, hosted: GitHubServer, published: Published
) -> None:
    ran = act.run("schedule", workflow="engine-bump", token=BOT, payload=SCHEDULE)

    assert ran.jobs == {**TRIED, "propose": "success", "watch": "success"}, ran.said
    (proposal,) = hosted.hub.pulls
    script = Repository(hosted).text(SCRIPT, at=proposal.head_sha)
    assert f'const LLAMA_CPP_TAG = "b{NEWER}";' in script
    assert published.sha256(NEWER) in script

    gate = Pull.of(act, proposal).run("engine-gate")

    assert gate.jobs == {**ORDINARY, "oldest": "success"}, gate.said


@pytest.mark.parametrize("seed", [NOT_FOR_THE_GATE], indirect=True)
def test_where_another_bot_moves_the_engine_the_gate_alone_is_enough(
    act: Act, hosted: GitHubServer, published: Published
) -> None:
    repository = Repository(hosted)
    script = repository.text(SCRIPT).replace(f"b{PINNED}", f"b{NEWER}")
    moved = script.replace(published.sha256(PINNED), published.sha256(NEWER))
    wrong = script.replace(published.sha256(PINNED), "3" * 64)

    ran = Pull.opened(act, "renovate/llama.cpp", {SCRIPT: moved}).run("engine-gate")
    refused = Pull.opened(act, "renovate/wrong", {SCRIPT: wrong}).run("engine-gate")

    assert ran.jobs == {**ORDINARY, "oldest": "success"}, ran.said
    assert "no bump, moves a pin" in ran.said
    assert f"was held against `b{PINNED}`" in ran.said
    failed = dict.fromkeys(("linux", "gate", "oldest", "engine-gate"), "failure")
    assert refused.jobs == {"changes": "success", **failed}, refused.said
