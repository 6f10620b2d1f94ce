from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.releases import stable
from engine_ci.releases.stable import StableMaterial, StableRelease
from tests.unit.releases.upstream import NOON

COMMIT = "7fe450e19305b828c199d602c23a8337aaa1f03b"


def resolved(
    *, text: str | None = None, problem: str = "", commit: str | None = None, builds: str = ""
) -> StableRelease:
    return stable.resolve(
        StableMaterial(
            name="v0.5.0",
            published=NOON,
            nightly_tag=text,
            problem=problem,
            commit=commit,
            builds=tuple(builds.split()),
        )
    )


@pytest.mark.parametrize("text", ["b11146", "b11146\n", "b11146 \r\n\n"])
def test_the_file_names_the_build(text: str) -> None:
    assert resolved(text=text) == StableRelease(name="v0.5.0", published=NOON, build="b11146")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "11146",
        "b",
        "b0",
        "b011146",
        "v0.5.0",
        "b1 b2",
        "b1\nb2",
        " b1",
        "b1x",
        "B1",
        "b\u0661",
    ],
)
def test_a_file_that_names_no_build_resolves_to_nothing_even_where_the_commit_would(
    text: str,
) -> None:
    found = resolved(text=text, commit=COMMIT, builds="b11146")

    assert found.build is None
    assert found.reason.startswith("its nightly-tag.txt names no build: ")


def test_a_file_that_could_not_be_read_is_not_passed_over() -> None:
    found = resolved(problem="status 503", commit=COMMIT, builds="b11146")

    assert found.build is None
    assert found.reason == "its nightly-tag.txt could not be read: status 503"


def test_without_the_file_it_is_the_build_on_the_same_commit() -> None:
    assert resolved(commit=COMMIT, builds="b11146 master-b11146-7fe450e").build == "b11146"


@pytest.mark.parametrize(
    ("commit", "builds", "reason"),
    [
        (None, "", "it has no nightly-tag.txt, and its tag names no commit"),
        (COMMIT, "", "on its commit 7fe450e19305 one is expected, found none"),
        (COMMIT, "v0.5.0", "on its commit 7fe450e19305 one is expected, found none"),
        (COMMIT, "b2 b1", "on its commit 7fe450e19305 one is expected, found b1, b2"),
    ],
)
def test_without_file_and_without_one_build_it_is_said_to_be_unresolvable(
    commit: str | None, builds: str, reason: str
) -> None:
    found = resolved(commit=commit, builds=builds)

    assert found.build is None
    assert found.reason.endswith(reason)


@given(text=st.text(max_size=200))
def test_no_content_is_too_odd(text: str) -> None:
    found = resolved(text=text)

    assert (found.build is None) == bool(found.reason)
    assert len(found.reason) < 500


@given(st.tuples(*[st.integers(0, 999)] * 3), st.tuples(*[st.integers(0, 999)] * 3))
def test_stable_releases_are_ordered_by_number(one: tuple[int, ...], two: tuple[int, ...]) -> None:
    orders = [stable.order(f"v{'.'.join(map(str, each))}") for each in (one, two)]

    assert orders == [one, two]


@pytest.mark.parametrize(
    "tag", ["b11146", "v1.2", "v1.2.3.4", "v1.2.3-rc1", "v01.2.3", "1.2.3", ""]
)
def test_other_tags_are_no_stable_releases(tag: str) -> None:
    assert stable.order(tag) is None
