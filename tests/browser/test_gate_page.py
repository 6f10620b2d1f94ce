"""What a real browser makes of the gate's page."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Literal, TypeAlias

import pytest
from axe_playwright_python.sync_playwright import Axe

from engine_ci.records.gate import Status
from engine_ci.report import charts, html
from tests.browser.conftest import DESKTOP, PHONE, Visit
from tests.browser.results import recorded

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    Open: TypeAlias = Callable[..., AbstractContextManager[Visit]]

Name: TypeAlias = Literal["passed", "refused"]
NAMES: tuple[Name, ...] = ("passed", "refused")


@cache
def page(name: Name) -> str:
    return html.render(recorded(name))


def violations(visit: Visit) -> list[str]:
    """What axe-core finds wrong, each with the first element that it is found in.

    The inside of a chart is one picture to it, of whose colours it can say nothing; they are those
    of the page.
    """
    results = Axe().run(
        visit.page,
        context={"exclude": ["svg > g"]},
        options={"resultTypes": ["violations"]},
    )
    found = results.response["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found]


def overflow(visit: Visit) -> int:
    """By how many pixels the page is wider than the window."""
    width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    found = visit.page.evaluate(width)
    assert isinstance(found, int)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_the_page_says_nothing_on_the_console_and_asks_for_nothing(visit: Open, name: Name) -> None:
    with visit(page(name)) as opened:
        opened.page.wait_for_load_state("networkidle")

        assert opened.said == []
        assert opened.asked == [opened.page.url]


def test_a_page_that_does_ask_or_complain_would_be_seen(visit: Open) -> None:
    bad = page("passed").replace("<main>", '<main><img src="other.png" alt=""><script>x()</script>')
    with visit(bad) as opened:
        assert any("Content Security Policy" in line for line in opened.said)


@pytest.mark.parametrize(
    ("name", "size", "scheme"),
    [
        ("passed", DESKTOP, "light"),
        ("passed", PHONE, "dark"),
        ("refused", DESKTOP, "dark"),
        ("refused", PHONE, "light"),
    ],
)
def test_axe_finds_nothing_wrong(
    visit: Open, name: Name, size: tuple[int, int], scheme: Literal["light", "dark"]
) -> None:
    with visit(page(name), size=size, scheme=scheme) as opened:
        opened.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")

        assert violations(opened) == []


def test_axe_would_find_a_colour_that_cannot_be_read(visit: Open) -> None:
    with visit(page("passed").replace("--quiet: #57606a", "--quiet: #dddddd")) as opened:
        assert any(found.startswith("color-contrast") for found in violations(opened))


def test_on_paper_the_words_can_be_read_and_all_checks_are_there(visit: Open) -> None:
    with visit(page("passed")) as opened:
        opened.page.emulate_media(media="print")
        rows = opened.page.locator(".suite tbody tr")

        assert violations(opened) == []
        assert rows.count() == len(recorded("passed").checks)
        assert rows.first.is_visible()
        assert rows.last.is_visible()
        assert opened.page.pdf(format="A4").startswith(b"%PDF")


@pytest.mark.parametrize("size", [DESKTOP, PHONE, (320, 640)], ids=["desktop", "phone", "small"])
@pytest.mark.parametrize("name", NAMES)
def test_the_page_is_never_wider_than_the_window(
    visit: Open, name: Name, size: tuple[int, int]
) -> None:
    with visit(page(name), size=size) as opened:
        opened.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")

        assert overflow(opened) == 0


def test_every_chart_has_a_name_a_description_and_its_numbers(visit: Open) -> None:
    with visit(page("passed")) as opened:
        figures = opened.page.get_by_role("figure")
        names = [each.get_attribute("aria-label") for each in opened.page.locator("svg").all()]

        assert figures.count() == len(names) == len(set(names)) == 9
        for figure in figures.all():
            chart = figure.get_by_role("img")
            described = chart.get_attribute("aria-describedby")
            assert opened.page.locator(f"#{described}").text_content()
            assert figure.locator("table tbody tr").count() > 0


def test_the_charts_are_drawn_in_the_colours_of_the_room(visit: Open) -> None:
    def ink(scheme: Literal["light", "dark"]) -> object:
        with visit(page("passed"), scheme=scheme) as opened:
            dot = opened.page.locator("#speed-0-pairs-1 use").first
            return dot.evaluate("dot => getComputedStyle(dot).fill")

    assert (ink("light"), ink("dark")) == ("rgb(5, 80, 174)", "rgb(121, 192, 255)")


def test_a_screen_reader_hears_the_verdict_first_and_then_what_broke(visit: Open) -> None:
    with visit(page("refused")) as opened:
        heard = opened.page.locator("body").aria_snapshot()

    verdict, contents, first, chosen = (
        heard.index(words)
        for words in (
            'heading "The gate says: fail" [level=1]',
            'navigation "Contents"',
            'heading "What to read first" [level=2]',
            'radio "all',
        )
    )
    assert verdict < contents < first < chosen
    assert 'heading "fail loads/stable-smollm" [level=3]' in heard


def test_a_table_is_a_table_to_a_screen_reader_on_a_phone_too(visit: Open) -> None:
    with visit(page("refused"), size=PHONE) as opened:
        table = opened.page.get_by_role("table", name="Which engines answered")

        assert table.get_by_role("row").count() == 3
        assert table.get_by_role("columnheader").count() == 7
        assert table.get_by_role("rowheader").all_text_contents() == ["candidate", "baseline"]


@pytest.mark.parametrize(
    ("words", "statuses"),
    [
        ("all", set(Status)),
        ("failed or warned", {Status.FAIL, Status.ERROR, Status.WARN}),
        ("skipped", {Status.SKIP}),
        ("passed", {Status.PASS}),
    ],
)
def test_a_filter_shows_the_checks_of_its_kind_and_no_other(
    visit: Open, words: str, statuses: set[Status]
) -> None:
    expected = [check.id for check in recorded("refused").checks if check.status in statuses]
    with visit(page("refused")) as opened:
        opened.page.get_by_role("radio", name=re.compile(f"^{words} ")).check()
        opened.page.evaluate("document.querySelectorAll('.suite').forEach(d => d.open = true)")
        rows = opened.page.locator(".suite tbody tr:visible")

        assert sorted(rows.locator("th code").all_text_contents()) == sorted(expected)
        for suite in opened.page.locator(".suite:visible").all():
            assert suite.locator("tbody tr:visible").count() > 0


def test_the_filter_is_reached_and_turned_with_the_keyboard(visit: Open) -> None:
    with visit(page("refused")) as opened:
        opened.page.get_by_role("radio", name=re.compile("^all ")).focus()
        opened.page.keyboard.press("ArrowRight")

        assert opened.page.get_by_role("radio", name=re.compile("^failed")).is_checked()
        assert opened.page.locator(":focus-visible").count() == 1


def test_what_is_focused_by_the_tab_key_can_be_seen(visit: Open) -> None:
    with visit(page("refused")) as opened:
        opened.page.keyboard.press("Tab")
        focused = opened.page.locator(":focus")

        assert focused.text_content() == "What to read first"
        assert focused.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"


def test_contents_lead_to_every_section(visit: Open) -> None:
    with visit(page("refused")) as opened:
        for link in opened.page.get_by_role("navigation").get_by_role("link").all():
            target = opened.page.locator(link.get_attribute("href") or "")
            assert target.text_content() == link.text_content()


def test_the_page_without_charts_has_the_same_numbers(
    visit: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    with visit(page("passed")) as opened:
        drawn = opened.page.locator("figure table").all_text_contents()
    monkeypatch.setattr(charts, "available", lambda: False)

    with visit(html.render(recorded("passed"))) as opened:
        assert opened.page.locator("svg").count() == 0
        assert opened.page.get_by_text("The charts need the extra report").count() == 3
        assert opened.page.locator("figure table").all_text_contents() == drawn
        assert opened.page.locator("figure table").first.is_visible()
