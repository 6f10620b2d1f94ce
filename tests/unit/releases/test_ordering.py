from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from engine_ci.releases import ordering
from tests.unit.releases.build import version

BUILDS = st.integers(min_value=ordering.LEAST_BUILD, max_value=10**7)
PLAIN = st.lists(st.integers(min_value=0, max_value=12000), min_size=1, max_size=5).map(
    lambda parts: ".".join(map(str, parts))
)
VERSIONS = st.one_of(
    PLAIN,
    st.builds(
        lambda year, month, build, rest: f"{year}.{month}.{build}{rest}",
        st.integers(min_value=2024, max_value=2027),
        st.integers(min_value=1, max_value=12),
        BUILDS,
        st.sampled_from(["", ".1", ".2", ".post1", "rc1"]),
    ),
)


@pytest.mark.parametrize(
    ("text", "build", "rebuild"),
    [
        ("2026.9.10809", 10809, 0),
        ("2026.4.8672", 8672, 0),
        ("2026.4.8672.1", 8672, 1),
        ("2026.4.8672.post2", 8672, 2),
        ("0.10434.0", 10434, 0),
        ("0.10434.1", 10434, 1),
        ("0.1.2", None, 0),
        ("0.2.0", None, 0),
        ("0.1000.0", 1000, 0),
        ("0.999.0", None, 0),
        ("2000.1.10809", 10809, 0),
        ("1999.12.10809", None, 0),
        ("2999.12.10809", 10809, 0),
        ("3000.1.10809", None, 0),
        ("2026.9", None, 0),
        ("2026.9.1", None, 0),
        ("2026.13.10809", None, 0),
        ("2026.4.8672.1.1", None, 0),
        ("1.10434.0", None, 0),
        ("11434.0.0", 11434, 0),
        ("11434", 11434, 0),
        ("11434.0.0.post1", 11434, 1),
        ("10000.0.0", 10000, 0),
        ("9999.0.0", None, 0),
        ("99999.0.0", 99999, 0),
        ("202611.0.0", None, 0),
        ("20261121.0.0", None, 0),
        ("11434.0.1", None, 0),
    ],
)
def test_the_build_is_read_from_the_known_forms_and_never_guessed(
    text: str, build: int | None, rebuild: int
) -> None:
    parsed = version(text)

    assert (parsed.build, parsed.rebuild) == (build, rebuild)


@pytest.mark.parametrize("text", ["b11194", "", "latest", "0.1.2 || true"])
def test_what_is_no_version_of_a_package_is_none(text: str) -> None:
    assert ordering.parse(text) is None


@given(BUILDS, st.integers(min_value=0, max_value=9))
def test_both_forms_tell_the_same_build(build: int, rebuild: int) -> None:
    calendar, zero = version(f"2026.9.{build}.{rebuild}"), version(f"0.{build}.{rebuild}")

    assert (calendar.build, calendar.rebuild) == (build, rebuild)
    assert (zero.build, zero.rebuild) == (build, rebuild)


@given(
    BUILDS, BUILDS, st.integers(min_value=1, max_value=12), st.integers(min_value=1, max_value=12)
)
def test_the_build_decides_before_the_month(first: int, second: int, june: int, july: int) -> None:
    earlier, later = version(f"2026.{june}.{first}"), version(f"2026.{july}.{second}")

    assert first == second or (earlier.order < later.order) == (first < second)


def test_builds_are_compared_as_numbers() -> None:
    assert version("2026.7.9873").order < version("2026.7.10068").order


@pytest.mark.parametrize(
    ("older", "newer"),
    [("2026.4.8672", "2026.4.8672.1"), ("2026.4.8672.1", "2026.4.8929")],
)
def test_a_rebuild_is_newer_than_its_build_and_older_than_the_next_build(
    older: str, newer: str
) -> None:
    assert version(older).order < version(newer).order


def test_versions_without_a_build_are_older_than_any_with_one() -> None:
    assert version("0.2.9").order < version("0.2.14").order < version("0.10434.0").order


@given(st.lists(PLAIN.filter(lambda text: version(text).build is None), min_size=1))
def test_without_builds_the_order_is_that_of_python(texts: list[str]) -> None:
    ordered = sorted(texts, key=lambda text: version(text).order)

    assert [Version(text) for text in ordered] == sorted(map(Version, texts))


@given(VERSIONS, VERSIONS)
def test_two_versions_are_equal_only_if_python_says_so(first: str, second: str) -> None:
    same = version(first).order == version(second).order

    assert same == (Version(first) == Version(second))


@given(VERSIONS)
def test_the_text_is_kept_as_the_index_writes_it(text: str) -> None:
    assert version(text).text == text


@pytest.mark.parametrize("text", ["b1", "b9999", "b10012", "b11434"])
def test_a_tag_of_upstream_is_its_build(text: str) -> None:
    parsed = ordering.tag(text)

    assert parsed is not None
    assert ordering.is_tag(text)
    assert (parsed.text, parsed.build, parsed.rebuild) == (text, int(text[1:]), 0)


@pytest.mark.parametrize(
    "text",
    [
        "v0.4.1",
        "b0",
        "b010",
        "b-1",
        "b1.0",
        "b10012-rc1",
        "master-b10012",
        "B9999",
        "9999",
        "b",
        "b\N{ARABIC-INDIC DIGIT ONE}",
        "b1\n",
    ],
)
def test_no_other_tag_is_a_build(text: str) -> None:
    assert ordering.tag(text) is None
    assert not ordering.is_tag(text)


@given(st.integers(1, 10**8), st.integers(1, 10**8))
def test_tags_are_compared_as_numbers(first: int, second: int) -> None:
    assert (version(f"b{first}").order < version(f"b{second}").order) == (first < second)


@pytest.mark.parametrize(
    ("text", "other", "again"),
    [
        ("2026.4.8672.1", "2026.4.8672", True),
        ("2026.5.8672", "2026.4.8672", True),
        ("2026.4.8672", "2026.4.8672.1", False),
        ("2026.4.8672", "2026.4.8672", False),
        ("2026.5.9093", "2026.4.8672", False),
        ("0.1.2.post1", "0.1.2", True),
        ("0.1.2.post1", "0.1.2.0", True),
        ("0.1.3", "0.1.2", False),
        ("0.10434.0", "0.2.0", False),
        ("b11194", "b11193", False),
    ],
)
def test_a_later_package_of_the_same_build_is_one_again(text: str, other: str, again: bool) -> None:
    assert version(text).packs_again(version(other)) is again
