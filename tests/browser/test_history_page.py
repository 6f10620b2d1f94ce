"""What a real browser makes of the page over builds and platforms."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Literal

import pytest

from engine_ci.pins.model import Hold
from engine_ci.report import history, history_html
from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.test_gate_page import overflow, violations
from tests.unit.bump import records
from tests.unit.report import past

if TYPE_CHECKING:
    from tests.browser.test_gate_page import Open

OPEN = "document.querySelectorAll('details').forEach(d => d.open = true)"


@cache
def page() -> str:
    holds = (
        Hold(version="b9", reason="crashes while loading a model"),
        Hold(version="b7..b8", reason="slow", until=date(2026, 11, 1)),
    )
    found = history.gather(
        past.many(),
        pins=[records.pin(holds=holds)],
        today=date(2026, 11, 22),
        unread=["gate-again: check.json: there is no such file"],
    )
    return history_html.render(found)


def test_it_says_nothing_on_the_console_and_asks_for_nothing(visit: Open) -> None:
    with visit(page()) as opened:
        opened.page.wait_for_load_state("networkidle")

        assert opened.said == []
        assert opened.asked == [opened.page.url]


@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
def test_axe_finds_nothing_wrong(
    visit: Open, size: tuple[int, int], scheme: Literal["light", "dark"]
) -> None:
    with visit(page(), size=size, scheme=scheme) as opened:
        opened.page.evaluate(OPEN)

        assert violations(opened) == []


@pytest.mark.parametrize("size", [DESKTOP, PHONE, (320, 640)], ids=["desktop", "phone", "small"])
def test_it_is_never_wider_than_the_window(visit: Open, size: tuple[int, int]) -> None:
    with visit(page(), size=size) as opened:
        opened.page.evaluate(OPEN)

        assert overflow(opened) == 0


def test_every_chart_has_a_name_a_description_and_its_numbers(visit: Open) -> None:
    with visit(page()) as opened:
        figures = opened.page.get_by_role("figure")

        assert figures.count() == 3 + 3 + 3
        for figure in figures.all():
            chart = figure.get_by_role("img")
            assert chart.get_attribute("aria-label")
            described = chart.get_attribute("aria-describedby")
            assert opened.page.locator(f"#{described}").text_content()
            assert figure.locator("table tbody tr").count() > 1


def test_builds_that_moved_are_marked_in_the_picture(visit: Open) -> None:
    with visit(page()) as opened:
        (chart,) = opened.page.get_by_role("img", name="generation: speed by build").all()
        marks = [each.get_attribute("id") for each in chart.locator("[id*='-mark-']").all()]

    assert any(str(mark).endswith("-mark-11") for mark in marks)


def test_the_list_of_contents_leads_to_every_part(visit: Open) -> None:
    with visit(page()) as opened:
        links = opened.page.get_by_role("navigation").get_by_role("link").all()

        assert len(links) == 4
        for link in links:
            assert opened.page.locator(str(link.get_attribute("href"))).count() == 1


def test_on_paper_it_is_read_in_black_on_white(visit: Open) -> None:
    with visit(page(), scheme="dark") as opened:
        opened.page.emulate_media(media="print")

        assert violations(opened) == []
        assert opened.page.pdf(format="A4").startswith(b"%PDF")
