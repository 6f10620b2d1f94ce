from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from engine_ci.releases import ledger
from tests.unit.releases.upstream import asset, sha256

if TYPE_CHECKING:
    from engine_ci.releases.published import ReleaseAsset

NAME = "a.zip"
OTHER = f"sha256:{'0' * 64}"


def seen(*found: tuple[str, ReleaseAsset]) -> ledger.Ledger:
    return ledger.noted(ledger.EMPTY, found, since=1)


def told(before: ReleaseAsset, now: ReleaseAsset, *, tag: str = "b2") -> list[str]:
    return list(ledger.replaced(seen(("b2", before)), tag, [now]))


def test_the_same_bytes_are_nothing_new_whoever_uploaded_them() -> None:
    assert told(asset(NAME), asset(NAME)) == []
    assert told(asset(NAME), asset(NAME, 2)) == []


def test_other_bytes_under_the_same_name_are_told_with_both_hashes() -> None:
    (in_place,) = told(asset(NAME), asset(NAME, digest=OTHER))
    (again,) = told(asset(NAME), asset(NAME, 2, digest=OTHER))

    assert in_place == (
        "a.zip was replaced in place since it was first seen: "
        f"sha256 was {sha256(NAME)}, is {'0' * 64}"
    )
    assert "a.zip was replaced by another upload" in again


def test_other_names_and_other_releases_are_no_matter() -> None:
    assert told(asset(NAME), asset("b.zip", digest=OTHER)) == []
    assert told(asset(NAME), asset(NAME, digest=OTHER), tag="b3") == []


def test_a_file_whose_hash_nobody_tells_is_neither_noted_nor_told() -> None:
    assert told(asset(NAME, digest=None), asset(NAME)) == []
    assert told(asset(NAME), asset(NAME, digest=None)) == []


digests = st.sampled_from(["1" * 64, "2" * 64, "3" * 64])


@given(rounds=st.lists(digests, min_size=1))
def test_what_was_seen_first_is_never_forgotten(rounds: list[str]) -> None:
    known = ledger.EMPTY
    for digest in rounds:
        now = asset(NAME, digest=f"sha256:{digest}")
        assert bool(list(ledger.replaced(known, "b2", [now]))) == (digest != rounds[0])
        known = ledger.noted(known, [("b2", now)], since=1)

    assert [each.sha256 for each in known.seen] == [rounds[0]]


def test_it_forgets_what_is_older_than_the_pin() -> None:
    known = seen(("b9", asset(NAME)), ("b10", asset(NAME)), ("b11", asset(NAME)))

    kept = ledger.noted(known, [("v0.4.1", asset(NAME))], since=10)

    assert [each.tag for each in kept.seen] == ["b10", "b11"]
    assert ledger.names(kept, "b10") == {NAME}
    assert ledger.names(kept, "b9") == frozenset()


@given(st.permutations([(f"b{build}", asset(f"{build}.zip")) for build in range(8, 12)]))
def test_its_text_does_not_depend_on_the_order_of_the_list(
    found: list[tuple[str, ReleaseAsset]],
) -> None:
    assert [each.tag for each in seen(*found).seen] == ["b8", "b9", "b10", "b11"]
