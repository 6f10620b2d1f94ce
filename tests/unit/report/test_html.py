from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.records.gate import GateResult, Status, Verdict
from engine_ci.report import html
from engine_ci.system.markdown import visible
from tests.unit.report.build import HOST, PASSED, REFUSED, UNSURE, check, measurement, result
from tests.unit.report.snapshots import FOLDER, RENDERED

VOID = {"meta"}
LOADS = {"src", "href", "srcset", "data", "action", "poster", "background", "style"}
HOSTILE = st.text() | st.lists(
    st.sampled_from(["<script>", "</pre>", "&lt;", '"', "'", "</style>", "<!--", "{{ 1 }}", "\n"])
).map("".join)


class Page(HTMLParser):
    """The elements of a page with their texts; fails where a tag is not closed by its own."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts[self.open[-1]][-1] += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(
    params=[REFUSED, PASSED, UNSURE, result(verdict=Verdict.ERROR)],
    ids=["refused", "passed", "unsure", "nothing asked"],
)
def page(request: pytest.FixtureRequest) -> Page:
    return Page(html.render(request.param))


@pytest.mark.parametrize("name", [name for name in RENDERED if name.endswith(".html")])
def test_the_rendering_is_the_committed_one(name: str) -> None:
    assert RENDERED[name]() == (FOLDER / name).read_text(encoding="utf-8")


def test_the_page_asks_for_nothing_from_anywhere(page: Page) -> None:
    attributes = {name for _, found in page.tags for name in found}
    (style,) = page.texts["style"]

    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "link", "img", "iframe", "base"})
    assert attributes.isdisjoint(LOADS)
    assert re.search(r"url\(|@import|//", style) is None
    assert page.named("meta")[1] == {
        "http-equiv": "Content-Security-Policy",
        "content": "default-src 'none'; style-src 'unsafe-inline'",
    }


def test_the_page_suits_phones_dark_rooms_and_paper(page: Page) -> None:
    (style,) = page.texts["style"]

    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.named(
        "meta"
    )
    assert "@media (prefers-color-scheme: dark)" in style
    assert "@media print" in style


def test_a_screen_reader_finds_its_way(page: Page) -> None:
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    ids = [found["id"] for _, found in page.tags if "id" in found]
    headings = [found.get("id") for found in page.named("h2")]

    assert page.named("html") == [{"lang": "en"}]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert len(ids) == len(set(ids))
    assert [found["aria-labelledby"] for found in page.named("section")] == headings
    assert len(page.named("caption")) == len(page.named("table"))
    assert all(found.get("scope") in ("row", "col") for found in page.named("th"))


def said_by_an_engine(text: str) -> GateResult:
    spoken = result(
        check("loads/a", Status.FAIL, observed=text, detail=f"x{text}"),
        check("chat/a", Status.SKIP, observed=text),
        verdict=Verdict.FAIL,
        performance=(measurement(text),),
    )
    return spoken.model_copy(update={"host": HOST.model_copy(update={"system": text})})


@given(HOSTILE)
def test_what_an_engine_says_is_text_and_nothing_else(text: str) -> None:
    page = Page(html.render(said_by_an_engine(text)))
    shown = "\n".join(visible(line) for line in f"x{text}".rstrip().splitlines())

    assert page.tags == Page(html.render(said_by_an_engine("harmless"))).tags
    assert page.texts["pre"] == [shown]


def test_a_status_is_told_in_words_and_not_by_colour_alone() -> None:
    page = Page(html.render(REFUSED))
    cells = [found for found in page.texts["td"] if found in {"fail", "warn", "skip", "pass"}]

    assert cells == ["fail", "pass", "warn", "skip", "pass"]


def test_without_performance_the_page_says_that_it_was_not_measured() -> None:
    page = Page(html.render(REFUSED))

    assert "Not measured." in page.texts["p"]


def test_without_a_check_the_page_says_so() -> None:
    page = Page(html.render(result(verdict=Verdict.ERROR)))

    assert "No check was run." in page.texts["p"]


def test_a_missing_baseline_is_said() -> None:
    page = Page(html.render(UNSURE))

    assert "could not run" in page.texts["td"]
