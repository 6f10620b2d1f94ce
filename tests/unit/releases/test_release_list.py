from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from hypothesis import given
from hypothesis import strategies as st

from engine_ci.releases import ordering, reach
from engine_ci.releases.sources import release_list
from engine_ci.system.rest import Page, RestReader
from tests.unit.releases.test_reach import nearly_sorted
from tests.unit.releases.upstream import asset, release

if TYPE_CHECKING:
    import pytest
    from pydantic import TypeAdapter

T = TypeVar("T")


class Pages(RestReader):
    """Gives tags in pages of that size, without a server."""

    def __init__(self, tags: list[str], *, size: int) -> None:
        super().__init__(cache=Path("nowhere"))
        self.pages = [tags[start : start + size] for start in range(0, len(tags), size)] or [[]]
        self.asked = 0

    def page(self, address: str, shape: TypeAdapter[T], *, after: str | None = None) -> Page[Any]:
        del shape
        number = int(address.rpartition("page=")[2]) if "&page=" in address else 0
        assert after == (str(number - 1) if number else None)
        self.asked += 1
        content = tuple(release(tag, asset("a.zip")) for tag in self.pages[number])
        onward = f"x&page={number + 1}" if number + 1 < len(self.pages) else None
        return Page(content=content, next=onward, etag=str(number))


@given(listed=nearly_sorted(), pin=st.integers(1, 300), size=st.integers(1, 40), data=st.data())
def test_however_the_list_is_cut_and_mixed_no_newer_build_is_missed(
    listed: list[int], pin: int, size: int, data: st.DataObject
) -> None:
    tags = [f"b{build}" for build in listed]
    for tag in data.draw(st.lists(st.sampled_from(["v0.4.1", "v0.5.0", "b1-rc", "nightly"]))):
        tags.insert(data.draw(st.integers(0, len(tags))), tag)
    pages = Pages(tags, size=size)

    found = release_list.read("a/b", api=pages, pin=pin)

    read = {each.tag_name for each in found.releases}
    if found.whole:
        assert {f"b{build}" for build in listed if build > pin} <= read
    else:
        assert pages.asked == release_list.MOST_PAGES
    assert pages.asked <= len(pages.pages)


@given(st.integers(1, 30), st.integers(1, 40))
def test_no_page_is_asked_for_that_is_not_needed(newer: int, size: int) -> None:
    """In a list in perfect order: the newer ones, the pin, a day of older ones, and no more."""
    tags = [f"b{build}" for build in range(1000 + newer, 900, -1)]
    pages = Pages(tags, size=size)

    found = release_list.read("a/b", api=pages, pin=1000)

    needed = -(-(newer + reach.DISORDER + 1) // size)
    assert pages.asked == min(needed, release_list.MOST_PAGES)
    assert found.whole == (needed <= release_list.MOST_PAGES)


def test_a_list_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release_list, "MOST_PAGES", 3)
    pages = Pages([f"b{build}" for build in range(2000, 1000, -1)], size=100)

    found = release_list.read("a/b", api=pages, pin=1)

    assert (pages.asked, len(found.releases), found.whole) == (3, 300, False)
    assert all(ordering.tag(each.tag_name) for each in found.releases)
