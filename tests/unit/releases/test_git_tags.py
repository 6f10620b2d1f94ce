"""Builds of source code, which are the tags of a real repository."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from engine_ci.errors import PinError, VerificationError
from engine_ci.pins.model import Commit, SourceBuild
from engine_ci.releases.detect import detect
from engine_ci.releases.sources import git_tags
from engine_ci.system import git_source
from tests.unit.releases.build import EAGER, pin
from tests.unit.releases.code import asked
from tests.unit.system.clones import introduce
from tests.unit.system.test_git import run

if TYPE_CHECKING:
    from pathlib import Path

    from engine_ci.pins.model import Pin

NOW = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)


@pytest.fixture
def upstream(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the builds b9998, b9999, b10000 and b10001, a day apart, and other tags."""
    introduce(home)
    folder = tmp_path / "upstream"
    run(tmp_path, "init", "--quiet", str(folder))
    for day, tag in enumerate(("b9998", "b9999", "b10000", "b10001"), start=1):
        monkeypatch.setenv("GIT_COMMITTER_DATE", f"2026-11-0{day}T12:00:00Z")
        (folder / "code.c").write_text(tag)
        run(folder, "add", ".")
        run(folder, "commit", "--quiet", "-m", tag)
        run(folder, "tag", tag)
    for tag in ("v0.4.1", "b10001-rc", "gguf-v0.18.0"):
        run(folder, "tag", tag)
    return folder


def pinned(upstream: Path, tag: str = "b9999", **changes: object) -> Pin:
    commit = run(upstream, "rev-parse", tag)
    made = pin("b9999").model_dump() | {
        "source": SourceBuild(kind="source-build", repository=upstream.as_uri(), flags=()),
        "version": tag,
        "build": int(tag.removeprefix("b")),
        "commit": Commit(id=commit),
        "platforms": {
            platform: {"name": f"llama.cpp-{tag}.tar", "size": 1, "sha256": "0" * 64}
            for platform in ("macos-arm64", "ubuntu-x64")
        },
    }
    return type(pin()).model_validate(made | changes)


def test_the_pinned_build_and_newer_ones_are_offered_with_commit_and_date(upstream: Path) -> None:
    found = {
        each.version.text: each for each in git_tags.offers(upstream.as_uri(), pinned(upstream))
    }

    assert set(found) == {"b9999", "b10000", "b10001"}
    newest = found["b10001"]
    assert newest.commit == Commit(id=run(upstream, "rev-parse", "b10001"))
    assert newest.published == datetime(2026, 11, 4, 12, tzinfo=UTC)
    assert newest.platforms == {"macos-arm64", "ubuntu-x64"}


def test_the_candidate_names_one_archive_for_all_platforms_and_whose_age_it_has(
    upstream: Path, tmp_path: Path
) -> None:
    at = pinned(upstream)

    found = detect(at, asked(at), policy=EAGER, now=NOW)

    chosen = found.chosen
    assert chosen is not None
    assert chosen.commit == Commit(id=run(upstream, "rev-parse", "b10001"))
    git_source.archive(
        upstream.as_uri(), tag="b10001", commit=str(chosen.commit), into=tmp_path / "code.tar"
    )
    data = (tmp_path / "code.tar").read_bytes()
    assert {(asset.name, asset.size, asset.sha256) for asset in chosen.assets.values()} == {
        ("llama.cpp-b10001.tar", len(data), hashlib.sha256(data).hexdigest())
    }
    assert set(chosen.assets) == set(at.platforms)
    assert found.decisions[0].reason == (
        "candidate; its age is that of its commit, and its tag may be younger"
    )
    assert found.standing.age_days == 18


def test_a_pinned_tag_that_was_moved_ends_it(upstream: Path) -> None:
    before = pinned(upstream)
    run(upstream, "tag", "--force", "b9999", "b10000")

    with pytest.raises(VerificationError, match=f"tag b9999 on the commit {before.commit}, found"):
        asked(before)


def test_a_tag_that_is_moved_once_it_was_listed_is_refused(upstream: Path) -> None:
    at = pinned(upstream)
    newest = max(asked(at), key=lambda offer: offer.version.order)
    run(upstream, "tag", "--force", "b10001", "b10000")

    with pytest.raises(VerificationError, match="expected the tag b10001 on the commit"):
        git_tags.files(upstream.as_uri(), newest, at)


def test_a_pinned_tag_that_is_gone_was_withdrawn(upstream: Path) -> None:
    at = pinned(upstream)
    run(upstream, "tag", "--delete", "b9999")

    found = detect(at, asked(at), policy=EAGER, now=NOW)

    assert found.standing.troubles == ("withdrawn: the source has no b9999 any more",)


def test_where_no_build_is_left_nothing_is_fetched(
    upstream: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = pinned(upstream, "b10001")
    run(upstream, "tag", "--delete", "b10001")
    monkeypatch.setattr(git_source, "dates", lambda *_: pytest.fail("dates were asked for"))

    assert asked(at) == []


def test_a_pin_of_another_tag_than_a_builds_cannot_be_compared(upstream: Path) -> None:
    at = pinned(upstream).model_copy(update={"version": "v0.4.1"})

    with pytest.raises(PinError, match=r"`version` is v0.4.1, which is no tag of a build"):
        asked(at)
