from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci import config
from engine_ci.config import Delegation, FrameworksList
from engine_ci.pins import store
from engine_ci.pins.targets import Target
from engine_ci.setup import files, shipped
from engine_ci.setup.app import App
from tests.unit.setup.test_app import SILENT
from tests.unit.setup.test_places import OLD

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = App(
    minimum_os="13.4",
    frameworks=FrameworksList(file="src tauri/it's.json", path="bundle.macOS.frameworks"),
    command=("npm", "run", "engine: ensure"),
    leaves="src-tauri/binaries",
)


def loaded(folder: Path, app: App, *targets: Target) -> config.Config:
    path = folder / "engine-ci.yaml"
    path.write_text(files.config(OLD, app=app, targets=targets), encoding="utf-8")
    return config.load(path)


@pytest.mark.parametrize("app", [SILENT, WHOLE])
def test_the_configuration_loads_and_says_what_the_app_says(tmp_path: Path, app: App) -> None:
    found = loaded(tmp_path, app)

    assert found.pins == (files.PIN,)
    assert found.platforms == ("macos-arm64", "ubuntu-x64")
    assert found.bundle.minimum_os == app.minimum_os
    assert found.bundle.frameworks_list == app.frameworks


def test_the_apps_own_command_brings_the_engine_where_it_has_one(tmp_path: Path) -> None:
    assert loaded(tmp_path, WHOLE).bundle.prepare == Delegation(
        command=("npm", "run", "engine: ensure"), leaves="src-tauri/binaries"
    )


def test_without_the_folder_that_it_leaves_engine_ci_does(tmp_path: Path) -> None:
    app = App(minimum_os=None, frameworks=None, command=("make", "engine"), leaves=None)

    assert loaded(tmp_path, app).bundle.prepare == "builtin"


@given(before=st.text(max_size=8), after=st.text(max_size=8))
def test_a_pattern_stands_in_it_as_it_was_found(
    tmp_path_factory: pytest.TempPathFactory, before: str, after: str
) -> None:
    target = Target(file="a.ts", pattern=f"{re.escape(before)}(?P<build>b\\d+){re.escape(after)}")

    assert loaded(tmp_path_factory.mktemp("app"), SILENT, target).targets == (target,)


def test_a_person_has_a_dozen_lines_to_fill_at_most() -> None:
    text = files.config(OLD, app=SILENT, targets=())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]

    assert len(lines) <= 12
    assert sum("?" in line for line in lines) <= 5


def test_every_file_is_made() -> None:
    made = files.written(OLD, app=SILENT, targets=(), workflows={"engine-x.yml": "a"}, version="9")

    assert made[files.PIN] == store.dump(OLD)
    assert made[".github/engine-ci.txt"].splitlines()[-1] == "engine-ci==9"
    assert made[".github/engine-ci-report.txt"].splitlines()[-1] == "engine-ci[report]==9"
    assert made[".github/workflows/engine-x.yml"] == "a"
    assert set(made) == {
        files.CONFIG, files.PIN, *files.REQUIREMENTS, ".github/workflows/engine-x.yml",
    }  # fmt: skip


def test_the_workflows_ship() -> None:
    found = shipped.workflows()

    assert {"engine-bump.yml", "engine-gate.yml", "engine-review.yml"} <= set(found)


def test_an_installed_program_has_them_beside_it(tmp_path: Path) -> None:
    (tmp_path / "workflows").mkdir()
    (tmp_path / "workflows" / "engine-x.yml").write_text("on: push\n")

    assert shipped.workflows(tmp_path) == {"engine-x.yml": "on: push\n"}
