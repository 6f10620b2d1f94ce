"""`engine-ci bump` of a pin of source code: a real git, a real compiler, a gate that says yes."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from engine_ci.cli import bundles, gate, propose
from engine_ci.cli.platforms import known_platform
from engine_ci.cli.workspace import open_workspace
from engine_ci.errors import Exit
from engine_ci.pins import store
from engine_ci.pins.model import Asset, Commit, Pin, SourceBuild
from engine_ci.records.gate import Engines, GateResult
from engine_ci.system import documents, git_source
from tests.unit.artifact import code
from tests.unit.bump import records
from tests.unit.cli.command import CommandLine, app_in
from tests.unit.system.clones import introduce
from tests.unit.system.test_git import run as git

pytestmark = pytest.mark.skipif(shutil.which("cmake") is None, reason="CMake is not installed")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(capsys)


@pytest.fixture
def upstream(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The toy engine's source code as build b11434, three weeks ago."""
    introduce(home)
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2026-11-01T12:00:00Z")
    folder = tmp_path / "upstream"
    git(tmp_path, "init", "--quiet", str(folder))
    build(folder, 11434)
    return folder


def build(upstream: Path, number: int, **changed: bytes) -> None:
    """The code with some files changed, as upstream's next build."""
    for name, content in code.FILES.items():
        path = upstream / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(changed.get(path.stem, content))
    git(upstream, "add", ".")
    git(upstream, "commit", "--quiet", "--allow-empty", "-m", f"b{number}")
    git(upstream, "tag", f"b{number}")


@pytest.fixture
def app(upstream: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An app that pins b11434 with a patch of its own, for this machine and another one."""
    folder = app_in(tmp_path)
    monkeypatch.chdir(folder)
    commit = git(upstream, "rev-parse", "b11434")
    file = tmp_path / "llama.cpp-b11434.tar"
    git_source.archive(upstream.as_uri(), tag="b11434", commit=commit, into=file)
    asset = Asset(
        name=file.name,
        size=file.stat().st_size,
        sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
        images=("bin/of-that-build",),
        tree_sha256="0" * 64,
    )
    here = asset.model_copy(update={"images": None, "tree_sha256": None})
    pin = Pin(
        schema=1,
        name="llama.cpp",
        adapter="llama-server",
        source=SourceBuild(
            kind="source-build",
            repository=upstream.as_uri(),
            flags=("-DCMAKE_BUILD_TYPE=Release",),
            patches=(code.patch(folder),),
        ),
        version="b11434",
        build=11434,
        commit=Commit(id=commit),
        platforms={known_platform(None): here, "windows-x64": asset},
    )
    (folder / "pins" / "llama.cpp.yaml").write_text(store.dump(pin), encoding="utf-8")
    git(folder, "init", "--quiet")
    git(folder, "commit", "--quiet", "--allow-empty", "-m", "Start")
    return folder


@pytest.fixture(autouse=True)
def content(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate has nothing against anything."""

    def passed(*_: object, candidate: Path, baseline: Path, out: Path, **__: object) -> GateResult:
        new, old = (
            records.engine(made.version, tree="0").model_copy(
                update={"tree_sha256": made.tree_sha256, "platform": made.platform}
            )
            for made in map(bundles.read_bundle, (candidate, baseline))
        )
        result = records.result(engines=Engines(candidate=new, baseline=old))
        documents.write(out / "gate.json", documents.dump_json(result))
        return result

    monkeypatch.setattr(gate, "run", passed)


def test_the_newest_build_that_takes_the_patch_and_builds_is_proposed(
    run: CommandLine, app: Path, upstream: Path
) -> None:
    build(upstream, 11435, server=code.FILES["server.c"].replace(b"answer();", b"answer() + 1;"))
    build(upstream, 11436, llama=code.FILES["llama.c"].replace(b"41", b"40"))
    build(upstream, 11437, server=b"#error not yet\n")

    ran = run("bump")

    assert ran.status == Exit.OK, ran.err
    patch = "the patch answer.patch (1 of 1) no longer applies: patch failed: llama.c:3"
    assert f"refused b11436: {patch}" in ran.err
    assert "refused b11437: the source code could not be built: " in ran.err
    assert "Bump llama.cpp from b11434 to b11435" in ran.out
    seen = json.loads((app / ".engine-ci" / "candidate.json").read_text())
    assert seen["chosen"]["commit"]["id"] == git(upstream, "rev-parse", "b11435")
    assert [each["version"] for each in seen["refused"]] == ["b11436", "b11437"]


def test_the_new_pin_is_exact_for_a_platform_that_is_not_built_here(
    run: CommandLine, app: Path, upstream: Path
) -> None:
    build(upstream, 11435, cpu=code.FILES["cpu.c"].replace(b"0", b"7"))

    ran = run("bump")

    assert ran.status == Exit.OK, ran.err
    plan = propose.planned(
        open_workspace(Path("engine-ci.yaml"), pin=None, work=Path(".engine-ci"))
    )
    (app / "new.yaml").write_text(plan.after["pins/llama.cpp.yaml"], encoding="utf-8")
    new = store.load(app / "new.yaml")
    here = known_platform(None)
    built, other = new.platforms[here], new.platforms["windows-x64"]
    assert new.commit == Commit(id=git(upstream, "rev-parse", "b11435"))
    assert built.images is not None
    assert (other.images, other.tree_sha256) == (None, None)
    assert (other.name, other.size, other.sha256) == (built.name, built.size, built.sha256)
    assert built.name == "llama.cpp-b11435.tar"
    assert "`windows-x64`: its file was hashed, its bundle not made here, and nothing" in plan.body
    assert "built here" in plan.body


def test_a_patch_that_no_release_takes_leaves_the_pin_and_is_named(
    run: CommandLine, app: Path, upstream: Path
) -> None:
    build(upstream, 11435, llama=code.FILES["llama.c"].replace(b"41", b"40"))

    ran = run("bump")

    assert ran.status == Exit.GATE_SAYS_NO
    assert "llama.cpp stays at b11434: b11435 was refused, the patch answer.patch (1 of 1)" in (
        ran.err
    )
    assert (app / ".engine-ci" / "baseline" / "bundle.json").exists()
