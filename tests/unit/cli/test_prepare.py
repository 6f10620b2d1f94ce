"""`engine-ci prepare`, against a package index on loopback."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine_ci.cli.platforms import known_platform
from engine_ci.cli.prepare import listed
from engine_ci.errors import Exit
from engine_ci.pins import store
from engine_ci.records.bundle import Edit
from tests.unit.artifact import code, wheels
from tests.unit.bump import records
from tests.unit.cli.command import UNASKED, write_code_pin, write_release
from tests.unit.shelf import Shelf, says

if TYPE_CHECKING:
    from tests.unit.artifact.wheels import Index
    from tests.unit.cli.command import CommandLine


def test_the_current_pin_becomes_a_bundle(run: CommandLine, toy: Index, app: Path) -> None:
    ran = run("prepare", "--current")

    assert (ran.status, ran.out) == (Exit.OK, ".engine-ci/baseline\n")
    assert ran.err.startswith("prepare 1.0: fetch\nprepare 1.0: unpack\n")
    assert (app / ".engine-ci" / "baseline" / "bin" / "llama-server").exists()
    assert len(toy.downloads) == 1


@pytest.mark.usefixtures("toy")
def test_a_dry_run_says_what_would_be_there_and_leaves_nothing(run: CommandLine, app: Path) -> None:
    ran = run("prepare", "--current", "--dry-run")

    assert ran.status == Exit.OK
    lines = ran.out.splitlines()
    kept = [line for line in lines if line.startswith("keep  bin/")]
    assert re.fullmatch(r"keep  bin/llama-server \([\d,]+ bytes\): the program itself", kept[1])
    assert kept[0].endswith(": a run-time backend that the app wants")
    assert [line for line in lines if line.startswith("keep  ")][-1] == kept[1]
    assert any(line.startswith("drop  toy_engine/bin/libggml-vulkan.so") for line in lines)
    assert lines[-1].startswith("tree  ")
    assert not (app / ".engine-ci" / "baseline").exists()


@pytest.mark.usefixtures("toy")
def test_a_signer_that_nobody_knows_is_named(run: CommandLine) -> None:
    ran = run("prepare", "--current", "--signer", "gpg")

    assert ran.status == Exit.USAGE
    assert "there is no signer `gpg`" in ran.err


def test_the_candidate_becomes_a_bundle_that_is_printed(
    run: CommandLine, toy: Index, tmp_path: Path
) -> None:
    files = {name.replace("1.0", "1.1"): data for name, data in wheels.engine().items()}
    toy.publish(wheels.wheel(tmp_path, files, version="1.1"))

    detected = run("detect")
    ran = run("prepare", "--into", "there", "--json")

    assert detected.err == ""
    assert detected.out.splitlines() == [
        "toy 1.0: 1 release is newer; its source does not tell how old it is",
        "→ 1.1  candidate; its source does not tell its age: no cooldown",
        UNASKED,
    ]
    assert ran.status == Exit.OK
    assert json.loads(ran.out)["version"] == "1.1"


def test_a_local_file_can_stand_in_for_the_download_and_is_as_strictly_verified(
    run: CommandLine, toy: Index, app: Path, tmp_path: Path
) -> None:
    page = tmp_path / "page.whl"
    page.write_text("<html>", encoding="utf-8")

    ran = run("prepare", "--current", "--archive", str(page))

    assert ran.status == Exit.VERIFICATION
    assert "toy_engine-1.0" in ran.err
    assert not (app / ".engine-ci" / "baseline").exists()
    assert toy.downloads == []


@pytest.mark.usefixtures("toy")
def test_without_a_candidate_there_is_nothing_to_prepare(run: CommandLine) -> None:
    missing = run("prepare")
    nothing = run("detect")
    ran = run("prepare")

    assert (missing.status, nothing.out) == (
        Exit.USAGE,
        f"toy 1.0: nothing newer; its source does not tell how old it is\n{UNASKED}\n",
    )
    assert ran.status == Exit.USAGE
    assert "nothing was chosen" in ran.err


def test_a_candidate_for_another_pin_is_refused(run: CommandLine, toy: Index, app: Path) -> None:
    run("detect")
    pin = store.load(app / "pins" / "llama.cpp.yaml")
    moved = pin.model_copy(update={"version": "0.9"})
    (app / "pins" / "llama.cpp.yaml").write_text(store.dump(moved), encoding="utf-8")

    ran = run("prepare")

    assert ran.status == Exit.USAGE
    assert "made for toy 1.0, the pin is toy 0.9" in ran.err
    assert toy.downloads == []


def test_an_archive_of_a_release_is_prepared_offline_under_any_name(
    run: CommandLine, app: Path, tmp_path: Path
) -> None:
    archive = wheels.release(tmp_path)
    write_release(app, wheels.asset(archive), build=11434, commit="86a2835")
    here = archive.rename(tmp_path / "downloaded")

    ran = run("prepare", "--current", "--archive", str(here), "--json")

    assert ran.status == Exit.OK
    assert json.loads(ran.out)["server"] == "llama-server"
    assert json.loads(ran.out)["build"] == 11434


def test_an_archive_of_a_release_is_as_strictly_verified(
    run: CommandLine, app: Path, tmp_path: Path
) -> None:
    archive = wheels.release(tmp_path)
    write_release(app, wheels.asset(archive), build=11434, commit="86a2835")
    archive.write_bytes(archive.read_bytes()[:-1] + b"\1")

    ran = run("prepare", "--current", "--archive", str(archive))

    assert ran.status == Exit.VERIFICATION
    assert "expected sha256" in ran.err


def test_archives_of_releases_come_from_mirrors_and_then_from_their_publisher(
    run: CommandLine, app: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(Path(__file__).parents[3] / "pins" / "llama.cpp.yaml", app / "pins")
    with (app / "engine-ci.yaml").open("a") as file:
        file.write("mirrors: [vendor]\n")

    with Shelf() as shelf:
        shelf.replies.append(says(404))
        monkeypatch.setenv("ENGINE_CI_RELEASES_URL", shelf.url)
        ran = run("prepare", "--current", "--platform", "macos-arm64")

    name = "llama-b11194-bin-macos-arm64.tar.gz"
    assert ran.status == Exit.OUTSIDE
    assert f"vendor: no {name} in it; 127.0.0.1: status 404" in ran.err
    (asked, _) = shelf.asked[0]
    assert asked == f"/ggml-org/llama.cpp/releases/download/b11194/{name}"


def test_a_pin_of_source_code_is_built_with_the_apps_patches(
    run: CommandLine, app: Path, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = code.pretended_cmake(tmp_path)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    archive = code.archive(tmp_path)
    write_code_pin(app, wheels.asset(archive))
    shutil.copy(archive, app / "mirror")

    ran = run("prepare", "--current", "--json")

    assert ran.status == Exit.OK, ran.err
    made = json.loads(ran.out)["built"]
    assert (made["commit"], made["patches"][0]["file"]) == ("86a2835", "answer.patch")
    assert "prepare 11434.0.0: configure\n" in ran.err
    assert (home / ".cache" / "engine-ci" / "source-builds").is_dir()


def test_another_machine_has_to_build_for_another_platform(
    run: CommandLine, app: Path, tmp_path: Path
) -> None:
    write_code_pin(app, wheels.asset(code.archive(tmp_path)))
    other = "macos-x64" if known_platform(None) != "macos-x64" else "macos-arm64"

    ran = run("prepare", "--current", "--platform", other)

    assert ran.status == Exit.USAGE
    assert f"built from source, which this machine does not for {other}" in ran.err


def test_the_apps_own_command_serves_a_pin_without_a_download(
    run: CommandLine, toy: Index, app: Path
) -> None:
    run("prepare", "--current", "--into", "binaries")
    (app / "binaries" / "bundle.json").unlink()
    downloads = len(toy.downloads)
    config = (
        (app / "engine-ci.yaml")
        .read_text()
        .replace("bundle:\n", "bundle:\n  prepare: {command: ['true'], leaves: binaries}\n")
    )
    (app / "engine-ci.yaml").write_text(config)

    ran = run("prepare", "--current", "--json")

    assert ran.status == Exit.OK, ran.err
    assert json.loads(ran.out)["provenance"] == {}
    assert (app / ".engine-ci" / "prepare.log").exists()
    assert len(toy.downloads) == downloads


def test_a_candidate_of_the_apps_own_command_is_hashed_for_the_pin(
    run: CommandLine, toy: Index, app: Path, tmp_path: Path
) -> None:
    files = {name.replace("1.0", "1.1"): data for name, data in wheels.engine().items()}
    toy.publish(wheels.wheel(tmp_path, files, version="1.1"))
    run("detect")
    run("prepare", "--into", "binaries")
    (app / "binaries" / "bundle.json").unlink()
    config = (
        (app / "engine-ci.yaml")
        .read_text()
        .replace("bundle:\n", "bundle:\n  prepare: {command: ['true'], leaves: binaries}\n")
    )
    (app / "engine-ci.yaml").write_text(config)

    ran = run("prepare", "--json")

    assert ran.status == Exit.OK, ran.err
    assert list(json.loads(ran.out)["provenance"]) == ["ubuntu-x64"]


def test_a_listing_tells_what_is_otherwise_in_a_file_below_it() -> None:
    bundle = records.bundle()
    moved = bundle.files[0].model_copy(
        update={
            "edits": (
                Edit(what="name", old="lib/libllama.0.1.dylib", new="libllama.0.dylib"),
                Edit(what="dependency", old="@loader_path/b.dylib", new="@rpath/b.dylib"),
                Edit(what="run path", old="/Users/runner/build"),
                Edit(what="run path", new="@loader_path"),
                Edit(what="signature", new="ad hoc"),
            )
        }
    )
    listing = listed(bundle.model_copy(update={"files": (moved, *bundle.files[1:])}))

    first, *below, other = listing.splitlines()[:7]
    assert first.startswith(f"keep  {moved.path} ")
    assert below == [
        "      name  lib/libllama.0.1.dylib → libllama.0.dylib",
        "      dependency  @loader_path/b.dylib → @rpath/b.dylib",
        "      without run path  /Users/runner/build",
        "      new run path  @loader_path",
        "      new signature  ad hoc",
    ]
    assert other.startswith("keep  ")


def test_a_listing_names_the_signer_of_a_bundle_that_has_one() -> None:
    for name, told in (
        ("builtin", "builtin (verified on Linux only)"),
        ("codesign", "codesign"),
    ):
        signed = records.bundle(signer=name, tree_sha256="7" * 64)

        assert listed(signed).endswith(f"\nsigner  {told}\ntree  {'7' * 64}")
