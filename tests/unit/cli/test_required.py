"""`engine-ci required`: in a clone of the app, with what the jobs of a run left in a folder."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine_ci import config as configuration
from engine_ci.bump.jobs import ARTIFACTS
from engine_ci.cli import doors, evidence
from engine_ci.errors import Exit
from engine_ci.records.decision import OVERRIDE_LABEL
from engine_ci.records.gate import Verdict
from engine_ci.system import documents
from fixtures.github import Fault
from tests.unit.bump import checked, records
from tests.unit.cli.hosted import PIN, proposed, push

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine_ci.records.gate import GateResult
    from fixtures.github import GitHubServer
    from fixtures.github.records import Pull
    from tests.unit.cli.command import CommandLine, Ran

# Beside the clone, of which `push` commits everything.
RESULTS = Path("../results")
# What this app pins, and what a suite of it says.
VERSION = "0.1.2"


def needs(**changes: str) -> str:
    """What GitHub says of the jobs."""
    jobs = checked.needs() | changes
    return json.dumps({name: {"result": how, "outputs": {}} for name, how in jobs.items()})


def head() -> str:
    found = subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return found.stdout.strip()


def gated(verdict: Verdict) -> GateResult:
    """A result of every suite that this app asks for."""
    suites = configuration.load(Path("engine-ci.yaml")).gate.suites
    more = tuple(records.check(f"{suite}/more") for suite in suites)
    sample = checked.gated(verdict)
    engine = records.engine(VERSION, tree="e")
    engines = sample.engines.model_copy(update={"candidate": engine})
    return sample.model_copy(update={"checks": (*sample.checks, *more), "engines": engines})


def leave(job: str, verdict: Verdict = Verdict.PASS, **changes: object) -> Path:
    """What a job that ran the gate leaves in its artifact."""
    result = gated(verdict)
    told = {"head": head(), "candidate": VERSION, "gate_sha256": checked.sha256(result)}
    folder = RESULTS / ARTIFACTS[job]
    record = checked.record(result, **(told | changes))
    documents.write(folder / "check.json", documents.dump_json(record))
    documents.write(folder / "gate" / "gate.json", documents.dump_json(result))
    return folder


def left(verdict: Verdict = Verdict.PASS) -> None:
    """What the jobs of a bump leave."""
    (pin,) = checked.change().pins
    moved = pin.model_copy(update={"after": VERSION})
    change = checked.change(head=head(), pins=(moved,))
    documents.write(RESULTS / "changes" / "changes.json", documents.dump_json(change))
    leave("gate", verdict)
    leave("oldest")


def ask(run: CommandLine, *more: str, **changes: str) -> Ran:
    return run("required", "--results", str(RESULTS), "--needs", needs(**changes), *more)


def answers(ran: Ran) -> dict[str, tuple[str, str]]:
    return {
        each["id"]: (each["outcome"], each["observed"]) for each in json.loads(ran.out)["answers"]
    }


def test_a_run_whose_records_all_pass_is_green_and_asks_nobody(
    run: CommandLine, hosted: GitHubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(doors.TOKEN)
    left()

    ran = ask(run, "--pull", "1")

    assert ran.status == Exit.OK
    assert "ok       gate                  pass\n" in ran.out
    assert not [each for each in hosted.requests if each.operation]


@pytest.mark.parametrize("job", ["gate", "linux", "changes", "oldest"])
@pytest.mark.usefixtures("hosted")
def test_a_job_that_was_skipped_is_red(run: CommandLine, job: str) -> None:
    left()

    ran = ask(run, "--json", **{job: "skipped"})

    assert ran.status == Exit.GATE_SAYS_NO
    assert answers(ran)[job] == ("fail", "skipped")


@pytest.mark.usefixtures("hosted")
def test_a_run_that_left_nothing_is_red(run: CommandLine) -> None:
    ran = ask(run, "--json")

    assert ran.status == Exit.GATE_SAYS_NO
    assert "there is no such file" in answers(ran)["gate"][1]
    assert "there is no such file" in answers(ran)["changes"][1]


def junk(folder: Path) -> None:
    (folder / "gate" / "gate.json").write_bytes(b"[" * (evidence.MOST_BYTES + 1))


def nested(folder: Path) -> None:
    (folder / "gate" / "gate.json").write_bytes(b"[" * 100_000)


def no_json(folder: Path) -> None:
    (folder / "check.json").write_bytes(b"\xff\xfe")


def a_link(folder: Path) -> None:
    (folder / "check.json").unlink()
    (folder / "check.json").symlink_to("/dev/zero")


def a_folder(folder: Path) -> None:
    (folder / "check.json").unlink()
    (folder / "check.json").mkdir()


def another_schema(folder: Path) -> None:
    file = folder / "check.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"schema": 2}))


def a_long_word(folder: Path) -> None:
    file = folder / "check.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"verdict": "x" * 100_000}))


def a_better_verdict(folder: Path) -> None:
    file = folder / "gate" / "gate.json"
    text = file.read_text().replace('"status": "pass"', '"status": "fail"')
    file.write_text(text)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (junk, "expected 8388608 bytes at most, found 8388609"),
        (nested, "not readable as JSON"),
        (no_json, "not readable"),
        (a_link, "expected a plain file"),
        (a_folder, "expected a plain file"),
        (another_schema, "`schema`: Input should be 1, found 2"),
        (a_long_word, "`verdict`: "),
        (a_better_verdict, "the sha256 of gate.json: expected "),
    ],
)
@pytest.mark.usefixtures("hosted")
def test_whatever_else_lies_in_an_artifact_is_red_and_told_briefly(
    run: CommandLine, spoil: Callable[[Path], None], told: str
) -> None:
    left()
    spoil(RESULTS / ARTIFACTS["gate"])

    ran = ask(run, "--json")

    assert ran.status == Exit.GATE_SAYS_NO
    assert told in answers(ran)["gate"][1]
    assert len(answers(ran)["gate"][1]) < 400


@pytest.mark.usefixtures("hosted")
def test_a_record_of_another_commit_is_red(run: CommandLine) -> None:
    left()
    leave("gate", head="c" * 40)

    assert f"found {'c' * 40}" in answers(ask(run, "--json"))["gate"][1]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "`the whole text`: "),
        ("[]", "`the whole text`: "),
        ('{"gate": {}}', "`gate.result`: "),
        ('{"gate": {"result": "green"}}', "`gate.result`: "),
        ('{"no job": {"result": "success"}}', "`no job."),
    ],
)
@pytest.mark.usefixtures("hosted")
def test_needs_that_are_not_githubs_are_a_wrong_question(
    run: CommandLine, text: str, told: str
) -> None:
    ran = run("required", "--results", str(RESULTS), "--needs", text)

    assert ran.status == Exit.USAGE
    assert told in ran.err


def doubted(server: GitHubServer) -> Pull:
    """A bump that no runner could tell, on a branch that was pushed just now."""
    pull = proposed(server, PIN)
    left(Verdict.INCONCLUSIVE)
    leave("again", Verdict.INCONCLUSIVE)
    return pull


def label(server: GitHubServer, pull: Pull, *, by: str = "ann", minutes: int = 5) -> None:
    """Sets the label so many minutes from now."""
    server.hub.clock = lambda: datetime.now(UTC) + timedelta(minutes=minutes)
    server.hub.add_labels(pull, [OVERRIDE_LABEL], actor=by)


def decided(run: CommandLine, *more: str) -> Ran:
    return ask(run, "--pull", "1", *more, gate="failure", again="failure")


def test_a_bump_in_doubt_is_red_until_a_maintainer_answers_for_it(
    run: CommandLine, hosted: GitHubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pull = doubted(hosted)

    before = decided(run)
    label(hosted, pull)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "page.md"))
    after = decided(run, "--json")

    assert before.status == Exit.GATE_SAYS_NO
    assert f"sets the label {OVERRIDE_LABEL}" in before.out
    assert after.status == Exit.OK
    assert json.loads(after.out)["override"]["by"] == "ann"
    page = (tmp_path / "page.md").read_text()
    assert page.startswith("## engine-gate: passed\n\n| job | result | why |\n")
    assert "| gate | ⚠️ warn | inconclusive: " in page
    assert "ann answers for it since " in page
    assert "::warning title=engine-gate%3A gate::inconclusive" in after.err


@pytest.mark.parametrize(
    ("by", "minutes", "told"),
    [
        ("renovate[bot]", 5, "which is no person"),
        ("stranger", 5, "who may not write"),
        ("ann", -5, "before the last push"),
    ],
)
def test_a_label_that_is_no_maintainers_word_leaves_it_red_and_says_why(
    run: CommandLine, hosted: GitHubServer, by: str, minutes: int, told: str
) -> None:
    label(hosted, doubted(hosted), by=by, minutes=minutes)

    ran = decided(run, "--json")

    assert ran.status == Exit.GATE_SAYS_NO
    assert told in answers(ran)[OVERRIDE_LABEL][1]


def test_a_label_of_an_account_that_is_gone_leaves_it_red(
    run: CommandLine, hosted: GitHubServer
) -> None:
    doubted(hosted)
    gone = {
        "event": "labeled",
        "actor": None,
        "created_at": "2099-01-01T00:00:00Z",
        "label": {"name": OVERRIDE_LABEL},
    }
    body = json.dumps([gone]).encode()
    hosted.faults.add(Fault("GET .*/events", status=200, body=body))

    assert "an account that is gone" in answers(decided(run, "--json"))[OVERRIDE_LABEL][1]


def test_a_push_after_the_label_takes_its_word_away(
    run: CommandLine, hosted: GitHubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    label(hosted, doubted(hosted))
    assert decided(run).status == Exit.OK
    later = datetime.now(UTC) + timedelta(hours=1)
    monkeypatch.setenv("GIT_COMMITTER_DATE", later.isoformat())
    push(hosted, PIN, "more.txt")

    assert "before the last push" in answers(decided(run, "--json"))[OVERRIDE_LABEL][1]


def test_what_a_token_may_not_see_is_no_word(run: CommandLine, hosted: GitHubServer) -> None:
    label(hosted, doubted(hosted))
    hosted.faults.add(Fault("GET .*/events", status=403, message="Resource not accessible"))

    ran = decided(run)

    assert ran.status == Exit.OUTSIDE
    assert "the job needs `permissions: {issues: read}`" in ran.err


def test_a_word_is_not_asked_for_where_it_would_not_help(
    run: CommandLine, hosted: GitHubServer
) -> None:
    label(hosted, doubted(hosted))
    leave("again", Verdict.FAIL)

    assert decided(run).status == Exit.GATE_SAYS_NO
    assert not [each for each in hosted.requests if each.operation]
