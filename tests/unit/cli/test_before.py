"""What a run learns of those before it."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from engine_ci.cli import before, report
from engine_ci.cli.options import CONFIG, WORK
from engine_ci.cli.workspace import open_workspace
from engine_ci.errors import Exit, RecordError
from engine_ci.records.gate import Verdict
from engine_ci.releases.throttle import Proposals
from engine_ci.system.git import Identity, Repository
from engine_ci.system.github import Hub
from fixtures.github import GitHubServer, Login
from tests.unit.artifact import wheels
from tests.unit.bump import records
from tests.unit.cli.command import moved

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine_ci.cli.workspace import Workspace
    from tests.unit.artifact.wheels import Index
    from tests.unit.cli.command import CommandLine

TOKEN = secrets.token_hex(20)
BRANCH = "engine-ci/llama.cpp"
ME = Identity(name="App Bot", email="bot@example.invalid")
PIN = "pins/llama.cpp.yaml"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHubServer]:
    tokens = {TOKEN: Login("engine-ci[bot]", write=True)}
    with GitHubServer.start(tmp_path / "github", tokens=tokens) as running:
        monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
        monkeypatch.setenv("GITHUB_REPOSITORY", "example/app")
        monkeypatch.setenv("GITHUB_API_URL", running.api_url)
        yield running


@pytest.fixture
def newer(toy: Index, tmp_path: Path) -> None:
    """1.1 and 1.2 are newer than the pin."""
    for version in ("1.1", "1.2"):
        files = {name.replace("1.0", version): data for name, data in wheels.engine().items()}
        toy.publish(wheels.wheel(tmp_path, files, version=version))


def propose(server: GitHubServer, version: str, *, closed: bool) -> None:
    """A pull request of ours, from a branch that is one commit ahead."""
    bare = Repository(path=server.repository.path)
    base = server.repository.branches()["main"]
    tree = bare.write_tree({"new.txt": f"{version}\n"}, base=base)
    at = datetime(2026, 11, 1, tzinfo=UTC)
    commit = bare.commit_tree(tree, parent=base, message="New\n", identity=ME, at=at)
    server.repository.keep(f"refs/heads/{BRANCH}", commit)
    hub = Hub(api_url=server.api_url, repository="example/app", token=TOKEN, write_pause_s=0.0)
    mark = f"<!-- engine-ci: toy {version} -->"
    hub.create(branch=BRANCH, base="main", title="Bump", body=mark, draft=False)
    hub.close()
    if closed:
        pull = server.hub.pull(len(server.hub.pulls))
        pull.closed = pull.updated


def learned(workspace: Workspace) -> before.Past:
    return before.learn(workspace, repository=None, api_url="", remote="origin", ask=False)


@pytest.mark.usefixtures("newer", "server")
def test_detect_asks_github_where_it_can_and_passes_over_what_was_closed(
    run: CommandLine, server: GitHubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    propose(server, "1.2", closed=True)
    knowing = run("detect").out
    monkeypatch.delenv("GITHUB_TOKEN")
    ignorant = run("detect").out

    assert "  1.2  a person closed its pull request\n" in knowing
    assert "  1.1  a person closed the pull request of 1.2, which is newer\n" in knowing
    assert "→ 1.2  candidate" in ignorant


@pytest.mark.usefixtures("newer")
def test_what_was_closed_is_tried_where_a_person_asks_and_the_record_says_so(
    run: CommandLine, app: Path, server: GitHubServer
) -> None:
    propose(server, "1.2", closed=True)
    ran = run("detect", "--build", "1.2")

    assert "→ 1.2  candidate; its source does not tell its age: no cooldown; it is asked" in ran.out
    assert json.loads((app / ".engine-ci" / "candidate.json").read_text())["asked"]


@pytest.mark.usefixtures("newer")
def test_an_open_proposal_is_brought_up_to_date(run: CommandLine, server: GitHubServer) -> None:
    propose(server, "1.1", closed=False)

    assert "→ 1.2  candidate" in run("detect").out


@pytest.mark.usefixtures("newer")
def test_without_github_the_history_of_the_pin_tells_when_it_moved(
    run: CommandLine, app: Path
) -> None:
    first = run("detect").out
    moved(app)
    second = run("detect").out

    assert "→ 1.2  candidate" in first
    assert "… 1.2  eligible, and waits until " in second
    assert "one proposal in 7 days" in second


@pytest.mark.usefixtures("newer")
def test_bump_that_waits_says_for_what_and_ends_well(run: CommandLine, app: Path) -> None:
    moved(app)
    ran = run("bump")

    assert ran.status == Exit.OK
    assert "toy stays at 1.0: 1.2 waits until " in ran.err


@pytest.mark.usefixtures("newer")
def test_bump_asks_github_before_anything_else_where_it_opens_pull_requests(
    run: CommandLine, app: Path, server: GitHubServer
) -> None:
    propose(server, "1.2", closed=True)
    moved(app)
    ran = run("bump", "--open")

    assert ran.status == Exit.OK
    said = "nothing that is newer can be proposed, first 1.2: a person closed its pull request"
    assert f"toy stays at 1.0: {said}" in ran.err
    assert not (app / ".engine-ci" / "candidate").exists()


@pytest.mark.usefixtures("toy")
def test_nothing_is_known_outside_of_a_clone() -> None:
    workspace = open_workspace(CONFIG, pin=None, work=WORK)

    assert learned(workspace) == before.Past(proposals=Proposals(), failed=False)


@pytest.mark.parametrize(
    ("pin", "version", "verdict", "refused"),
    [
        ("toy", "1.0", Verdict.FAIL, True),
        ("toy", "1.0", Verdict.INCONCLUSIVE, False),
        ("toy", "1.1", Verdict.FAIL, False),
        ("other", "1.0", Verdict.FAIL, False),
    ],
)
@pytest.mark.usefixtures("toy")
def test_a_pin_that_the_last_gate_refused_is_known(
    pin: str, version: str, verdict: Verdict, refused: bool
) -> None:
    workspace = open_workspace(CONFIG, pin=None, work=WORK)
    engines = records.result().engines
    tested = engines.candidate.model_copy(update={"pin": pin, "version": version})
    told = engines.model_copy(update={"candidate": tested})
    report.write(records.result(verdict=verdict, engines=told), workspace.gate)

    assert learned(workspace).failed is refused


@pytest.mark.parametrize("place", ["gate", "failed", "on_main"])
@pytest.mark.usefixtures("toy")
def test_it_is_known_wherever_the_gate_said_so(place: str) -> None:
    workspace = open_workspace(CONFIG, pin=None, work=WORK)
    before_it = before.judged_by(workspace, failed=before.failed(workspace))
    engines = records.result().engines
    tested = engines.candidate.model_copy(update={"pin": "toy", "version": "1.0"})
    told = engines.model_copy(update={"candidate": tested})
    report.write(records.result(verdict=Verdict.FAIL, engines=told), getattr(workspace, place))

    failed = learned(workspace).failed
    assert failed
    # What was refused beside a sound pin may be better than one that is not.
    assert before.judged_by(workspace, failed=failed) != before_it


@pytest.mark.usefixtures("toy")
def test_where_no_gate_ran_nothing_was_refused() -> None:
    assert not learned(open_workspace(CONFIG, pin=None, work=WORK)).failed


@pytest.mark.usefixtures("toy")
def test_a_gate_that_cannot_be_read_is_told() -> None:
    workspace = open_workspace(CONFIG, pin=None, work=WORK)
    workspace.gate.mkdir(parents=True)
    (workspace.gate / "gate.json").write_text("{}")
    with pytest.raises(RecordError, match=r"gate\.json"):
        learned(workspace)
