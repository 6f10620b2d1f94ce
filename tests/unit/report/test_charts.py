from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import matplotlib as mpl
from hypothesis import given, settings
from hypothesis import strategies as st

from engine_ci.report import charts
from engine_ci.report.charts import Frame, Series

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest
    from markupsafe import Markup

HOSTILE = "<script>alert(1)</script> $\\frac{1}{2}$ \x1b[31m\u202e漢"


def lines(*values: float | None, title: str = "speed", marks: Sequence[int] = ()) -> Markup:
    return charts.lines(
        [Series(name=title, values=values), Series(name="twin", values=values)],
        Frame(name="speed", label=f"The {title}", description=f"Of {title}"),
        places=[f"b{number}" for number in range(len(values))],
        unit=title,
        limit=0.97,
        marks=marks,
    )


def frame(name: str) -> Frame:
    return Frame(name=name, label=name, description=name)


def elements(chart: Markup) -> list[ET.Element]:
    return list(ET.fromstring(chart).iter())  # noqa: S314 - it is our own


def group(chart: Markup, name: str) -> ET.Element:
    (found,) = [each for each in elements(chart) if each.get("id") == name]
    return found


def test_equal_data_gives_equal_bytes_whatever_matplotlib_is_set_up_to() -> None:
    before = lines(1.0, 1.1)
    with mpl.rc_context({"font.size": 30, "svg.fonttype": "path", "axes.grid": False}):
        after = lines(1.0, 1.1)

    assert before == after


def test_there_is_a_point_for_each_value_and_none_where_there_is_none() -> None:
    drawn = lines(1.0, 1.1, None, 0.9)

    assert [len(group(drawn, f"speed-series-{n}").findall(".//use")) for n in (0, 1)] == [3, 3]


def test_limit_and_changes_are_drawn_where_they_are_given() -> None:
    ids = {each.get("id") for each in elements(lines(1.0, 1.1, marks=[1]))}
    plain = charts.lines([Series(name="a", values=[1.0])], frame("a"), places=["b1"])

    assert {"speed-limit", "speed-mark-1"} <= ids
    assert {each.get("id") for each in elements(plain)}.isdisjoint({"a-limit", "a-mark-0"})


def test_a_screen_reader_is_told_what_it_is_and_what_it_shows() -> None:
    root, said, *_ = elements(lines(1.0, 1.1))

    assert (root.get("role"), root.get("aria-label")) == ("img", "The speed")
    assert (said.tag, said.text) == ("desc", "Of speed")
    assert root.get("aria-describedby") == said.get("id")


def test_two_charts_of_a_page_share_no_id() -> None:
    def ids(name: str) -> set[str | None]:
        drawn = charts.chart(lambda axes: axes.plot([1], [1]), frame(name))
        return {each.get("id") for each in elements(drawn)} - {None}

    assert ids("a").isdisjoint(ids("b"))


def test_what_a_chart_refers_to_is_in_it() -> None:
    drawn = lines(1.0, 1.1)
    ids = {each.get("id") for each in elements(drawn)}

    referred = re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', drawn)

    assert referred
    assert {one or other for one, other in referred} <= ids


def test_colours_are_the_page_s_and_its_text_is_text_in_the_page_s_font() -> None:
    drawn = lines(1.0, 1.1, title="tokens")

    assert re.search(r"#[0-9a-f]{6}\b", re.sub(r'(url\(|href=")#[^)"]+', "", drawn)) is None
    assert "font-family" not in drawn
    assert "tokens" in [each.text for each in elements(drawn) if each.tag == "text"]


def test_nothing_in_a_chart_reaches_the_page_or_the_network() -> None:
    drawn = lines(1.0, 1.1)

    assert {each.tag for each in elements(drawn)}.isdisjoint({"style", "metadata", "script"})
    assert "http" not in drawn


def test_a_hostile_name_is_text() -> None:
    harmless = lines(1.0, 1.1)
    hostile = lines(1.0, 1.1, title=HOSTILE)

    assert [each.tag for each in elements(hostile)] == [each.tag for each in elements(harmless)]
    assert "<script" not in hostile
    assert "\x1b" not in hostile


@settings(max_examples=10, deadline=None)
@given(st.text())
def test_whatever_a_name_is_it_can_be_drawn_and_read_back(name: str) -> None:
    assert elements(lines(1.0, 1.1, title=name))


def test_a_long_name_is_cut() -> None:
    assert charts.text("a" * 99) == "a" * 39 + "…"


def test_only_some_of_many_places_are_named() -> None:
    drawn = lines(*[1.0] * 1000)
    named = [each.text for each in elements(drawn) if re.fullmatch(r"b\d+", each.text or "")]

    assert len(named) == 5


def test_without_the_extra_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert charts.available()
    monkeypatch.setattr(charts, "find_spec", lambda _: None)
    assert not charts.available()


def test_matplotlib_is_loaded_when_it_draws_and_not_before() -> None:
    code = "import sys; import engine_ci.report.charts; print('matplotlib' in sys.modules)"

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)

    assert said.stdout == "False\n"
