"""Source distributions on an index of one's own, through the real pip."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from engine_ci.errors import OutsideError
from engine_ci.pins.model import Commit, Pin, SourceBuild
from engine_ci.releases.detect import detect
from engine_ci.releases.sources import source_distributions
from engine_ci.system import pip
from tests.unit.artifact import wheels
from tests.unit.releases.build import EAGER, pin
from tests.unit.releases.code import asked
from tests.unit.system.clones import introduce
from tests.unit.system.test_git import run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.artifact.wheels import Index

NOW = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
UNKNOWN = "no tag of upstream tells its commit: `upstream.repository` has to have its build"


@pytest.fixture
def upstream(tmp_path: Path, home: Path) -> Path:
    """A repository with the build b11435."""
    introduce(home)
    folder = tmp_path / "upstream"
    run(tmp_path, "init", "--quiet", str(folder))
    run(folder, "commit", "--quiet", "--allow-empty", "-m", "all")
    run(folder, "tag", "b11435")
    return folder


@pytest.fixture
def published(index: Index, tmp_path: Path) -> Index:
    """The builds 11434 to 11436."""
    for build in (11434, 11435, 11436):
        index.publish(wheels.source_distribution(tmp_path, version=f"{build}.0.0"))
    return index


def pinned() -> Pin:
    files = {"name": "toy_engine-11434.0.0.tar.gz", "size": 1, "sha256": "0" * 64}
    made = pin().model_dump() | {
        "source": SourceBuild(kind="source-build", package=wheels.PACKAGE, flags=()),
        "version": "11434.0.0",
        "build": 11434,
        "platforms": {"macos-arm64": files, "ubuntu-x64": files},
    }
    return Pin.model_validate(made)


def test_the_newest_whose_commit_is_known_is_the_candidate_for_every_platform(
    published: Index, upstream: Path, tmp_path: Path
) -> None:
    at = pinned()

    found = detect(at, asked(at, upstream=upstream.as_uri()), policy=EAGER, now=NOW)

    chosen = found.chosen
    assert chosen is not None
    assert (chosen.version, chosen.build) == ("11435.0.0", 11435)
    assert chosen.commit == Commit(id=run(upstream, "rev-parse", "b11435"))
    asset = wheels.asset(tmp_path / "toy_engine-11435.0.0.tar.gz")
    assert {(each.name, each.sha256) for each in chosen.assets.values()} == {
        (asset.name, asset.sha256)
    }
    assert set(chosen.assets) == set(at.platforms)
    assert [decision.reason for decision in found.decisions] == [
        UNKNOWN,
        "candidate; its source does not tell its age: no cooldown",
    ]
    assert found.standing.troubles == ()
    assert "toy_engine-11436.0.0.tar.gz" not in published.downloads


@pytest.mark.usefixtures("published")
def test_where_nobody_is_to_be_asked_for_commits_nothing_is_chosen() -> None:
    at = pinned()

    found = detect(at, asked(at), policy=EAGER, now=NOW)

    assert found.chosen is None
    assert {decision.reason for decision in found.decisions} == {UNKNOWN}


def test_anything_but_one_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    at = pinned()
    monkeypatch.setattr(pip, "source_versions", lambda _: ["11434.0.0"])
    monkeypatch.setattr(pip, "run", lambda _: '{"install": []}')
    (offer,) = asked(at)

    with pytest.raises(OutsideError, match=r"pip reports 0 files for toy-engine==11434.0.0"):
        source_distributions.files(wheels.PACKAGE, offer, at)


def test_a_version_of_wheels_alone_is_no_source_code(index: Index, tmp_path: Path) -> None:
    index.publish(wheels.wheel(tmp_path, {}))

    with pytest.raises(OutsideError, match="No matching distribution"):
        pip.source_report(f"{wheels.PACKAGE}==1.0")
