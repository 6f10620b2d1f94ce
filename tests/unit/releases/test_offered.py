from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from engine_ci.releases import ledger, offered
from tests.unit.releases.upstream import NOON, asset, pin, release, sha256

if TYPE_CHECKING:
    from engine_ci.releases.published import ReleaseAsset

MAC, LINUX = "llama-b11195-bin-macos-arm64.tar.gz", "llama-b11195-bin-ubuntu-x64.tar.gz"


def test_a_whole_release_is_an_offer_with_its_files_and_no_flaw() -> None:
    (found,) = offered.offers([release("b11195")], pin(), ledger=ledger.EMPTY)

    assert (found.version.text, found.version.build, found.published) == ("b11195", 11195, NOON)
    assert found.platforms == {"macos-arm64", "ubuntu-x64"}
    assert found.assets["ubuntu-x64"].sha256 == sha256(LINUX)
    assert found.flaws == ()


def test_what_is_no_build_is_no_offer() -> None:
    tags = ["v0.4.1", "b", "b0", "b-1", "b1.2", "master-b11195-0123456", "xb11195", "b11195-rc"]

    assert offered.offers([release(tag) for tag in tags], pin(), ledger=ledger.EMPTY) == []


def test_a_platform_without_a_whole_file_is_absent_and_a_flaw_says_why() -> None:
    partial = release("b11195", asset(MAC), asset(LINUX, state="starter"))

    (found,) = offered.offers([partial], pin(), ledger=ledger.EMPTY)

    assert found.platforms == {"macos-arm64"}
    assert found.flaws == (f"{LINUX} is not whole yet: its state is 'starter'",)


def test_a_file_that_was_replaced_or_taken_away_is_a_flaw() -> None:
    known = ledger.noted(ledger.EMPTY, [("b11195", asset(MAC)), ("b11195", asset(LINUX))], since=1)
    now = release("b11195", asset(MAC, 9, digest=f"sha256:{'0' * 64}"))

    (found,) = offered.offers([now], pin(), ledger=known)

    gone, replaced = found.flaws
    assert gone == f"{LINUX} was there before and is gone"
    assert replaced.startswith(f"{MAC} was replaced by another upload since it was first seen")


def test_a_build_that_was_taken_away_is_offered_with_that_flaw() -> None:
    seen = [("b11194", asset(MAC)), ("b11195", asset(MAC)), ("b11196", asset(MAC))]
    known = ledger.noted(ledger.EMPTY, seen, since=1)
    there = offered.offers([release("b11196")], pin(), ledger=known)

    (lost,) = offered.vanished(known, there, pin())

    assert (lost.version.text, lost.platforms) == ("b11195", frozenset())
    assert lost.flaws == ("upstream published it and took it away again",)


NAMES = st.sampled_from([MAC, LINUX, LINUX.replace(".tar.gz", ".zip"), "other.zip"]) | st.text()
ASSETS = st.builds(
    asset,
    NAMES,
    id=st.integers(),
    size=st.integers(min_value=0),
    state=st.sampled_from(["uploaded", "open", "starter"]) | st.text(),
    digest=st.none() | st.just(f"sha256:{'0' * 64}") | st.text(),
)


@given(assets=st.lists(ASSETS, min_size=1), before=st.lists(ASSETS))
def test_whatever_upstream_says_a_platform_has_its_own_whole_file_or_a_flaw_says_why(
    assets: list[ReleaseAsset], before: list[ReleaseAsset]
) -> None:
    known = ledger.noted(
        ledger.EMPTY, [("b11195", each) for each in before if each.name in (MAC, LINUX)], since=1
    )

    (found,) = offered.offers([release("b11195", *assets)], pin(), ledger=known)

    assert found.platforms == set(found.assets) <= set(pin().platforms)
    for platform, each in found.assets.items():
        assert each.name.startswith(f"llama-b11195-bin-{platform}.")
        assert (each.sha256, bool(each.size)) == ("0" * 64, True)
    assert len(found.flaws) >= len(pin().platforms) - len(found.platforms)
    assert all(flaw.isprintable() for flaw in found.flaws)
