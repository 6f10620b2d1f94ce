"""What holds of our workflows that neither a tool nor `act` looks at."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from engine_ci.bump.jobs import ARTIFACTS
from engine_ci.bump.required import CHANGES
from engine_ci.cli.main import app
from engine_ci.records.decision import GATE_CHECK, REVIEW_CHECK
from tests.workflows.files import ALL, OWN, ROOT, SHIPPED, jobs, load, shipped, steps

if TYPE_CHECKING:
    from pathlib import Path

WORKFLOWS = sorted(OWN.glob("*.yml"))
# The commands that start an engine which nobody has looked at.
STARTS_ENGINES = re.compile(r"engine-ci (check|bump|gate)\b")
DOWNLOADS = {"~/.cache/engine-ci", "~/Library/Caches/engine-ci"}
PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")


def named(path: Path) -> str:
    return path.stem


def every_job() -> list[Any]:
    """Every job that runs on a machine of its own."""
    return [
        pytest.param(job, id=f"{path.stem}-{name}")
        for path in WORKFLOWS
        for name, job in jobs(path).items()
        if "uses" not in job
    ]


def runs(job: dict[str, Any]) -> str:
    """All that a job runs."""
    return "\n".join(step.get("run", "") for step in job.get("steps", ()))


def writes(job: dict[str, Any]) -> set[str]:
    return {right for right, level in job["permissions"].items() if level != "read"}


@pytest.mark.parametrize("path", SHIPPED, ids=named)
def test_what_apps_get_is_what_this_repository_runs_byte_for_byte(path: Path) -> None:
    assert path.read_bytes() == (OWN / path.name).read_bytes()


def test_this_repository_runs_nothing_else_but_its_canary() -> None:
    assert {path.name for path in WORKFLOWS} == {path.name for path in SHIPPED} | {"canary.yml"}


def test_the_gate_looks_at_every_change_whatever_it_touches() -> None:
    assert shipped("engine-gate")["on"] == {
        "pull_request": None,
        "push": {"branches": ["main"]},
        "merge_group": None,
    }


def test_the_review_is_looked_for_again_whenever_it_may_have_changed() -> None:
    triggers = shipped("engine-review")["on"]

    assert set(triggers) == {"pull_request", "pull_request_review", "merge_group"}
    assert set(triggers["pull_request"]["types"]) >= {
        "opened", "reopened", "synchronize", "auto_merge_enabled", "auto_merge_disabled",
    }  # fmt: skip
    assert set(triggers["pull_request_review"]["types"]) == {"submitted", "edited", "dismissed"}


def test_the_review_is_judged_by_what_the_base_installs_and_configures() -> None:
    (checkout, *_) = shipped("engine-review")["jobs"]["engine-review"]["steps"]

    assert checkout["with"]["ref"] == "${{ github.event.pull_request.base.sha }}"


def test_the_required_check_waits_for_every_job_and_always_says_how_they_ended() -> None:
    gate = shipped("engine-gate")["jobs"]
    required = gate["engine-gate"]
    # What is kept of a run is kept after the check, and decides nothing.
    after = {name for name, job in gate.items() if job.get("needs") == "engine-gate"}

    assert after == {"history"}
    assert set(required["needs"]) == set(gate) - after - {"engine-gate"}
    assert required["if"] == "always()"


def test_what_the_gate_said_of_main_is_kept_whatever_it_said() -> None:
    condition = shipped("engine-gate")["jobs"]["history"]["if"]

    assert condition == "${{ !cancelled() && github.event_name == 'push' }}"


def test_every_command_that_a_workflow_runs_is_one_of_the_program() -> None:
    groups = {f"{group.name} ": group.typer_instance for group in app.registered_groups}
    known = {
        f"{group}{each.callback.__name__}"
        for group, commands in {"": app, **groups}.items()
        for each in (commands.registered_commands if commands else ())
        if each.callback
    }
    text = "".join(path.read_text(encoding="utf-8") for path in WORKFLOWS)
    used = set(re.findall(r"(?:run: |^ +)engine-ci (\S+)(?: (\S+))?", text, re.MULTILINE))

    assert {first for first, _ in used} >= {"check", "report"}
    assert not [pair for pair in used if known.isdisjoint({pair[0], " ".join(pair)})]


def test_artifacts_have_the_names_by_which_the_required_check_finds_them() -> None:
    kept = {
        name: step["with"]["name"]
        for name, job in shipped("engine-gate")["jobs"].items()
        for step in job.get("steps", ())
        if "upload-artifact" in str(step)
    }

    # The pages are named by another pattern than what the history takes.
    assert kept == {**ARTIFACTS, CHANGES: CHANGES, "engine-gate": "pages"}


def test_the_required_checks_have_the_names_that_the_program_asks_for() -> None:
    assert shipped("engine-gate")["jobs"][GATE_CHECK]["name"] == GATE_CHECK
    assert shipped("engine-review")["jobs"][REVIEW_CHECK]["name"] == REVIEW_CHECK


def test_only_the_jobs_that_open_the_pull_request_and_the_issue_may_write() -> None:
    writing = {
        (path.name, name): writes(job)
        for path in WORKFLOWS
        for name, job in jobs(path).items()
        if writes(job)
    }

    assert writing == {
        ("engine-bump.yml", "propose"): {"contents", "issues", "pull-requests"},
        # Runs after the others, with an engine as little as the one that proposes.
        ("engine-bump.yml", "watch"): {"issues"},
    }


@pytest.mark.parametrize("path", WORKFLOWS, ids=named)
def test_no_right_is_given_to_a_whole_workflow(path: Path) -> None:
    assert load(path)["permissions"] == {}


def test_where_an_engine_is_started_nothing_can_be_written_and_no_secret_is_known() -> None:
    starting = [
        (path.name, name)
        for path in WORKFLOWS
        for name, job in jobs(path).items()
        if STARTS_ENGINES.search(runs(job))
    ]
    dangerous = [
        place
        for place in starting
        if writes(job := jobs(OWN / place[0])[place[1]]) or "secrets." in str(job)
    ]

    assert len(starting) == 6
    assert dangerous == []


def test_the_job_that_writes_takes_records_and_no_code_of_a_change() -> None:
    propose = shipped("engine-bump")["jobs"]["propose"]
    downloads = [step["with"] for step in propose["steps"] if "download-artifact" in str(step)]

    assert downloads == [{"name": "bump", "path": ".engine-ci"}]
    assert propose["steps"][0]["with"] == {"fetch-depth": 0, "persist-credentials": "false"}


def test_secrets_are_known_to_the_job_that_writes_alone_and_kept_in_its_environment() -> None:
    knowing = {
        (path.name, name): job.get("environment")
        for path in WORKFLOWS
        for name, job in jobs(path).items()
        if "secrets." in str(job)
    }

    assert knowing == {("engine-bump.yml", "propose"): "engine-ci"}


def test_the_records_that_reach_the_writing_job_hold_no_engine() -> None:
    (upload,) = (
        step["with"]
        for step in shipped("engine-bump")["jobs"]["attempt"]["steps"]
        if "upload-artifact" in str(step)
    )

    # A bundle is a folder with an engine in it; of one, only its own record is taken.
    for path in upload["path"].split():
        assert path.endswith(".json") or path in (".engine-ci/gate", ".engine-ci/refused")


@pytest.mark.parametrize("job", every_job())
def test_a_job_ends_by_itself(job: dict[str, Any]) -> None:
    assert 1 <= int(job["timeout-minutes"]) <= 60


@pytest.mark.parametrize("path", WORKFLOWS, ids=named)
def test_two_runs_do_not_get_in_each_others_way(path: Path) -> None:
    concurrency = load(path)["concurrency"]

    assert path.stem in concurrency["group"]
    # What changes something is never stopped in the middle.
    if any(writes(job) for job in jobs(path).values()) or path.stem == "engine-history":
        assert concurrency["cancel-in-progress"] == "false"


def test_a_gate_of_the_main_branch_is_never_stopped_by_the_next() -> None:
    concurrency = shipped("engine-gate")["concurrency"]

    assert concurrency == {
        "group": "engine-gate-${{ github.event.pull_request.number || github.sha }}",
        "cancel-in-progress": "${{ github.event_name == 'pull_request' }}",
    }


def test_schedules_are_off_the_hour() -> None:
    crons = [each["cron"] for path in WORKFLOWS for each in load(path)["on"].get("schedule", ())]

    assert len(crons) == 2
    assert all(0 < int(cron.split()[0]) < 60 and int(cron.split()[0]) % 15 for cron in crons)


@pytest.mark.parametrize("path", ALL, ids=named)
def test_every_action_is_pinned_by_its_commit_with_its_version_beside(path: Path) -> None:
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    foreign = [line for line in lines if "uses: " in line and "uses: ./" not in line]

    assert [line for line in foreign if not PINNED.search(line)] == []


def test_one_commit_stands_for_each_action_everywhere() -> None:
    used = {
        line.partition("uses: ")[2]
        for path in ALL
        for line in path.read_text(encoding="utf-8").splitlines()
        if "uses: actions/" in line
    }

    assert len({each.partition("@")[0] for each in used}) == len(used) == 8


@pytest.mark.parametrize("path", ALL, ids=named)
def test_nothing_is_pasted_into_a_command(path: Path) -> None:
    assert [step for step in steps(path) if "${{" in step.get("run", "")] == []


@pytest.mark.parametrize("path", ALL, ids=named)
def test_no_checkout_leaves_its_token_behind(path: Path) -> None:
    checkouts = [step for step in steps(path) if "/checkout@" in step.get("uses", "")]

    assert all(step["with"]["persist-credentials"] == "false" for step in checkouts)


@pytest.mark.parametrize("path", ALL, ids=named)
def test_kept_downloads_go_by_the_pins(path: Path) -> None:
    caches = [step["with"] for step in steps(path) if "/cache@" in step.get("uses", "")]
    downloads = [each for each in caches if set(each["path"].split()) & DOWNLOADS]

    assert all("hashFiles('pins/**')" in each["key"] for each in downloads)
    # Whatever else is kept belongs to one run, and the next starts from it.
    assert all("github.run_id" in each["key"] for each in caches if each not in downloads)


def test_a_macos_minute_is_spent_only_where_a_newer_build_was_chosen_that_nobody_waits_for() -> (
    None
):
    bump = shipped("engine-bump")["jobs"]

    assert bump["attempt"]["if"] == (
        "needs.detect.outputs.chosen != '' && (needs.detect.outputs.proposed == 'false'"
        " || github.event_name == 'workflow_dispatch')"
    )
    assert {name for name, job in bump.items() if "macos" in job["runs-on"]} == {"attempt"}


def test_the_oldest_system_is_for_a_new_pin_and_another_host_for_a_bump_in_doubt() -> None:
    gate = shipped("engine-gate")["jobs"]

    assert gate["oldest"]["runs-on"] == "macos-14"
    assert gate["oldest"]["if"] == "needs.changes.outputs.pin-moved == 'true'"
    assert gate["gate"]["runs-on"] == gate["again"]["runs-on"] == "macos-15"
    assert "needs.gate.outputs.verdict == 'inconclusive'" in gate["again"]["if"]
    assert "needs.changes.outputs.bump == 'true'" in gate["again"]["if"]


def test_the_gates_jobs_tell_the_program_which_they_are_and_so_what_they_ask() -> None:
    gate = shipped("engine-gate")["jobs"]
    asked = {name: runs(gate[name]).splitlines()[-1] for name in ARTIFACTS}

    assert asked == {name: f'engine-ci check --base "$BASE" --job {name}' for name in ARTIFACTS}


def test_what_is_measured_again_before_it_counts_is_only_screened() -> None:
    attempt = shipped("engine-bump")["jobs"]["attempt"]

    assert runs(attempt).splitlines()[-1] == 'engine-ci bump --build "$BUILD" --profile screen'


def test_a_mac_of_ones_own_is_asked_for_and_never_lent_to_forks() -> None:
    condition = shipped("engine-gate")["jobs"]["metal"]["if"]

    assert condition.startswith("vars.ENGINE_CI_METAL == 'true' &&")
    assert "github.event.pull_request.head.repo.full_name == github.repository" in condition


def test_the_docs_have_a_row_for_every_job_that_says_where_it_runs_and_what_it_may() -> None:
    page = (ROOT / "docs" / "workflows.md").read_text(encoding="utf-8")
    _, _, table = page.partition("## Jobs and rights\n")
    rows = {
        cells[0].strip("`"): (cells[1].partition(",")[0], cells[3])
        for line in table.partition("\n## ")[0].splitlines()
        if len(cells := line.strip("| ").split(" | ")) == 4
    }
    every = {name: job for path in SHIPPED for name, job in jobs(path).items() if "uses" not in job}

    rights = {right for job in every.values() for right in job["permissions"]}

    assert set(rows) - {"job", "---"} == set(every)
    for name, job in every.items():
        place, may = rows[name]
        assert place == job["runs-on"] or (name == "metal" and place == "a Mac of yours")
        told = {right for right in rights if right.replace("-", " ") in may}
        assert told == set(job["permissions"]), name
        assert ("**write**" in may) == bool(writes(job))


def test_the_action_is_at_the_top_where_uses_finds_it() -> None:
    assert load(ROOT / "action.yml")["runs"]["using"] == "composite"
