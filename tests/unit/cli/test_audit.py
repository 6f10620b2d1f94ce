"""`engine-ci audit`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from engine_ci.artifact import bundle
from engine_ci.errors import Exit
from tests.unit.artifact import test_mac_bundle, wheels

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.command import CommandLine


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    path = wheels.wheel(tmp_path, wheels.engine())
    bundle.prepare(wheels.request(tmp_path, wheels.asset(path), archive=path))
    return tmp_path / "bundle"


@pytest.fixture
def mac_engine(tmp_path: Path) -> Path:
    bundle.prepare(test_mac_bundle.request(tmp_path, test_mac_bundle.archive(tmp_path)))
    return tmp_path / "bundle"


def test_a_sound_engine_is_said_to_be_so_without_a_configuration(
    run: CommandLine, engine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    ran = run("audit", str(engine), "--platform", "ubuntu-x64")

    assert (ran.status, ran.err) == (Exit.OK, "")
    assert ran.out == "bin/llama-server and 2 libraries: sound\n"


@pytest.mark.usefixtures("app")
def test_errors_end_with_the_status_of_verification(run: CommandLine, engine: Path) -> None:
    (engine / "more").write_bytes(b"")

    ran = run("audit", str(engine), "--platform", "ubuntu-x64")
    as_json = run("audit", str(engine), "--platform", "ubuntu-x64", "--json")

    assert ran.status == as_json.status == Exit.VERIFICATION
    assert ran.out == (
        "error: more: bundle.json does not name it\n"
        "bin/llama-server and 2 libraries: not fit to be shipped\n"
    )
    assert json.loads(as_json.out)["findings"][0]["path"] == "more"


def test_a_configuration_that_was_asked_for_must_be_there(run: CommandLine, engine: Path) -> None:
    ran = run("audit", str(engine), "--config", "other.yaml", "--platform", "ubuntu-x64")

    assert ran.status == Exit.USAGE
    assert "other.yaml: there is no such file" in ran.err


def test_the_apps_own_list_counts_on_a_mac(run: CommandLine, mac_engine: Path, app: Path) -> None:
    (app / "tauri.json").write_text('{"frameworks": ["lib/libllama.0.dylib"]}')
    config = (
        (app / "engine-ci.yaml")
        .read_text()
        .replace("bundle:\n", "bundle:\n  frameworks_list: {file: tauri.json, path: frameworks}\n")
    )
    (app / "engine-ci.yaml").write_text(config)

    ran = run("audit", str(mac_engine), "--platform", "macos-arm64")

    assert ran.status == Exit.VERIFICATION
    assert "not those that tauri.json lists: added libggml-base.0.dylib" in ran.out


def test_a_list_that_is_none_is_a_wrong_configuration(
    run: CommandLine, engine: Path, app: Path
) -> None:
    (app / "tauri.json").write_text('{"frameworks": 7}')
    config = (app / "engine-ci.yaml").read_text()
    policy = "bundle:\n  frameworks_list: {file: tauri.json, path: frameworks}\n"
    (app / "engine-ci.yaml").write_text(config.replace("bundle:\n", policy))

    ran = run("audit", str(engine), "--platform", "macos-arm64")

    assert ran.status == Exit.USAGE
    assert "no list of paths at `frameworks`: TypeError" in ran.err
