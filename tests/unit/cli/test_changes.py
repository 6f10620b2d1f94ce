"""`engine-ci changes` in real clones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine_ci.errors import Exit
from engine_ci.records.change import Change
from engine_ci.system import documents
from engine_ci.system.git import Repository
from tests.unit.bump.test_named import TAGGED, ensuring
from tests.unit.bump.test_named import app as files_of
from tests.unit.pins.test_targets import pin
from tests.unit.system.clones import committed
from tests.unit.system.clones import run as git
from tests.unit.system.runner import commands, outputs

if TYPE_CHECKING:
    from tests.unit.cli.command import CommandLine

BRANCH = "engine-ci/llama.cpp"
BUMPED = files_of(TAGGED, pins=(pin(11434),), ensure=ensuring("b11434"))


@pytest.fixture
def clone(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """An app on main, as the current folder; its branch `topic` is checked out."""
    folder = home.parent / "clone"
    git(tmp_path, "init", "--quiet", "--initial-branch=main", str(folder))
    made = Repository(path=folder)
    committed(made, {**files_of(TAGGED, ensure=ensuring()), ".gitignore": ".engine-ci\n"})
    git(folder, "switch", "--quiet", "-c", "topic")
    monkeypatch.chdir(folder)
    monkeypatch.delenv("GITHUB_HEAD_REF", raising=False)
    return made


@pytest.fixture
def step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a step's outputs, in GitHub Actions."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "outputs"))
    return tmp_path / "outputs"


def recorded() -> Change:
    return Change.model_validate(json.loads(Path(".engine-ci/changes.json").read_text()))


def test_a_branch_without_a_pin_moves_nothing(
    run: CommandLine, clone: Repository, step: Path
) -> None:
    head = committed(clone, {"README.md": "the app\n"})

    ran = run("changes", "--base", "main", "--json")

    assert ran.status == Exit.OK
    assert ran.out == documents.dump_json(recorded())
    assert (recorded().head, recorded().base) == (head, git(clone.path, "rev-parse", "main"))
    assert [(file.path, file.kind) for file in recorded().files] == [("README.md", "other")]
    assert outputs(step.read_text()) == {"pin-moved": "false", "bump": "false"}


def test_what_others_did_on_main_meanwhile_is_not_of_the_branch(
    run: CommandLine, clone: Repository
) -> None:
    committed(clone, {"README.md": "the app\n"})
    git(clone.path, "switch", "--quiet", "main")
    committed(clone, BUMPED)
    git(clone.path, "switch", "--quiet", "topic")

    ran = run("changes", "--base", "main")

    assert "llama.cpp: b11194 -> b11194, the same engine\n" in ran.out
    assert "0 pin, 0 target, 1 other" in ran.out


def test_of_the_merge_that_github_checks_out_the_first_parent_is_the_base(
    run: CommandLine, clone: Repository
) -> None:
    left = git(clone.path, "rev-parse", "main")
    committed(clone, BUMPED)
    git(clone.path, "switch", "--quiet", "main")
    base = committed(clone, {"README.md": "the app\n"})
    git(clone.path, "merge", "--quiet", "--no-edit", "topic")

    run("changes", "--base", "HEAD^1", "--branch", BRANCH)

    assert (recorded().base, recorded().strays) == (base, ())
    assert run("changes", "--base", left, "--branch", BRANCH).status == Exit.GATE_SAYS_NO


def test_a_bump_says_what_moves(
    run: CommandLine, clone: Repository, step: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_HEAD_REF", BRANCH)
    committed(clone, BUMPED)

    ran = run("changes", "--base", "main")

    assert ran.status == Exit.OK
    assert "llama.cpp: b11194 -> b11434, moved\n" in ran.out
    assert outputs(step.read_text()) == {"pin-moved": "true", "bump": "true"}


def test_a_bump_that_touches_anything_else_fails_with_the_names(
    run: CommandLine, clone: Repository, step: Path
) -> None:
    extra = {f"src/{number:02}.ts": "x\n" for number in range(12)}
    committed(clone, {**BUMPED, **extra})

    ran = run("changes", "--base", "main", "--branch", BRANCH)

    assert ran.status == Exit.GATE_SAYS_NO
    assert ran.out.count("not part of a bump: src/") == 12
    assert outputs(step.read_text()) == {"pin-moved": "true", "bump": "true"}
    said = commands(ran.err)
    assert len(said) == 10
    assert (said[0].name, said[0].data) == ("error", "it is neither a pin nor a target")
    assert said[0].properties == {"title": "Not part of a bump", "file": "src/00.ts"}


def test_the_name_of_a_file_stays_on_its_line(run: CommandLine, clone: Repository) -> None:
    committed(clone, {**BUMPED, "a\n::error::b\x1b[31m": "x\n"})

    ran = run("changes", "--base", "main", "--branch", BRANCH)

    assert ran.out.endswith(
        "\nnot part of a bump: a\\n::error::b\\x1b[31m: it is neither a pin nor a target\n"
    )


def test_a_pin_that_cannot_be_read_at_head_is_refused(run: CommandLine, clone: Repository) -> None:
    committed(clone, {"pins/0.yaml": "version: b11434\n"})

    ran = run("changes", "--base", "main")

    assert ran.status == Exit.USAGE
    assert "error: pins/0.yaml: `schema`: missing" in ran.err


def test_what_is_committed_counts_and_not_what_lies_there(
    run: CommandLine, clone: Repository
) -> None:
    (clone.path / "pins" / "0.yaml").write_text("unsaved")

    assert run("changes", "--base", "main").status == Exit.OK


@pytest.mark.parametrize("broken", ["pins/0.yaml", "engine-ci.yaml", "ensure.ts"])
def test_a_pin_that_nobody_could_read_before_is_new(
    run: CommandLine, clone: Repository, broken: str
) -> None:
    sound = (clone.path / broken).read_text()
    committed(clone, {broken: "nothing of use\n"})
    before = git(clone.path, "rev-parse", "HEAD")
    committed(clone, {broken: sound})

    run("changes", "--base", before)

    (change,) = recorded().pins
    assert (change.before, change.after, change.moved) == (None, "b11194", True)


@pytest.mark.usefixtures("clone")
def test_before_the_first_push_everything_is_new(run: CommandLine) -> None:
    ran = run("changes", "--base", "0" * 40)

    assert ran.status == Exit.OK
    assert "llama.cpp: none -> b11194, moved\nfiles changed since no commit in common" in ran.out
    assert (recorded().base, recorded().files) == (None, ())


def test_a_configuration_that_was_renamed_is_the_same_one(
    run: CommandLine, clone: Repository
) -> None:
    text = (clone.path / "engine-ci.yaml").read_text()
    committed(clone, {"engine-ci.yaml": None, "engine.yaml": text})

    ran = run("changes", "--base", "main", "--config", "engine.yaml")

    assert "llama.cpp: b11194 -> b11194, the same engine\n" in ran.out


def test_the_clone_may_hold_the_app_in_a_folder(
    run: CommandLine, clone: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = committed(clone, files_of(TAGGED, folder="apps/mac/", ensure=ensuring()))
    committed(clone, {f"apps/mac/{name}": text for name, text in BUMPED.items()})
    monkeypatch.chdir(clone.path / "apps" / "mac")

    run("changes", "--base", base, "--branch", "")

    assert recorded().branch is None
    assert [file.kind for file in recorded().files] == ["target", "pin"]
    assert recorded().pins[0].file == "apps/mac/pins/0.yaml"


def test_a_commit_that_is_not_there_is_refused(run: CommandLine, clone: Repository) -> None:
    ran = run("changes", "--base", "nowhere")

    assert ran.status == Exit.USAGE
    assert f"error: {clone.path}: there is no commit `nowhere` in this clone" in ran.err
