"""What another job left is held against the source, the files and the gate's own answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine_ci.cli import doors, report
from engine_ci.cli.bundles import read_bundle
from engine_ci.errors import Exit
from engine_ci.pins.model import Commit
from engine_ci.records.gate import EngineFacts, Engines, GateResult, Status
from tests.unit.bump import records
from tests.unit.cli.test_bump import newer
from tests.unit.system.clones import introduce

if TYPE_CHECKING:
    from collections.abc import Callable

    from fixtures.github import GitHubServer
    from tests.unit.artifact.wheels import Index
    from tests.unit.cli.command import CommandLine, Ran

Change = dict[str, object]
WORK = Path(".engine-ci")
OTHER = "0" * 64


@pytest.fixture
def left(run: CommandLine, toy: Index, github: GitHubServer, tmp_path: Path) -> GitHubServer:
    """Release 1.1, chosen, prepared and gated; its records are in the current folder."""
    introduce(tmp_path / "home")
    newer(toy, tmp_path)
    for arguments in (("detect",), ("prepare",), ("prepare", "--current")):
        assert run(*arguments).status == Exit.OK
    candidate, baseline = (facts(WORK / name) for name in ("candidate", "baseline"))
    report.write(
        records.result(engines=Engines(candidate=candidate, baseline=baseline)), WORK / "gate"
    )
    return github


def facts(folder: Path) -> EngineFacts:
    made = read_bundle(folder)
    return EngineFacts(
        pin=made.pin,
        version=made.version,
        tree_sha256=made.tree_sha256,
        adapter="llama-server",
        platform=made.platform,
    )


def changed(path: Path, change: Callable[[dict[str, object]], None]) -> None:
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))


def opened(run: CommandLine, github: GitHubServer) -> Ran:
    return run("propose", "--open", "--api-url", github.api_url)


def refused(run: CommandLine, github: GitHubServer) -> str:
    """What is said where the records are refused, and nothing was written."""
    ran = opened(run, github)
    assert ran.status == Exit.VERIFICATION, ran.err
    assert github.hub.pulls == []
    assert set(github.repository.branches()) == {"main"}
    return ran.err


def test_records_that_are_true_are_proposed(run: CommandLine, left: GitHubServer) -> None:
    ran = opened(run, left)

    assert ran.status == Exit.OK, ran.err
    (pull,) = left.hub.pulls
    assert "1.1" in pull.title


def test_a_second_run_reads_with_five_requests_and_writes_nothing(
    run: CommandLine, left: GitHubServer
) -> None:
    opened(run, left)
    begin = len(left.requests)

    ran = opened(run, left)

    assert ran.status == Exit.OK
    assert "pull request #1 unchanged" in ran.err
    git = ["GET /example/app.git/info/refs", "POST /example/app.git/git-upload-pack"]
    api = ["GET /repos/example/app/pulls"]
    asked = [f"{each.method} {each.path}" for each in left.requests[begin:]]
    # What the default branch is, where both branches stand, and which pull requests there are.
    assert asked == [*git, *git, *api]


def test_a_verdict_that_does_not_follow_from_the_checks_is_refused(
    run: CommandLine, left: GitHubServer
) -> None:
    def forge(record: dict[str, object]) -> None:
        result = GateResult.model_validate(record)
        checks = [check.model_copy(update={"status": Status.FAIL}) for check in result.checks]
        record["checks"] = [check.model_dump(mode="json") for check in checks]

    changed(WORK / "gate" / "gate.json", forge)

    assert "gate.json cannot be true: its verdict is pass, and its checks say fail" in refused(
        run, left
    )


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("version", "1.2", "the source has no 1.2"),
        ("build", 11434, "1.1 is not build 11434, rebuild 0"),
        ("rebuild", 1, "1.1 is not build None, rebuild 1"),
    ],
)
def test_a_release_that_the_source_does_not_have_is_refused(
    run: CommandLine, left: GitHubServer, key: str, value: object, why: str
) -> None:
    def forge(record: dict[str, object]) -> None:
        record[key] = value

    for name in ("candidate.json", "candidate/bundle.json"):
        path = WORK / name
        record = json.loads(path.read_text())
        forge(record["chosen"] if name == "candidate.json" else record)
        path.write_text(json.dumps(record))

    assert f"candidate.json cannot be true: {why}" in refused(run, left)


def test_a_file_that_the_source_does_not_offer_is_refused(
    run: CommandLine, left: GitHubServer
) -> None:
    path = WORK / "candidate.json"
    record = json.loads(path.read_text())
    record["chosen"]["assets"]["ubuntu-x64"]["sha256"] = OTHER
    path.write_text(json.dumps(record))

    said = refused(run, left)

    assert "the file for ubuntu-x64 is toy_engine-1.1-" in said
    assert (
        f"recorded as toy_engine-1.1-py3-none-manylinux_2_28_x86_64.whl with sha256 {OTHER}" in said
    )


def test_a_hash_that_is_not_that_of_the_file_is_refused(
    run: CommandLine, left: GitHubServer
) -> None:
    path = WORK / "candidate" / "bundle.json"
    record = json.loads(path.read_text())
    for name in ("published_sha256", "measured_sha256"):
        record["provenance"]["ubuntu-x64"][name] = OTHER
    path.write_text(json.dumps(record))

    said = refused(run, left)

    assert "bundle.json cannot be true: of the file for ubuntu-x64 it says" in said
    assert OTHER in said


def test_a_commit_that_is_not_that_of_the_tag_is_refused(
    run: CommandLine, left: GitHubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag = {"the tag": Commit(id="1" * 40)}
    monkeypatch.setattr(doors, "tagged", lambda *_: tag)

    assert "found 1111111111111111111111111111111111111111, as the tag says" in refused(run, left)


@pytest.mark.usefixtures("toy")
def test_where_nothing_was_chosen_nothing_is_proposed(
    run: CommandLine, github: GitHubServer
) -> None:
    run("detect")

    ran = opened(run, github)

    assert (ran.status, github.hub.pulls) == (Exit.OK, [])
    assert ran.err.endswith("toy stays at 1.0: nothing is newer\n")
