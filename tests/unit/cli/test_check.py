"""`engine-ci check` in real clones; the gate's answer is given, and `tests/engine` asks engines."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine_ci.cli import gate
from engine_ci.errors import Exit
from engine_ci.pins import store
from engine_ci.records.bundle import RECORD
from engine_ci.records.check import CheckRecord
from engine_ci.records.gate import Check, Engines, FaultClass, Status, Verdict
from engine_ci.system import documents
from engine_ci.system.git import Repository
from tests.unit.artifact import wheels
from tests.unit.report import build
from tests.unit.system.clones import committed
from tests.unit.system.clones import run as git
from tests.unit.system.runner import commands, outputs

if TYPE_CHECKING:
    from engine_ci.pins.model import Asset
    from tests.unit.artifact.wheels import Index
    from tests.unit.cli.command import CommandLine

PIN = "pins/llama.cpp.yaml"
WORK = Path(".engine-ci")
TARGETS = """\
targets:
- {file: ensure.ts, pattern: 'VERSION = "(?P<version>[^"]+)"'}
"""
HASHED = (
    TARGETS
    + """\
- {file: ensure.ts, pattern: 'SHA = "(?P<sha256_ubuntu_x64>[^"]+)"'}
"""
)


@dataclass
class Gate:
    """Stands in for the gate: what it was given, and the verdict it gives.

    Attributes:
        asked: the arguments of the last run.
    """

    verdict: Verdict = Verdict.PASS
    checks: tuple[Check, ...] = (build.check("loads/stable"),)
    asked: dict[str, Any] = field(default_factory=dict)

    def run(self, _: object, **asked: Any) -> object:  # noqa: ANN401 - the gate's own keywords
        self.asked = asked
        versions = {
            role: json.loads((asked[role] / RECORD).read_text())["version"]
            for role in ("candidate", "baseline")
            if asked[role]
        }
        no_baseline = Check(
            id="setup/baseline",
            suite="setup",
            status=Status.SKIP,
            fault_class=FaultClass.HARNESS,
            expected="a baseline",
            observed=asked["no_baseline"],
        )
        result = build.result(
            *asked["before"],
            *(() if asked["baseline"] else (no_baseline,)),
            *self.checks,
            verdict=self.verdict,
            engines=Engines(
                candidate=build.engine(versions["candidate"]),
                baseline=build.engine(versions["baseline"]) if asked["baseline"] else None,
            ),
        )
        documents.write(asked["out"] / "gate.json", documents.dump_json(result))
        return result


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Gate:
    made = Gate()
    monkeypatch.setattr(gate, "run", made.run)
    return made


@pytest.fixture
def clone(toy: Index, app: Path, tmp_path: Path) -> Repository:
    """The app that pins the toy engine, on main; the branch `topic` is checked out."""
    assert toy.files
    # Its wheels lie there too, which is quicker than to ask pip.
    with (app / "engine-ci.yaml").open("a") as config:
        config.write(f"mirrors: [{tmp_path}]\n")
    git(app, "init", "--quiet", "--initial-branch=main")
    made = Repository(path=app)
    committed(made, {".gitignore": ".engine-ci\n"})
    git(app, "switch", "--quiet", "-c", "topic")
    return made


def edited(clone: Repository, old: str, new: str, *, file: str = "engine-ci.yaml") -> None:
    """Commits an edit."""
    text = (clone.path / file).read_text()
    assert old in text
    committed(clone, {file: text.replace(old, new)})


def newer(toy: Index, folder: Path) -> Asset:
    """Publishes other bytes as 1.1 of the toy engine."""
    files = {name.replace("1.0", "1.1"): data for name, data in wheels.engine().items()}
    files["toy_engine/bin/llama-server"] += b"other bytes"
    return toy.publish(wheels.wheel(folder, files, version="1.1"))


def bumped(clone: Repository, published: Asset) -> None:
    """Commits the pin at 1.1."""
    pin = store.load(clone.path / PIN)
    moved = pin.model_copy(update={"version": "1.1", "platforms": {"ubuntu-x64": published}})
    committed(clone, {PIN: store.dump(moved)})


def recorded() -> CheckRecord:
    return CheckRecord.model_validate(json.loads((WORK / "check.json").read_text()))


def versions(ran: Gate) -> tuple[str, str]:
    """Of the two bundles that were gated."""
    found = [
        json.loads((ran.asked[role] / RECORD).read_text())["version"]
        for role in ("candidate", "baseline")
    ]
    return found[0], found[1]


def test_an_unchanged_engine_is_asked_everything_but_its_speed(
    run: CommandLine, clone: Repository, stub: Gate
) -> None:
    committed(clone, {"README.md": "words\n"})

    ran = run("check", "--base", "main")

    assert ran.status == Exit.OK
    assert "performance" not in stub.asked["suites"]
    assert {"loads", "drift", "lifecycle"} <= set(stub.asked["suites"])
    (skipped,) = stub.asked["before"]
    assert (skipped.id, skipped.status) == ("performance/same-engine", Status.SKIP)
    assert skipped.observed == (
        "it is that engine, byte for byte, and the app's arguments are the same"
    )
    assert "byte for byte, started with the same arguments.\n\n### " in ran.out
    record = recorded()
    assert (record.same_engine, record.pin_moved) == (True, False)
    assert (record.head, record.base) == tuple(
        git(clone.path, "rev-parse", ref) for ref in ("HEAD", "main")
    )
    assert record.gate_sha256 == documents.sha256_of(WORK / "gate" / "gate.json")
    assert (record.metal.state, record.metal.why) == ("not-run", "ubuntu-x64 has no Metal")


@pytest.mark.usefixtures("clone")
def test_only_the_speed_of_an_unchanged_engine_is_no_question_at_all(
    run: CommandLine, stub: Gate
) -> None:
    run("check", "--base", "main", "--suite", "performance")

    assert stub.asked["suites"] == []


@pytest.mark.usefixtures("clone")
def test_the_job_on_the_oldest_system_asks_less_and_fetches_no_model(
    run: CommandLine, stub: Gate
) -> None:
    run("check", "--base", "main", "--job", "oldest")

    assert {"loads", "drift", "lifecycle"} <= set(stub.asked["suites"])
    assert not {"real", "performance"} & set(stub.asked["suites"])
    assert (stub.asked["before"], stub.asked["fetch"]) == ([], False)


@pytest.mark.usefixtures("clone")
def test_any_other_job_asks_everything(run: CommandLine, stub: Gate) -> None:
    run("check", "--base", "main", "--job", "gate")

    assert "real" in stub.asked["suites"]
    assert stub.asked["fetch"]


def test_a_job_that_nobody_knows_is_refused_with_those_there_are(run: CommandLine) -> None:
    ran = run("check", "--base", "main", "--job", "newest")

    assert ran.status == Exit.USAGE
    assert "--job: expected one of gate, oldest, again, metal, found newest" in ran.err


@pytest.mark.usefixtures("clone")
def test_other_suites_need_no_word_about_speed(run: CommandLine, stub: Gate) -> None:
    run("check", "--base", "main", "--suite", "loads")

    assert (stub.asked["suites"], stub.asked["before"]) == (["loads"], [])


def test_the_same_engine_with_other_arguments_is_compared_each_with_its_own(
    run: CommandLine, clone: Repository, stub: Gate
) -> None:
    edited(clone, '"4096"', '"8192"')

    run("check", "--base", "main")

    assert stub.asked["baseline_argv"][5] == "4096"
    assert "performance" in stub.asked["suites"]
    assert not recorded().same_engine


def test_a_pin_that_moved_is_held_against_the_engine_before(
    run: CommandLine, clone: Repository, stub: Gate, toy: Index, tmp_path: Path
) -> None:
    bumped(clone, newer(toy, tmp_path))

    ran = run("check", "--base", "main")

    assert versions(stub) == ("1.1", "1.0")
    assert "performance" in stub.asked["suites"]
    assert recorded().pin_moved
    assert "was held against `1.0` of the merge base `" in ran.out


def test_each_engine_is_prepared_as_its_own_commit_wants_it(
    run: CommandLine, clone: Repository, stub: Gate
) -> None:
    edited(clone, "[LICENSE*, COPYING*]", "[LICENSE*, __init__.py]")

    run("check", "--base", "main")

    kept = {
        role: {file.name for file in stub.asked[role].rglob("*.py")}
        for role in ("candidate", "baseline")
    }
    assert kept == {"candidate": {"__init__.py"}, "baseline": set()}
    assert not recorded().same_engine


def test_the_candidate_is_that_of_the_working_tree(
    run: CommandLine, clone: Repository, stub: Gate
) -> None:
    config = clone.path / "engine-ci.yaml"
    config.write_text(config.read_text().replace("4096", "2048"))

    run("check", "--base", "main")

    assert stub.asked["baseline_argv"][5] == "4096"
    assert not recorded().same_engine
    assert git(clone.path, "status", "--porcelain") == " M engine-ci.yaml"


@pytest.mark.parametrize(("subject", "pull"), [("toy: 1.0 (#7)", 7), ("toy: 1.0", None)])
def test_which_pull_request_was_merged_and_where_it_was_gated_is_kept(
    run: CommandLine, clone: Repository, stub: Gate, subject: str, pull: int | None
) -> None:
    git(clone.path, "commit", "--quiet", "--allow-empty", "-m", subject)

    run("check", "--base", "main", "--runner", "macos-15")

    record = recorded()
    assert stub.asked
    assert (record.pull, record.runner) == (pull, "macos-15")


def test_no_worktree_stays_behind(run: CommandLine, clone: Repository, stub: Gate) -> None:
    assert stub.verdict

    run("check", "--base", "main")

    assert git(clone.path, "worktree", "list").count("\n") == 0
    assert not (WORK / "merge-base" / "tree").exists()


def test_what_a_killed_run_left_is_no_obstacle(
    run: CommandLine, clone: Repository, stub: Gate
) -> None:
    left = str(WORK / "merge-base" / "tree")
    git(clone.path, "worktree", "add", "--quiet", "--detach", left, "main")
    git(clone.path, "worktree", "lock", left)
    (WORK / "merge-base" / "tree" / "engine-ci.yaml").write_text("half done")

    ran = run("check", "--base", "main")

    assert ran.status == Exit.OK
    assert versions(stub) == ("1.0", "1.0")
    assert git(clone.path, "worktree", "list").count("\n") == 0


@pytest.mark.usefixtures("clone")
def test_before_the_first_commit_there_is_nothing_to_compare_with(
    run: CommandLine, stub: Gate
) -> None:
    ran = run("check", "--base", "0" * 40)

    assert (stub.asked["baseline"], stub.asked["baseline_argv"]) == (None, None)
    assert "was held against nothing: the merge base has no engine to compare with" in ran.out
    record = recorded()
    assert (record.base, record.baseline, record.pin_moved) == (None, None, True)
    assert record.no_baseline == (
        "the merge base has no engine to compare with: there is no commit before these"
    )


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("engine-ci.yaml", "engine-ci.yaml: `the whole file`"),
        (PIN, f"{PIN}: `the whole file`"),
    ],
)
def test_a_base_without_a_pin_that_can_be_read_leaves_the_absolute_questions(
    run: CommandLine, clone: Repository, stub: Gate, file: str, reason: str
) -> None:
    sound = (clone.path / file).read_text()
    before = committed(clone, {file: "words\n"})
    committed(clone, {file: sound})

    ran = run("check", "--base", before)

    assert ran.status == Exit.OK
    assert stub.asked["baseline"] is None
    assert reason in recorded().no_baseline
    assert recorded().base == before


def test_a_base_whose_engine_cannot_be_had_any_more_is_said(
    run: CommandLine, clone: Repository, stub: Gate, toy: Index, tmp_path: Path
) -> None:
    bumped(clone, newer(toy, tmp_path))
    gone = next(name for name in toy.files if "1.0" in name)
    del toy.files[gone]
    (tmp_path / gone).unlink()

    run("check", "--base", "main")

    assert stub.asked["baseline"] is None
    assert "1.0" in recorded().no_baseline
    assert recorded().pin_moved
    assert not (WORK / "merge-base" / "tree").exists()


def test_an_engine_that_cannot_be_made_ends_it_without_a_record(
    run: CommandLine, clone: Repository, stub: Gate, toy: Index, tmp_path: Path
) -> None:
    run("check", "--base", "main")
    published = newer(toy, tmp_path)
    bumped(clone, published.model_copy(update={"sha256": "0" * 64}))
    stub.asked = {}

    ran = run("check", "--base", "main")

    assert ran.status != Exit.OK
    assert stub.asked == {}
    assert not (WORK / "check.json").exists()


@pytest.mark.usefixtures("clone")
@pytest.mark.parametrize(
    ("verdict", "status"),
    [
        (Verdict.FAIL, Exit.GATE_SAYS_NO),
        (Verdict.ERROR, Exit.OUTSIDE),
        (Verdict.INCONCLUSIVE, Exit.INCONCLUSIVE),
    ],
)
def test_the_exit_code_is_that_of_the_gate(
    run: CommandLine, stub: Gate, verdict: Verdict, status: Exit
) -> None:
    stub.verdict = verdict

    ran = run("check", "--base", "main", "--json")

    assert ran.status == status
    assert ran.out == (WORK / "check.json").read_text()
    assert recorded().verdict is verdict


@pytest.mark.usefixtures("clone")
@pytest.mark.parametrize(
    ("verdict", "status"),
    [
        (Verdict.INCONCLUSIVE, Exit.OK),
        (Verdict.FAIL, Exit.GATE_SAYS_NO),
        (Verdict.ERROR, Exit.OUTSIDE),
    ],
)
def test_in_a_job_of_the_workflow_doubt_is_a_warning_and_left_to_the_required_check(
    run: CommandLine, stub: Gate, verdict: Verdict, status: Exit, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub.verdict = verdict
    monkeypatch.setenv("GITHUB_ACTIONS", "true")

    ran = run("check", "--base", "main", "--job", "gate")

    assert ran.status == status
    assert ("::warning title=The gate cannot tell::" in ran.err) == (status == Exit.OK)
    assert recorded().verdict is verdict


@pytest.mark.usefixtures("clone")
def test_in_a_workflow_the_run_shows_what_failed(
    run: CommandLine,
    stub: Gate,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "outputs"))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "page"))
    stub.verdict = Verdict.FAIL
    stub.checks = tuple(
        build.check(f"loads/{number}", Status.FAIL, observed="::error::died\n::add-mask::a")
        for number in range(12)
    )

    ran = run("check", "--base", "main")

    said = commands(ran.out + ran.err)
    assert [command.name for command in said] == ["error"] * 10
    assert said[0].properties == {"title": "loads/0"}
    assert said[0].data == "expected ready, observed ::error::died\n::add-mask::a"
    assert said[-1].data == "3 more checks came out like these: the report has them all"
    assert outputs((tmp_path / "outputs").read_text()) == {"verdict": "fail"}
    assert "### ❌ The gate says: fail" in (tmp_path / "page").read_text()


@pytest.mark.usefixtures("clone")
def test_results_go_where_they_are_wanted(run: CommandLine, stub: Gate, tmp_path: Path) -> None:
    run("check", "--base", "main", "--out", str(tmp_path / "results"))

    assert stub.asked["out"] == tmp_path / "results"
    assert recorded().gate_sha256 == documents.sha256_of(tmp_path / "results" / "gate.json")


def test_a_pin_and_a_configuration_with_other_names_are_still_held_against_what_was(
    run: CommandLine, clone: Repository, stub: Gate
) -> None:
    pin = store.load(clone.path / PIN).model_copy(update={"name": "renamed"})
    config = (clone.path / "engine-ci.yaml").read_text()
    committed(clone, {PIN: store.dump(pin), "engine-ci.yaml": None, "engine.yaml": config})

    run("check", "--base", "main", "--config", "engine.yaml")

    assert versions(stub) == ("1.0", "1.0")
    record = recorded()
    assert (record.pin, record.same_engine, record.pin_moved) == ("renamed", True, True)


@pytest.fixture
def ensured(clone: Repository) -> Repository:
    """The same app, whose script names the engine with its hash; another bot moves that."""
    git(clone.path, "switch", "--quiet", "main")
    config = (clone.path / "engine-ci.yaml").read_text() + HASHED
    committed(clone, {"engine-ci.yaml": config, "ensure.ts": script(clone)})
    git(clone.path, "switch", "--quiet", "-C", "topic")
    return clone


def script(clone: Repository, *, version: str = "1.0", sha256: str = "") -> str:
    pinned = store.load(clone.path / PIN).platforms["ubuntu-x64"].sha256
    return f'const VERSION = "{version}";\nconst SHA = "{sha256 or pinned}";\n'


def test_a_build_that_another_bot_names_with_its_hash_is_gated(
    run: CommandLine, ensured: Repository, stub: Gate, toy: Index, tmp_path: Path
) -> None:
    published = newer(toy, tmp_path)
    committed(ensured, {"ensure.ts": script(ensured, version="1.1", sha256=published.sha256)})

    run("check", "--base", "main")

    assert versions(stub) == ("1.1", "1.0")
    assert recorded().pin_moved


def test_what_another_bot_names_is_what_is_prepared_as_current_too(
    run: CommandLine, ensured: Repository, toy: Index, tmp_path: Path
) -> None:
    published = newer(toy, tmp_path)
    committed(ensured, {"ensure.ts": script(ensured, version="1.1", sha256=published.sha256)})

    made = run("prepare", "--current", "--json")
    committed(ensured, {"ensure.ts": script(ensured, version="1.1", sha256="0" * 64)})
    other = run("prepare", "--current", "--json")

    assert json.loads(made.out)["version"] == "1.1"
    assert other.status in (Exit.VERIFICATION, Exit.OUTSIDE)


def test_once_the_bots_change_is_merged_it_is_what_others_are_held_against(
    run: CommandLine, ensured: Repository, stub: Gate, toy: Index, tmp_path: Path
) -> None:
    published = newer(toy, tmp_path)
    moved = script(ensured, version="1.1", sha256=published.sha256)
    before = committed(ensured, {"ensure.ts": moved})
    committed(ensured, {"README.md": "words\n"})

    run("check", "--base", before)

    assert versions(stub) == ("1.1", "1.1")
    record = recorded()
    assert (record.same_engine, record.pin_moved) == (True, False)


def test_a_target_that_is_not_there_is_named(
    run: CommandLine, ensured: Repository, stub: Gate
) -> None:
    committed(ensured, {"ensure.ts": None})

    ran = run("check", "--base", "main")

    assert ran.status == Exit.USAGE
    assert "error: ensure.ts: there is no such file" in ran.err
    assert stub.asked == {}


def test_a_hash_that_is_not_that_of_the_file_is_refused(
    run: CommandLine, ensured: Repository, stub: Gate, toy: Index, tmp_path: Path
) -> None:
    newer(toy, tmp_path)
    committed(ensured, {"ensure.ts": script(ensured, version="1.1", sha256="0" * 64)})

    ran = run("check", "--base", "main")

    assert ran.status in (Exit.VERIFICATION, Exit.OUTSIDE)
    assert stub.asked == {}


def test_a_build_without_a_hash_is_refused_with_what_to_do(
    run: CommandLine, clone: Repository, stub: Gate, toy: Index, tmp_path: Path
) -> None:
    newer(toy, tmp_path)
    config = (clone.path / "engine-ci.yaml").read_text() + TARGETS
    committed(clone, {"engine-ci.yaml": config, "ensure.ts": script(clone, version="1.1")})

    ran = run("check", "--base", "main")

    assert ran.status == Exit.USAGE
    assert f"a target names 1.1, {PIN} names 1.0, and no sha256 of the file" in ran.err
    assert "hint: let a target find it with a group `sha256_ubuntu_x64`, move the pin" in ran.err
    assert stub.asked == {}


def test_the_apps_own_command_brings_each_engine_from_its_own_commit(
    run: CommandLine, clone: Repository, stub: Gate
) -> None:
    vendored = {
        f"vendor/{name.removeprefix('toy_engine/')}": data
        for name, data in wheels.engine().items()
        if "/bin/" in name or name.endswith(".so.0")
    }
    for name, data in vendored.items():
        path = clone.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (clone.path / "vendor/bin/llama-server").chmod(0o755)
    (clone.path / ".gitignore").write_text(".engine-ci\nout\n")
    text = (clone.path / "engine-ci.yaml").read_text()
    own = "bundle:\n  prepare: {command: [cp, -R, vendor, out], leaves: out}"
    before = committed(
        clone,
        {
            "engine-ci.yaml": text.replace("bundle:", own) + TARGETS,
            "ensure.ts": script(clone, version="1.1"),
        },
    )
    server = clone.path / "vendor/bin/llama-server"
    server.write_bytes(server.read_bytes() + b"other bytes")
    committed(clone, {"ensure.ts": script(clone, version="1.2")})

    ran = run("check", "--base", before)

    assert ran.status == Exit.OK
    assert versions(stub) == ("1.2", "1.1")
    sizes = [
        (stub.asked[role] / "bin" / "llama-server").stat().st_size
        for role in ("candidate", "baseline")
    ]
    assert sizes[0] == sizes[1] + len(b"other bytes")
    assert recorded().pin_moved


def test_a_base_that_names_a_build_without_a_hash_is_no_baseline(
    run: CommandLine, ensured: Repository, stub: Gate
) -> None:
    sound = (ensured.path / "engine-ci.yaml").read_text()
    text = sound.replace(HASHED, TARGETS)
    before = committed(
        ensured, {"engine-ci.yaml": text, "ensure.ts": script(ensured, version="0.9")}
    )
    committed(ensured, {"engine-ci.yaml": sound, "ensure.ts": script(ensured)})

    run("check", "--base", before)

    assert stub.asked["baseline"] is None
    assert "a target names 0.9" in recorded().no_baseline


@pytest.mark.usefixtures("clone")
def test_a_pin_that_is_gone_from_the_configuration_is_refused_by_its_name(
    run: CommandLine, stub: Gate
) -> None:
    ran = run("check", "--base", "main", "--pin", "other")

    assert ran.status == Exit.USAGE
    assert stub.asked == {}
