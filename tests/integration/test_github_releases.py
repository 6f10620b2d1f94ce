"""Releases as an embedded GitHub shows them, read over HTTP: what is offered, and at what cost."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from engine_ci.errors import GitHubError, PinError, VerificationError
from engine_ci.releases import reach
from engine_ci.releases.sources import release_list
from fixtures.github import Fault, GitHubServer, Login
from tests.integration.upstreams import Upstream
from tests.unit.releases.upstream import NOON, content, names, pin, sha256

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FIRST = "releases?per_page=100"
LINUX = "llama-b11196-bin-ubuntu-x64.tar.gz"


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[Upstream]:
    with GitHubServer.start(
        tmp_path / "hub",
        tokens={"t": Login("somebody", write=True)},
        owner="ggml-org",
        repository="llama.cpp",
    ) as server:
        yield Upstream(server, tmp_path)

    assert [record for record in server.requests if record.problem] == []


def test_everything_since_the_pin_is_offered_and_nothing_older(upstream: Upstream) -> None:
    upstream.publish(11193, 11194, 11195)
    upstream.server.hub.shelf.publish("v0.5.0", at=NOON, prerelease=False)
    upstream.publish(11196, age_h=5)

    found = upstream.offers()

    assert set(found) == {"b11194", "b11195", "b11196"}
    assert all(offer.platforms == {"macos-arm64", "ubuntu-x64"} for offer in found.values())
    assert found["b11196"].published == NOON - timedelta(hours=5)
    assert found["b11196"].assets["ubuntu-x64"].sha256 == sha256(LINUX)
    assert found["b11196"].assets["ubuntu-x64"].size == len(content(LINUX))
    assert [offer.flaws for offer in found.values()] == [()] * 3
    assert upstream.heard == []


def test_the_order_of_the_list_means_nothing(upstream: Upstream) -> None:
    for build in (9994, 10012, 9995, 9999, 9996):
        upstream.publish(build)

    assert set(upstream.offers(pin(9995))) == {"b9995", "b9996", "b9999", "b10012"}


def test_one_request_is_enough_and_the_next_day_one_that_is_answered_304(
    upstream: Upstream,
) -> None:
    upstream.publish(*range(11160, 11255))

    first, second = upstream.offers(), upstream.offers()

    assert first == second
    assert upstream.asked == [(FIRST, 200), (FIRST, 304)]


def test_it_reads_on_until_the_pin_is_passed_for_sure(upstream: Upstream) -> None:
    upstream.publish(*range(11100, 11194 + 100))

    found = upstream.offers()
    upstream.offers()

    assert len(found) == 100
    assert [path for path, _ in upstream.asked] == [
        FIRST, "releases?per_page=100&page=2", FIRST
    ]  # fmt: skip


def test_behind_a_page_that_changed_the_next_one_is_asked_for_again(upstream: Upstream) -> None:
    upstream.publish(*range(11100, 11194 + 100))
    upstream.offers()
    upstream.publish(12000)

    assert "b12000" in upstream.offers()
    assert len(upstream.asked) == 4


def test_pages_that_were_read_at_different_times_are_never_put_together(
    upstream: Upstream,
) -> None:
    upstream.publish(*range(11100, 11194 + 100))
    upstream.offers()
    upstream.publish(*range(11294, 11305))
    upstream.offers(pin(11290))  # reads the first page only, which has changed

    assert set(upstream.offers()) == {f"b{build}" for build in range(11194, 11305)}


def test_a_build_at_a_page_s_end_behind_a_day_of_older_ones_is_not_missed(
    upstream: Upstream,
) -> None:
    upstream.publish(11195)
    upstream.publish(*range(11195 - reach.DISORDER, 11195))
    upstream.publish(*range(11200, 11200 + 100 - reach.DISORDER))

    assert "b11195" in upstream.offers(pin(11194))


def test_a_pin_far_back_is_looked_up_by_its_tag_and_that_is_said(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release_list, "MOST_PAGES", 2)
    upstream.publish(*range(11194, 11194 + 250))

    found = upstream.offers()

    assert upstream.asked[-1] == ("releases/tags/b11194?", 200)
    assert (len(found), len(upstream.asked)) == (201, 3)
    assert found["b11194"].flaws == ()
    assert upstream.heard == [
        "ggml-org/llama.cpp: 200 releases were read, which are not all since b11194"
    ]


def test_a_pinned_release_that_is_gone_is_offered_no_more(upstream: Upstream) -> None:
    upstream.publish(11195)

    assert set(upstream.offers()) == {"b11195"}
    assert upstream.asked[-1] == ("releases/tags/b11194?", 404)


def test_a_build_that_is_not_whole_yet_is_offered_with_its_flaws(upstream: Upstream) -> None:
    upstream.publish(11194)
    release = upstream.publish(11196)
    release.assets = [asset for asset in release.assets if "ubuntu-x64" not in asset.name]
    release.assets[-2].state = "open"

    found = upstream.offers()["b11196"]

    assert found.platforms == frozenset()
    assert found.flaws == (
        f"{LINUX} is not there",
        "llama-b11196-bin-macos-arm64.tar.gz is not whole yet: its state is 'open'",
    )


def test_a_file_that_was_replaced_is_refused_from_then_on(upstream: Upstream) -> None:
    upstream.publish(11194)
    release = upstream.publish(11196)
    assert upstream.offers()["b11196"].flaws == ()
    place = next(n for n, asset in enumerate(release.assets) if asset.name == LINUX)
    release.assets[place] = upstream.server.hub.shelf.asset(LINUX, b"something else")

    for _ in range(2):
        (flaw,) = upstream.offers()["b11196"].flaws
        assert f"{LINUX} was replaced by another upload since it was first seen" in flaw


def test_a_build_that_was_taken_away_is_told_until_the_pin_passes_it(upstream: Upstream) -> None:
    upstream.publish(11194, 11195, 11196)
    upstream.offers()
    releases = upstream.server.hub.shelf.releases
    releases[:] = [each for each in releases if each.tag != "b11195"]

    for _ in range(2):
        assert upstream.offers()["b11195"].flaws == (
            "upstream published it and took it away again",
        )
    assert set(upstream.offers(pin(11196))) == {"b11196"}
    assert set(upstream.offers(pin(11196))) == {"b11196"}


def test_a_build_that_the_list_does_not_show_is_looked_up_before_it_counts_as_gone(
    upstream: Upstream,
) -> None:
    upstream.publish(11194, 11195, 11196)
    upstream.offers()
    releases = upstream.server.hub.shelf.releases
    releases[1:2] = []
    hidden = Fault("GET .*/releases", status=200, body=b"[]")
    upstream.server.faults.add(hidden)

    found = upstream.offers()

    assert found["b11195"].flaws == ("upstream published it and took it away again",)
    assert found["b11196"].flaws == ()
    assert [path for path, _ in upstream.asked[2:]] == [
        f"releases/tags/b{build}?" for build in (11194, 11196, 11195)
    ]


def test_a_pinned_file_that_was_replaced_ends_it(upstream: Upstream) -> None:
    release = upstream.publish(11194)
    name = "llama-b11194-bin-ubuntu-x64.tar.gz"
    place = next(n for n, asset in enumerate(release.assets) if asset.name == name)
    release.assets[place] = upstream.server.hub.shelf.asset(name, b"something else")

    with pytest.raises(VerificationError) as caught:
        upstream.offers()

    assert str(caught.value).startswith(
        f"pin llama.cpp: the files of b11194 were replaced: {name}: the pin says 34 bytes of "
        f"sha256 {sha256(name)}, GitHub says 14 of "
    )
    assert caught.value.exit_code == 3


def test_a_ledger_that_cannot_be_read_is_begun_anew_and_that_is_said(upstream: Upstream) -> None:
    upstream.publish(11194, 11196)
    upstream.offers()
    (ledger,) = (upstream.home / "seen").iterdir()
    ledger.write_text("{", encoding="utf-8")

    assert upstream.offers()["b11196"].flaws == ()

    (said,) = upstream.heard
    assert said.startswith("what was seen of releases before is lost: ")
    assert "sha256" in ledger.read_text(encoding="utf-8")


def test_nothing_new_leaves_the_ledger_as_it_is(upstream: Upstream) -> None:
    upstream.publish(11194, 11196)
    upstream.offers()
    (ledger,) = (upstream.home / "seen").iterdir()
    before = ledger.stat()

    upstream.offers()

    assert (ledger.stat().st_ino, ledger.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_pin_without_a_build_is_refused(upstream: Upstream) -> None:
    odd = pin().model_copy(update={"version": "v0.5.0"})

    with pytest.raises(PinError, match=r"`version` is v0\.5\.0, which is no tag of a build"):
        upstream.offers(odd)


HALF = b'[{"tag_name": "b11196", "draft": false, '
FAULTS = {
    "a secondary limit": Fault(
        "GET .*", status=403, message="You have exceeded a secondary rate limit."
    ),
    "too many requests": Fault("GET .*", status=429, headers={"Retry-After": "7"}),
    "a bad gateway": Fault("GET .*", status=502),
    "half of an answer": Fault("GET .*", status=200, body=HALF),
    "a page for people": Fault(
        "GET .*", status=200, headers={"Content-Type": "text/html"}, body=b"<!DOCTYPE html>"
    ),
    "a broken connection": Fault("GET .*", status=None),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_that_passes_changes_nothing_that_is_offered(
    upstream: Upstream, fault: Fault
) -> None:
    upstream.publish(*range(11150, 11200))
    upstream.server.faults.add(fault)

    found = upstream.offers()

    assert set(found) == {f"b{build}" for build in range(11194, 11200)}
    assert len(upstream.waited) == 1
    assert upstream.offers() == found


REFUSALS = {
    "a secondary limit": "status 403, a rate limit, and the server asks to wait 240 s",
    "too many requests": "status 429, a rate limit, in the last of 6 tries",
    "a bad gateway": "status 502, in the last of 6 tries",
    "half of an answer": "expected JSON, found 40 bytes of 'application/json; charset=utf-8'",
    "a page for people": "expected JSON, found 15 bytes of 'text/html'",
    "a broken connection": "the connection failed (ConnectionError), in the last of 6 tries",
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_that_stays_is_a_failure_of_the_outside_in_words(
    upstream: Upstream, name: str
) -> None:
    upstream.publish(11194)
    for _ in range(6):
        upstream.server.faults.add(FAULTS[name])

    with pytest.raises(GitHubError) as caught:
        upstream.offers()

    assert str(caught.value).startswith("127.0.0.1: repos/ggml-org/llama.cpp/releases: ")
    assert REFUSALS[name] in str(caught.value)
    assert caught.value.exit_code == 4
    assert not (upstream.home / "cache").exists()


def test_a_redirect_to_another_server_is_a_failure_of_the_outside(upstream: Upstream) -> None:
    headers = {"Location": "https://evil.example/releases"}
    upstream.server.faults.add(Fault("GET .*", status=302, headers=headers))

    with pytest.raises(GitHubError, match=r"sent on to 'evil\.example', which it may not use"):
        upstream.offers()


def test_a_clock_that_goes_wrong_changes_neither_waits_nor_ages(upstream: Upstream) -> None:
    upstream.publish(11194, age_h=80)
    headers = {
        "Date": "Sat, 21 Nov 2015 12:00:00 GMT",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": "1448107210",  # ten seconds later
    }
    upstream.server.faults.add(Fault("GET .*", status=403, headers=headers))

    found = upstream.offers()

    assert upstream.waited == [11]
    assert found["b11194"].published == NOON - timedelta(hours=80)


def test_names_of_a_release_are_those_that_upstream_gives() -> None:
    assert "llama-b11196-bin-win-cpu-x64.zip" in names("b11196")
