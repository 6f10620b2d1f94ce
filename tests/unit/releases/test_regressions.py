"""The table of builds that are known to be worse."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from engine_ci.releases import regressions
from engine_ci.releases.regressions import Entry, known
from tests.unit.releases.test_relevance import ships


@pytest.mark.parametrize(
    ("build", "platform", "numbers"),
    [
        (10267, "macos-arm64", ["28302", "26370"]),
        (10268, "macos-arm64", ["28302"]),
        (10267, "ubuntu-x64", ["28302"]),
        (9415, "macos-arm64", []),
        (9416, "macos-arm64", ["26370"]),
        (9172, "windows-x64", []),
        (9172, "ubuntu-x64", ["23123"]),
        (10446, "ubuntu-x64", ["28302", "27126"]),
        (10447, "ubuntu-x64", ["28302"]),
        (11434, "ubuntu-x64", []),
    ],
)
def test_a_build_in_a_range_is_known_for_it_where_it_shows(
    build: int, platform: str, numbers: list[str]
) -> None:
    found = {each.link.rpartition("/")[2] for each in known(build, shipped=ships(platform))}

    assert found == set(numbers)


def test_a_fault_of_a_backend_shows_where_that_is_shipped() -> None:
    assert known(8738, shipped=ships("ubuntu-x64")) == ()
    assert known(8738, shipped=ships("ubuntu-x64", backends=["cuda"]))


def test_the_table_is_in_order() -> None:
    starts = [each.first for each in regressions._table().regressions]

    assert starts == sorted(starts)


def test_a_range_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValidationError, match="b1 comes before b2"):
        Entry(first=2, last=1, what="x", link="https://example.invalid/1")
