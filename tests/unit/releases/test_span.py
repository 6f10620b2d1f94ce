from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.errors import UsageError
from engine_ci.releases import ordering, span
from tests.unit.releases.build import version

DATED = ("0.2.14", "2026.4.8672", "2026.4.8672.1", "2026.5.9093", "2026.10.11549")
PLAIN = ("0.1.0", "0.1.2", "0.1.10", "0.2.0")


def found(texts: tuple[str, ...], wanted: str) -> list[str]:
    return [each.text for each in span.between(map(version, reversed(texts)), wanted)]


@pytest.mark.parametrize(
    ("texts", "wanted", "expected"),
    [
        pytest.param(DATED, "8672..9093", DATED[1:4], id="builds"),
        pytest.param(DATED, "b8672..b8672", DATED[1:3], id="all-packages-of-a-build"),
        pytest.param(DATED, "8000..9092", DATED[1:3], id="between-builds"),
        pytest.param(DATED, "2026.4.8672.1..", DATED[2:], id="from-a-version"),
        pytest.param(DATED, "..2026.4.8672", DATED[:2], id="up-to-a-version"),
        pytest.param(DATED, "2026.5.9093..11549", DATED[3:], id="one-of-each"),
        pytest.param(PLAIN, "0.1.2..0.1.10", PLAIN[1:3], id="not-as-text"),
        pytest.param(PLAIN, "..", PLAIN, id="all"),
    ],
)
def test_a_range_holds_both_its_ends_oldest_first(
    texts: tuple[str, ...], wanted: str, expected: tuple[str, ...]
) -> None:
    assert found(texts, wanted) == list(expected)


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ("8672", "`8672` is no range of builds"),
        ("9093..8672", "no version of the package lies in 9093..8672"),
        ("latest..", "`latest` is neither a version nor a build number"),
        ("..new", "`new` is neither a version nor a build number"),
    ],
)
def test_what_is_no_range_or_holds_nothing_is_refused(wanted: str, reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        found(DATED, wanted)

    assert str(caught.value) == reason


@given(st.sets(st.sampled_from(DATED), min_size=1), st.sampled_from(DATED))
def test_a_version_splits_all_others_into_those_before_and_after_it(
    texts: set[str], middle: str
) -> None:
    every = [version(text) for text in {*texts, middle}]

    upper = span.between(every, f"{middle}..")
    lower = span.between(every, f"..{middle}")

    assert [*lower, *upper[1:]] == sorted(every, key=lambda each: each.order)
    assert lower[-1] == upper[0] == ordering.parse(middle)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("8672", DATED[1:3]),
        ("b8672", DATED[1:3]),
        ("2026.4.8672", DATED[1:2]),
        ("2026.4.8672.0", DATED[1:2]),
        ("0.2.14", DATED[:1]),
        ("b999", ()),
        ("8000..9093", DATED[1:4]),
        ("..9093", DATED[:4]),
        ("..", DATED),
    ],
)
def test_a_single_build_means_all_its_packages_and_a_version_itself(
    wanted: str, expected: tuple[str, ...]
) -> None:
    assert tuple(text for text in DATED if span.covers(wanted, version(text))) == expected


@pytest.mark.parametrize(
    "text", ["b11194", "11194", "b999", "0.1.2", "b1..b2", "9000..", "..0.2.0"]
)
def test_builds_versions_and_ranges_can_be_named(text: str) -> None:
    span.check(text)


@pytest.mark.parametrize("text", ["", "..", "latest", "b1..latest", "b1...b2", "b1..b2..b3"])
def test_what_names_no_version_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        span.check(text)
