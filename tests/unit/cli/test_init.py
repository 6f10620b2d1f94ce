"""`init` and `eject` in a copy of the example app, with upstream's releases on loopback."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine_ci import config
from engine_ci.errors import Exit
from engine_ci.pins import store, targets
from engine_ci.pins.model import Commit
from engine_ci.setup import files, shipped
from fixtures.github import GitHubServer
from tests.unit.system.clones import run as git
from tests.unit.system.clones import saved

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.cli.command import CommandLine

APP = Path(__file__).parents[3] / "examples" / "tauri-app"
SCRIPT = "scripts/ensure-llama-server.ts"
AT = datetime(2026, 11, 1, tzinfo=UTC)
MACOS, UBUNTU = "llama-b11194-bin-macos-arm64.tar.gz", "llama-b11194-bin-ubuntu-x64.tar.gz"


@pytest.fixture
def upstream(
    tmp_path: Path,
    home: Path,  # noqa: ARG001 - answers are kept there
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[GitHubServer]:
    """Upstream's repository with b11194, a release and its tag."""
    with GitHubServer.start(
        tmp_path / "hub", tokens={}, owner="ggml-org", repository="llama.cpp"
    ) as server:
        server.hub.shelf.publish("b11194", at=AT, files={MACOS: b"mac", UBUNTU: b"linux"})
        monkeypatch.setenv("ENGINE_CI_RELEASES_API_URL", server.api_url)
        yield server


