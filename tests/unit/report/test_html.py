from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine_ci.records.gate import Check, GateResult, Status, Verdict
from engine_ci.report import charts, html
from engine_ci.system.markdown import visible
from tests.unit.report.build import (
    HOST,
    LARGER,
    PASSED,
    REFUSED,
    UNSURE,
    check,
    measurement,
    result,
)
from tests.unit.report.snapshots import FOLDER, RENDERED

VOID = {"meta", "input"}
LOADS = {"src", "srcset", "data", "action", "poster", "background"}
FOREIGN = {"script", "link", "img", "image", "iframe", "base", "object", "foreignobject"}
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
        # What is marked is part of the text around it, too.
        innermost = self.open[-2:] if self.open[-1:] == ["mark"] else self.open[-1:]
        for tag in innermost:
            self.texts[tag][-1] += data

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
    links = [found["href"] or "" for _, found in page.tags if "href" in found]
    styles = [found["style"] or "" for _, found in page.tags if "style" in found]

    assert {tag for tag, _ in page.tags}.isdisjoint(FOREIGN)
    assert attributes.isdisjoint(LOADS)
    assert all(link.startswith("#") for link in links)
    assert re.search(r"url\(|@import|//", "".join([*page.texts["style"], *styles])) is None
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
@example("SIGAAA")
def test_what_an_engine_says_is_text_and_nothing_else(text: str) -> None:
    shown = "\n".join(visible(line) for line in f"x{text}".rstrip().splitlines())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(charts, "available", lambda: False)  # they have such a test of their own
        page = Page(html.render(said_by_an_engine(text)))
        harmless = Page(html.render(said_by_an_engine("harmless")))

    # A line that tells of a crash is marked, and that is all that words can bring about.
    assert [tag for tag in page.tags if tag != ("mark", {})] == harmless.tags
    assert page.texts["pre"] == [shown, shown]


def test_a_status_is_told_in_words_and_not_by_colour_alone() -> None:
    page = Page(html.render(REFUSED))
    words = {"fail", "fail, not blocking", "warn", "skip", "pass"}
    cells = [found for found in page.texts["td"] if found in words]

    assert cells == ["fail", "fail, not blocking", "pass", "warn", "skip", "pass"]


def test_without_performance_the_page_says_that_it_was_not_measured() -> None:
    page = Page(html.render(REFUSED))

    assert page.texts["p"].count("Not measured.") == 1
    assert page.texts["p"].count("No numbers were recorded.") == 2


def test_what_to_read_first_is_shown_with_the_line_that_tells_what_went_wrong() -> None:
    page = Page(html.render(REFUSED))

    assert "What to read first" in page.texts["h2"]
    assert page.texts["mark"][0] == "failed | `a` ``` @octocat #12"
    assert "What to read first" not in Page(html.render(PASSED)).texts["h2"]


def test_of_many_failures_the_first_are_shown_before_all_else_and_the_others_counted() -> None:
    failed = [check(f"loads/{number}", Status.FAIL) for number in range(7)]
    page = Page(html.render(result(*failed, verdict=Verdict.FAIL)))

    cards = [found for found in page.named("div") if found.get("class") == "card fail"]

    assert len(cards) == 5
    assert any(found.startswith("2 more came out like these") for found in page.texts["p"])


def test_there_is_a_filter_for_each_way_that_checks_came_out() -> None:
    def filters(*found: Check) -> list[str]:
        texts = Page(html.render(result(*found))).texts
        return [text.strip() for text in texts.get("label", [])]

    assert filters(check("a"), check("b")) == []
    assert filters(check("a"), check("b", Status.WARN), check("c", Status.ERROR)) == [
        "all (3)", "failed or warned (2)", "passed (1)",
    ]  # fmt: skip
    assert filters(check("a"), check("b", Status.SKIP)) == ["all (2)", "skipped (1)", "passed (1)"]


def test_files_are_listed_before_and_after_with_sizes() -> None:
    page = Page(html.render(LARGER))
    cells = page.texts["td"]

    assert "Files: 12.00 MiB before, 13.00 MiB now" in page.texts["caption"]
    assert cells[cells.index("added") :][:5] == ["added", "library", "", "2.0 KiB", "+2.0 KiB"]
    assert {"--mmap", "--new", "libnew.so"} <= set(page.texts["code"])
    assert "3 smaller files are not listed." in page.texts["p"]


def test_a_result_that_was_stored_before_is_shown_with_what_it_has() -> None:
    stored = PASSED.model_dump(mode="json")
    for engine in stored["engines"].values():
        del engine["closure"]
    for found in stored["checks"]:
        del found["margins"]
    for found in stored["performance"]:
        del found["limit"], found["samples"]

    page = Page(html.render(GateResult.model_validate(stored)))

    assert "Not recorded." in page.texts["p"]
    assert "unknown" in page.texts["td"]
    assert page.named("svg")


def test_a_page_of_a_thousand_checks_is_under_a_megabyte() -> None:
    log = "\n".join("0.00.474 I srv load_model: loading model" for _ in range(9))
    many = [
        check(f"drift/{number}", status, observed="o" * 90, detail=log)
        for number, status in enumerate([*[Status.PASS] * 900, *[Status.FAIL] * 100])
    ]
    page = html.render(LARGER.model_copy(update={"checks": tuple(many)}))

    assert len(page.encode()) < 1_000_000


def test_without_a_check_the_page_says_so() -> None:
    page = Page(html.render(result(verdict=Verdict.ERROR)))

    assert "No check was run." in page.texts["p"]


def test_a_missing_baseline_is_said() -> None:
    page = Page(html.render(UNSURE))

    assert "could not run" in page.texts["td"]
