"""`engine-ci doctor`, on an embedded GitHub."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine_ci.cli import doors
from engine_ci.errors import Exit
from engine_ci.pins import store
from engine_ci.records.upstream import Missed, Unavailable, Upstream
from engine_ci.system import documents
from fixtures.github import Fault, GitHubServer, Guard, Login
from tests.unit.bump import records
from tests.unit.cli.command import moved
from tests.unit.cli.hosted import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.cli.command import CommandLine, Ran

ADMIN, READ = secrets.token_hex(20), secrets.token_hex(20)
WHOLE = Guard(
    checks=("engine-gate", "engine-review"),
    approvals=1,
    app=15368,
    dismisses_stale=True,
    code_owners=True,
)
BUMP = ".github/workflows/engine-bump.yml"


@pytest.fixture
def github(
    app: Path, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[GitHubServer]:
    """The app on a server, protected as it should be, and a clone as the current folder."""
    assert home.exists()
    tokens = {ADMIN: Login("owner", write=True, admin=True), READ: Login("reader")}
    with serving(app, tmp_path, monkeypatch, tokens=tokens) as server:
        server.hub.settings.ruleset = WHOLE
        Path("CODEOWNERS").write_text("/pins/ @ann\n")
        server.hub.settings.actions_propose = True
        bump = server.hub.actions.workflow(BUMP, at=server.hub.created)
        server.hub.actions.run(
            bump, event="schedule", branch="main", sha="0" * 40, at=server.hub.created
        )
        yield server


@pytest.fixture
def detected(github: GitHubServer) -> None:
    """The same after `detect`, just now."""
    pin = store.load(Path("pins/llama.cpp.yaml"))
    unasked = Unavailable(reason="nothing is chosen")
    missed = Missed(tip="0" * 40, at=github.hub.created, architectures=())
    found = records.candidate(
        current=pin.version,
        at=github.hub.created,
        upstream=Upstream(range=unasked, missed=missed),
    )
    documents.write(Path(".engine-ci/candidate.json"), documents.dump_json(found))


def outcomes(ran: Ran) -> dict[str, str]:
    return {each["id"]: each["outcome"] for each in json.loads(ran.out)["answers"]}


@pytest.mark.usefixtures("detected")
def test_a_repository_in_order_has_an_answer_to_every_question(
    run: CommandLine, github: GitHubServer
) -> None:
    ran = run("doctor", "--json")

    assert ran.status == Exit.OK
    assert set(outcomes(ran).values()) == {"ok"}
    assert list(outcomes(ran)) == [
        "config",
        "pin/platforms",
        "holds/expired",
        "holds/ending",
        "pin/behind",
        "pin/trouble",
        "pin/architectures",
        "merge/owners",
        "pin/age",
        "token/rights",
        "merge/automatic",
        "merge/required-check",
        "merge/bound-check",
        "merge/review-check",
        "merge/reviews",
        "merge/stale-reviews",
        "merge/code-owners",
        "merge/bypass",
        "actions/token",
        "actions/proposes",
        "schedule/enabled",
        "schedule/last-run",
    ]
    assert {request.method for request in github.requests if request.operation} == {"GET"}


def test_what_fails_ends_with_1_and_says_what_to_do(run: CommandLine, github: GitHubServer) -> None:
    github.hub.settings.ruleset = None

    ran = run("doctor")

    assert ran.status == Exit.GATE_SAYS_NO
    assert "fail     merge/reviews         nobody has to approve\n" in ran.out
    assert "→ Settings → Rules → Rulesets → New branch ruleset → Require a pull" in ran.out


def test_what_a_token_may_not_see_is_unknown(
    run: CommandLine, github: GitHubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(doors.TOKEN, READ)
    monkeypatch.setenv("GITHUB_REPOSITORY", "example/app")
    github.hub.settings.ruleset, github.hub.settings.classic = None, WHOLE

    ran = run("doctor", "--json")

    found = outcomes(ran)
    assert ran.status == Exit.OK
    assert (found["merge/automatic"], found["merge/reviews"]) == ("unknown", "unknown")
    assert (found["merge/required-check"], found["token/rights"]) == ("ok", "warn")
    assert (found["merge/bypass"], found["actions/token"]) == ("unknown", "unknown")
    assert (found["schedule/enabled"], found["schedule/last-run"]) == ("ok", "ok")


@pytest.mark.parametrize("change", [{"pin": "other"}, {"current": "0.1.1"}])
@pytest.mark.usefixtures("detected")
def test_a_record_that_is_not_about_this_pin_tells_nothing(
    run: CommandLine, change: dict[str, str]
) -> None:
    path = Path(".engine-ci/candidate.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | change))

    ran = run("doctor", "--json")

    assert ran.status == Exit.OK
    assert {outcomes(ran)[name] for name in ("pin/behind", "pin/trouble")} == {"unknown"}


@pytest.mark.usefixtures("app")
def test_without_a_token_what_the_files_tell_is_judged_all_the_same(run: CommandLine) -> None:
    ran = run("doctor", "--json")

    found = outcomes(ran)
    assert ran.status == Exit.OK
    assert (found["pin/platforms"], found["pin/behind"]) == ("ok", "unknown")
    assert (found["pin/age"], found["merge/reviews"]) == ("unknown", "unknown")


def test_without_a_token_a_clone_tells_when_the_pin_moved(run: CommandLine, app: Path) -> None:
    moved(app)

    assert outcomes(run("doctor", "--json"))["pin/age"] == "ok"


def test_whoever_owns_no_workflow_does_not_guard_the_gate(
    run: CommandLine, github: GitHubServer
) -> None:
    assert github.api_url
    gate = Path(".github/workflows/engine-gate.yml")
    gate.parent.mkdir(parents=True, exist_ok=True)
    gate.write_text("name: engine-gate\n")

    ran = run("doctor")

    assert f"warn     merge/owners          nobody owns {gate}\n" in ran.out
    assert "→ write lines such as `/pins/ @owner/team`" in ran.out


def test_a_server_that_refuses_is_unknown_with_its_words(
    run: CommandLine, github: GitHubServer
) -> None:
    github.faults.add(Fault("GET /repos/example/app", status=403, message="Not for you"))

    ran = run("doctor")

    assert ran.status == Exit.OK
    assert "unknown  merge/reviews         example/app: reading the settings: " in ran.out
    assert "Not for you" in ran.out


def test_a_server_in_trouble_is_unknown_and_to_be_asked_again(
    run: CommandLine, github: GitHubServer
) -> None:
    github.faults.add(Fault("GET /repos/example/app", status=400))

    ran = run("doctor")

    assert "→ run `engine-ci doctor` again" in ran.out


def test_a_refusal_of_the_workflows_hides_no_other_answer(
    run: CommandLine, github: GitHubServer
) -> None:
    github.faults.add(Fault("GET .*/actions/workflows", status=400, message="Not today"))

    found = outcomes(run("doctor", "--json"))

    assert (found["merge/reviews"], found["schedule/enabled"]) == ("ok", "unknown")


def test_a_workflow_that_github_disabled_fails_with_the_call_that_enables_it(
    run: CommandLine, github: GitHubServer
) -> None:
    github.hub.actions.workflows[0].state = "disabled_inactivity"

    ran = run("doctor")

    assert ran.status == Exit.GATE_SAYS_NO
    assert "gh api -X PUT repos/{owner}/{repo}/actions/workflows/engine-bump.yml/enable" in ran.out


def test_a_configuration_that_does_not_load_is_the_only_answer(run: CommandLine, app: Path) -> None:
    (app / "engine-ci.yaml").write_text("schema: 1\n")

    ran = run("doctor", "--json")

    assert ran.status == Exit.GATE_SAYS_NO
    assert outcomes(ran) == {"config": "fail"}
    assert json.loads(ran.out)["pin"] is None
    assert "engine-ci schema config" in json.loads(ran.out)["answers"][0]["hint"]


@pytest.mark.usefixtures("app")
def test_a_pin_that_nobody_knows_is_a_wrong_question(run: CommandLine) -> None:
    assert run("doctor", "--pin", "other").status == Exit.USAGE