@pytest.fixture
def tagged(upstream: GitHubServer) -> GitHubServer:
    git(upstream.repository.path, "tag", "b11194", "HEAD")
    return upstream


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone of the example app, the current folder."""
    folder = tmp_path / "app"
    shutil.copytree(APP, folder, ignore=shutil.ignore_patterns("node_modules"))
    git(folder, "init", "--quiet")
    saved(folder)
    monkeypatch.chdir(folder)
    return folder


def made_in(folder: Path) -> list[str]:
    listed = git(folder, "status", "--porcelain", "--untracked-files=all")
    return sorted(line[3:] for line in listed.splitlines())


OURS = sorted(
    [files.CONFIG, files.PIN, *files.REQUIREMENTS]
    + [f"{files.WORKFLOWS}/{name}" for name in shipped.workflows()]
)


def test_an_app_is_set_up_by_one_command(run: CommandLine, app: Path, tagged: GitHubServer) -> None:
    ran = run("init")

    assert ran.status == Exit.OK, ran.err
    assert made_in(app) == OURS
    assert sorted(ran.out.splitlines()) == [f"{'made':<10} {name}" for name in OURS]
    pin = store.load(app / files.PIN)
    assert (pin.version, pin.commit.id) == ("b11194", tagged.repository.resolve("HEAD"))
    assert [asset.name for asset in pin.platforms.values()] == [MACOS]


def test_the_apps_own_script_brings_the_engine(
    run: CommandLine, app: Path, tagged: GitHubServer
) -> None:
    ran = run("init", "--platform", "macos-arm64", "--platform", "ubuntu-x64")

    found = config.load(app / files.CONFIG)
    assert str(found.bundle.prepare) == str(
        config.Delegation(
            command=("sh", "-c", "npm ci && npm run engine:ensure"), leaves="src-tauri/binaries"
        )
    )
    assert "`npm ci && npm run engine:ensure` brings the engine" in ran.err
    assert found.bundle.minimum_os == "13.4"
    assert {target.file for target in found.targets} == {SCRIPT}
    # The tag and the two files' names; its made-up hashes are not those of the release.
    assert len(found.targets) == 3
    assert len(tagged.requests) == 2


def test_a_second_run_changes_nothing_and_asks_nobody(
    run: CommandLine, app: Path, tagged: GitHubServer
) -> None:
    run("init")
    saved(app)
    asked = len(tagged.requests)

    ran = run("init")

    assert ran.status == Exit.OK
    assert made_in(app) == []
    assert {line.split()[0] for line in ran.out.splitlines()} == {"unchanged"}
    assert len(tagged.requests) == asked


@pytest.mark.usefixtures("tagged")
def test_what_somebody_changed_is_kept_and_shown(run: CommandLine, app: Path) -> None:
    run("init")
    path = app / files.CONFIG
    mine = path.read_text().replace("propose: weekly", "propose: daily")
    path.write_text(mine)

    ran = run("init")

    assert path.read_text() == mine
    assert "kept       engine-ci.yaml, which is not as it would be made:" in ran.out
    assert "-policy: {propose: daily" in ran.out
    assert "+policy: {propose: weekly" in ran.out


@pytest.mark.usefixtures("tagged")
def test_after_the_pin_moved_another_run_still_changes_nothing(run: CommandLine, app: Path) -> None:
    run("init")
    old = store.load(app / files.PIN)
    asset = old.platforms["macos-arm64"]
    moved = {"name": asset.name.replace("b11194", "b11434"), "sha256": "c" * 64, "size": 9}
    new = old.model_copy(
        update={
            "version": "b11434",
            "build": 11434,
            "commit": Commit(id="d" * 40),
            "platforms": {"macos-arm64": asset.model_copy(update=moved)},
        }
    )
    for target in config.load(app / files.CONFIG).targets:
        text = (app / target.file).read_text()
        (app / target.file).write_text(targets.moved(text, target, old=old, new=new))
    (app / files.PIN).write_text(store.dump(new))
    saved(app)

    ran = run("init")

    assert {line.split()[0] for line in ran.out.splitlines()} == {"unchanged"}, ran.out
    assert made_in(app) == []


@pytest.mark.usefixtures("tagged")
@pytest.mark.parametrize("name", [files.CONFIG, ".github"])
@pytest.mark.parametrize("kind", ["bytes", "folder"])
def test_what_is_no_text_in_the_place_of_one_is_named_and_nothing_is_written(
    run: CommandLine, app: Path, name: str, kind: str
) -> None:
    place = app / name
    shutil.rmtree(place, ignore_errors=True)
    if kind == "folder":
        place = place / "workflows" / "engine-gate.yml" if name == ".github" else place
        place.mkdir(parents=True)
    else:
        place.write_bytes(b"caf\xe9")

    ran = run("init")

    assert ran.status == Exit.USAGE, ran.err
    assert f"error: {name}" in ran.err
    assert not (app / files.PIN).exists()


@pytest.mark.usefixtures("tagged")
def test_a_dry_run_writes_nothing(run: CommandLine, app: Path) -> None:
    ran = run("init", "--dry-run")

    assert made_in(app) == []
    assert f"would make {files.CONFIG}" in ran.out


@pytest.mark.usefixtures("tagged")
def test_an_app_without_a_script_lets_engine_ci_bring_it(run: CommandLine, app: Path) -> None:
    shutil.rmtree(app / "scripts")
    (app / "package.json").unlink()
    saved(app)

    ran = run("init", "--build", "b11194")

    found = config.load(app / files.CONFIG)
    assert (found.bundle.prepare, found.targets) == ("builtin", ())
    assert "no file of this app carries the pin besides" in ran.err


@pytest.mark.usefixtures("tagged")
def test_a_script_that_leaves_it_nobody_knows_where_is_told_of(run: CommandLine, app: Path) -> None:
    shutil.rmtree(app / "src-tauri")
    with (app / SCRIPT).open("a") as script:
        script.write("x\nx\nx\n// b11194\nx\nx\nx\n// b11194\n")
    saved(app)

    ran = run("init")

    assert config.load(app / files.CONFIG).bundle.prepare == "builtin"
    assert "where it leaves it is not known" in ran.err
    assert f"{SCRIPT}:" in ran.err
    assert "no pattern finds it once: add a target by hand" in ran.err


@pytest.mark.usefixtures("tagged")
def test_a_build_that_upstream_does_not_have_is_no_pin(run: CommandLine, app: Path) -> None:
    ran = run("init", "--build", "b11195")

    assert ran.status == Exit.USAGE
    assert "ggml-org/llama.cpp has no release b11195" in ran.err
    assert made_in(app) == []


@pytest.mark.usefixtures("upstream", "app")
def test_a_release_without_its_tag_is_no_pin(run: CommandLine) -> None:
    ran = run("init")

    assert ran.status == Exit.OUTSIDE
    assert "the release b11194 is there, and its tag is not" in ran.err


@pytest.mark.usefixtures("app")
def test_a_platform_that_nobody_knows_is_refused(run: CommandLine) -> None:
    ran = run("init", "--platform", "amiga")

    assert ran.status == Exit.USAGE
    assert "--platform: expected one of macos-arm64, macos-x64" in ran.err


@pytest.mark.usefixtures("tagged")
def test_eject_leaves_the_pins_and_the_app(run: CommandLine, app: Path) -> None:
    before = git(app, "ls-files")
    run("init")
    saved(app)

    ran = run("eject")

    assert ran.status == Exit.OK
    saved(app)
    assert git(app, "ls-files").splitlines() == sorted([*before.splitlines(), files.PIN])
    assert run("eject").out == ""


@pytest.mark.usefixtures("tagged")
def test_eject_loses_nothing_that_no_commit_holds(run: CommandLine, app: Path) -> None:
    run("init")

    ran = run("eject")

    assert ran.status == Exit.USAGE
    assert "no commit has this as it is" in ran.err
    assert made_in(app) == OURS


@pytest.mark.usefixtures("tagged")
def test_programs_are_told_what_became_of_each_file(run: CommandLine, app: Path) -> None:
    tried = json.loads(run("init", "--dry-run", "--json").out)
    done = json.loads(run("init", "--json").out)
    (app / files.CONFIG).write_text("schema: 1\n")
    kept = json.loads(run("init", "--json").out)

    assert (tried["dry_run"], done["dry_run"]) == (True, False)
    assert tried["files"] == done["files"]
    assert {each["outcome"] for each in done["files"]} == {"made"}
    assert done["notes"] == tried["notes"]
    (odd,) = (each for each in kept["files"] if each["outcome"] == "kept")
    assert odd["path"] == files.CONFIG
    assert odd["diff"].startswith(f"--- {files.CONFIG} (here)\n")


@pytest.mark.usefixtures("tagged")
def test_eject_can_be_tried_and_programs_are_told(run: CommandLine, app: Path) -> None:
    run("init")
    saved(app)

    tried = run("eject", "--dry-run")
    there = (app / files.CONFIG).exists()
    done = json.loads(run("eject", "--json").out)

    assert f"would remove {files.CONFIG}\n" in tried.out
    assert there
    assert {each["outcome"] for each in done["files"]} == {"removed"}
    assert not (app / files.CONFIG).exists()
