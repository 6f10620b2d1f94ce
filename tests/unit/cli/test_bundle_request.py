"""What is to be made of a release."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine_ci.cli.bundle_request import makes, request_for
from engine_ci.cli.platforms import known_platform
from engine_ci.cli.workspace import open_workspace
from engine_ci.pins.model import Commit
from engine_ci.records.candidate import Release
from tests.unit.artifact import code, wheels
from tests.unit.cli.command import write_code_pin

if TYPE_CHECKING:
    from engine_ci.pins.model import Platform


@pytest.mark.usefixtures("toy")
def test_all_bundles_of_one_run_share_what_it_has_hashed() -> None:
    workspace = open_workspace(Path("engine-ci.yaml"), pin=None, work=Path(".engine-ci"))
    one, two = (
        request_for(
            workspace,
            workspace.pin,
            into=Path(name),
            platform="ubuntu-x64",
            told=lambda *_: None,
        )
        for name in ("one", "two")
    )

    assert one.hashed is two.hashed


def test_of_source_code_a_machine_makes_bundles_for_itself_alone(app: Path, tmp_path: Path) -> None:
    write_code_pin(app, wheels.asset(code.archive(tmp_path)))
    other: Platform = "macos-x64" if known_platform(None) != "macos-x64" else "macos-arm64"

    def made_for(platform: Platform) -> bool:
        workspace = open_workspace(Path("engine-ci.yaml"), pin=None, work=Path(".engine-ci"))
        return makes(workspace, platform)

    assert made_for(known_platform(None))
    assert not made_for(other)

    config = app / "engine-ci.yaml"
    own = "bundle:\n  prepare: {command: ['true'], leaves: binaries}\n"
    config.write_text(config.read_text().replace("bundle:\n", own))
    assert made_for(other)


@pytest.mark.parametrize(
    ("commit", "named"), [(Commit(id="7" * 40), {"the tag": Commit(id="7" * 40)}), (None, {})]
)
def test_the_commit_of_a_tag_is_held_against_the_engines(
    app: Path, tmp_path: Path, commit: Commit | None, named: dict[str, Commit]
) -> None:
    write_code_pin(app, wheels.asset(code.archive(tmp_path)))
    workspace = open_workspace(Path("engine-ci.yaml"), pin=None, work=Path(".engine-ci"))
    release = Release(version="11435.0.0", build=11435, commit=commit)

    asked = request_for(
        workspace, release, into=Path("one"), platform=known_platform(None), told=lambda *_: None
    )

    assert asked.commits == named
    assert asked.recipe is not None
    assert asked.recipe.commit == (str(commit) if commit else None)
