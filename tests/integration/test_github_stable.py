"""Stable releases as an embedded GitHub shows them, and the builds that they stand for."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from engine_ci.config import Policy
from engine_ci.errors import GitHubError
from engine_ci.releases import detect, stable
from engine_ci.releases.sources import github_releases, github_stable, github_tags
from fixtures.github import Fault, GitHubServer
from tests.integration.upstreams import Upstream
from tests.unit.releases.upstream import NOON, REPOSITORY, pin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE = github_stable.FILE


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[Upstream]:
    with GitHubServer.start(
        tmp_path / "hub", tokens={}, owner="ggml-org", repository="llama.cpp"
    ) as server:
        yield Upstream(server, tmp_path)

    assert [record for record in server.requests if record.problem] == []


def tip(upstream: Upstream) -> str:
    """The one commit of the repository."""
    (sha,) = upstream.server.repository.branches().values()
    return sha


def publish(upstream: Upstream, tag: str, content: bytes | None = None) -> None:
    """A stable release, with its file where there is one."""
    upstream.server.hub.shelf.publish(
        tag, at=NOON, files={} if content is None else {FILE: content}, prerelease=False
    )


def resolved(upstream: Upstream) -> dict[str, str | None]:
    """By stable release its build, or why there is none."""
    at = upstream.place
    listed = github_releases.read(REPOSITORY, pin(), at=at)
    found = map(stable.resolve, github_stable.materials(listed, REPOSITORY, at=at))
    return {each.name: each.build or each.reason for each in found}


def test_the_newest_stable_releases_are_resolved_by_their_files(upstream: Upstream) -> None:
    upstream.publish(11194)
    for minor in (9, 10, 2, 4, 3, 1, 0):
        publish(upstream, f"v0.{minor}.0", f"b112{minor:02}\n".encode())
    upstream.publish(11300)

    assert list(resolved(upstream).items()) == [
        ("v0.10.0", "b11210"),
        ("v0.9.0", "b11209"),
        ("v0.4.0", "b11204"),
        ("v0.3.0", "b11203"),
        ("v0.2.0", "b11202"),
    ]
    assert "/repos/ggml-org/llama.cpp/releases/latest" not in [
        record.path for record in upstream.server.requests
    ]


def test_the_offers_and_the_stable_releases_are_told_from_one_list(upstream: Upstream) -> None:
    upstream.publish(11194, 11195)
    publish(upstream, "v0.5.0", b"b11195\n")

    found = detect.ask(pin(), policy=Policy(channel="stable"), at=upstream.place)

    assert {offer.version.text for offer in found.offers} == {"b11194", "b11195"}
    assert [(each.name, each.build) for each in found.stable] == [("v0.5.0", "b11195")]
    lists = [record for record in upstream.server.requests if record.path.endswith("/releases")]
    assert [record.status for record in lists] == [200]


def test_on_another_day_the_list_is_not_sent_again(upstream: Upstream) -> None:
    upstream.publish(11194)
    publish(upstream, "v0.5.0", b"b11146\n")
    upstream.offers()

    assert resolved(upstream) == {"v0.5.0": "b11146"}
    listed, again, *files = upstream.server.requests
    file, stored = (record.path for record in files)
    assert listed.path == again.path == "/repos/ggml-org/llama.cpp/releases"
    assert (listed.status, again.status) == (200, 304)
    assert file == "/ggml-org/llama.cpp/releases/download/v0.5.0/nightly-tag.txt"
    assert stored.startswith("/storage/")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"b" * 65, "could not be read: expected 64 bytes at most, found 65"),
        (b"main\n", "names no build: 'main\\n'"),
        (b"\xff\xfe", "names no build: '\\ufffd\\ufffd'"),
        (b"", "names no build: ''"),
    ],
)
def test_a_file_that_names_no_build_is_said_to(
    upstream: Upstream, content: bytes, said: str
) -> None:
    upstream.publish(11194)
    publish(upstream, "v0.5.0", content)

    assert resolved(upstream) == {"v0.5.0": f"its nightly-tag.txt {said}"}


def test_a_file_of_other_bytes_than_github_tells_is_not_believed(upstream: Upstream) -> None:
    upstream.publish(11194)
    publish(upstream, "v0.5.0", b"b11146\n")
    upstream.server.hub.shelf.releases[0].assets[0].content = b"b11111\n"

    assert "could not be read: expected sha256 " in str(resolved(upstream)["v0.5.0"])


def test_a_file_without_a_digest_is_read_all_the_same(upstream: Upstream) -> None:
    upstream.publish(11194)
    publish(upstream, "v0.5.0", b"b11146\n")
    upstream.server.hub.shelf.releases[0].assets[0].digest = None

    assert resolved(upstream) == {"v0.5.0": "b11146"}


def test_a_file_that_is_not_to_be_had_is_said_to(upstream: Upstream) -> None:
    upstream.publish(11194)
    publish(upstream, "v0.5.0", b"b11146\n")
    upstream.server.faults.add(Fault("GET .*nightly-tag.txt", status=410))

    assert resolved(upstream) == {"v0.5.0": "its nightly-tag.txt could not be read: status 410"}


@pytest.mark.parametrize("nested", [0, 1, 2])
def test_without_a_file_it_is_the_build_on_the_commit_of_the_tag(
    upstream: Upstream, nested: int
) -> None:
    upstream.publish(11194, 11205)
    publish(upstream, "v0.5.0")
    repository, target = upstream.server.repository, tip(upstream)
    repository.keep("refs/tags/b11146", target)
    repository.keep("refs/tags/master-b11146-0123456", target)
    repository.keep("refs/tags/v0.5.0", target)
    for _ in range(nested):
        repository.annotate("inner", target, message="x")
        target = repository.references("refs/tags/inner")[0].sha
        repository.keep("refs/tags/v0.5.0", target)
        repository.discard("refs/tags/inner")

    assert resolved(upstream) == {"v0.5.0": "b11146"}


def test_a_build_that_was_published_later_tells_nothing_of_where_to_look(
    upstream: Upstream,
) -> None:
    upstream.publish(11194, age_h=-5)
    publish(upstream, "v0.5.0")
    upstream.server.repository.keep("refs/tags/v0.5.0", tip(upstream))

    assert resolved(upstream)["v0.5.0"] == (
        "it has no nightly-tag.txt, and of builds on its commit "
        f"{tip(upstream)[:12]} one is expected, found none"
    )


def test_a_stable_release_without_file_and_tag_leads_nowhere(upstream: Upstream) -> None:
    upstream.publish(11194)
    publish(upstream, "v0.5.0")

    assert resolved(upstream) == {
        "v0.5.0": "it has no nightly-tag.txt, and its tag names no commit"
    }


def test_a_tag_of_tags_without_end_is_not_followed_to_it(upstream: Upstream) -> None:
    repository, target = upstream.server.repository, tip(upstream)
    for name in ("one", "two", "three", "four"):
        repository.annotate(name, target, message="x")
        target = repository.references(f"refs/tags/{name}")[0].sha

    with pytest.raises(GitHubError, match="names a tag that names a tag, and no commit"):
        github_tags.commit(REPOSITORY, "four", api=upstream.place.api)


def test_builds_are_looked_for_in_as_many_pages_as_github_cuts(upstream: Upstream) -> None:
    for build in range(11100, 11195):
        upstream.server.repository.keep(f"refs/tags/b{build}", tip(upstream))

    found = github_tags.builds_on(REPOSITORY, tip(upstream), near=11194, api=upstream.place.api)

    assert len(found) == 95
    assert len(upstream.asked) == 5  # four pages of b111…, one of b110…


def test_there_is_an_end_to_the_pages_too(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(github_tags, "_MOST_PAGES", 2)
    for build in range(11100, 11195):
        upstream.server.repository.keep(f"refs/tags/b{build}", tip(upstream))

    found = github_tags.builds_on(REPOSITORY, tip(upstream), near=11194, api=upstream.place.api)

    assert len(found) == 60


def test_an_older_stable_release_than_the_pin_is_read_as_well(upstream: Upstream) -> None:
    publish(upstream, "v0.4.0", b"b11000")
    upstream.publish(11194)
    upstream.server.hub.shelf.releases[1].published = NOON - timedelta(days=30)

    assert resolved(upstream) == {"v0.4.0": "b11000"}
