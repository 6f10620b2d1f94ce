"""The page over builds and platforms, as one HTML file."""

from __future__ import annotations

import re
from datetime import date
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from engine_ci.pins.model import Hold
from engine_ci.records.gate import Engines
from engine_ci.report import charts, history, history_html, runs
from tests.unit.bump import records
from tests.unit.report import build, past
from tests.unit.report.past import engine, gated, record, run
from tests.unit.report.test_markdown import HOSTILE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine_ci.pins.model import Pin
    from engine_ci.report.runs import Run

TODAY = date(2026, 11, 22)


def page(*found: Run, pins: Iterable[Pin] | None = (), unread: Iterable[str] = ()) -> str:
    return history_html.render(history.gather(found, pins=pins, today=TODAY, unread=unread))


class Reader(HTMLParser):
    """The elements of a page with their attributes' names, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.ids: list[str] = []
        self.told = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(f"{tag} {sorted(name for name, _ in attrs)}")
        self.ids += [str(value) for name, value in attrs if name == "id"]

    def handle_data(self, data: str) -> None:
        self.told += f" {' '.join(data.split())}"


def told(text: str) -> str:
    """What is read of it."""
    return " ".join(Reader(text).told.split())


def test_a_build_is_told_with_all_it_brought() -> None:
    text = told(page(run(1, 0.9), run(2, 0.9)))

    assert (
        "b2 2 2026-01-03 06:00 2 b1 pass generation 0.900, 0.810 (0.799 to 0.822) since b0 "
        "3.00 s 1.0 MiB 20.0 MiB new --flag-2; gone --flag-1 new lib2.so; gone lib1.so b1 1"
    ) in text
    assert "Gates: 2. Builds: 2. Kinds of machine: 1." in text
    assert (
        "gate-macos-15 2026-01-03 06:00 0000000000 b2 b1 pass 1 passed "
        "generation 0.900 (0.891 to 0.909)"
    ) in text


def test_speed_start_memory_and_size_are_pictures_with_their_numbers() -> None:
    text = page(run(1, 0.9), run(2, 0.9))

    assert text.count("<svg") == text.count("<figure>") == 4
    for title in ("Speed: generation", "Start", "Memory", "Size"):
        assert f"<h3>{title}</h3>" in text
    assert "b2 0.900 0.810 0.799 to 0.822" in told(text)
    assert "b1 2.00 s b2 3.00 s" in told(text)


def test_a_single_build_is_no_picture() -> None:
    assert "<figure>" not in page(run(1, 0.9))


def test_what_is_known_of_one_build_only_is_no_picture_either() -> None:
    bare = build.result(engines=Engines(candidate=build.engine("b9")))

    text = page(run(1), run(2, runner="other"), runs.of("a", bare))

    assert "<figure>" not in text
    assert "Speed was not measured." in text


def test_a_build_without_a_value_leaves_a_gap() -> None:
    without = engine(2, runtime=None)
    known = (run(1), run(3, before=2))
    between = gated(2)
    engines = between.engines.model_copy(update={"candidate": without})
    result = between.model_copy(update={"engines": engines})

    text = told(page(*known, runs.of("gate-macos-15", result, record(result))))

    assert "b1 2.00 s b2 unknown b3 4.00 s" in text


def test_without_the_extra_the_numbers_stand_for_themselves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(charts, "available", lambda: False)

    text = page(run(1, 0.9), run(2, 0.9))

    assert "<svg" not in text
    assert "The charts need the extra report of engine-ci" in told(text)
    assert text.count("<details open>") == text.count("<figure>") == 4
    assert "The charts need" not in told(page())


def test_what_moved_the_speed_is_said_and_marked() -> None:
    moved = page(*(run(number, 0.8 if number == 3 else 1.0) for number in range(1, 6)))
    quiet = page(run(1, 1.0), run(2, 1.0))

    assert "Speed moved, beyond noise: generation: -20.0 % with b3 (pull request 3)" in told(moved)
    assert "A dotted line is a build that moved it beyond noise." in told(moved)
    assert re.search(r'id="place-0-0-mark-2"', moved)
    assert "b3 0.800 0.800 0.784 to 0.816 yes" not in told(quiet)
    assert "No build moved the speed beyond noise." in told(quiet)
    assert "dotted" not in told(quiet)


def test_a_start_on_another_level_is_said_and_marked() -> None:
    text = page(*past.slower_from(16))

    assert "Went over to another level: start: 0.20 s to 0.40 s, near b16 (pull request 16)" in (
        told(text)
    )
    assert "A dotted line is where it went over to another level." in told(text)
    assert re.findall(r'id="(place-0-level-\d-mark-\d+)"', text) == ["place-0-level-0-mark-15"]


def test_of_many_builds_the_last_are_pictured_and_those_before_counted() -> None:
    many = [run(number, 0.5 if number == 1 else 1.0) for number in range(1, 131)]

    text = page(*many)

    assert "30 builds before these are not in it." in told(text)
    assert "b30 1.000 0.500" not in told(text)
    assert "b31 1.000 0.500" in told(text)
    assert "place-0-0-mark-" not in text


def test_of_very_many_runs_the_newest_are_listed() -> None:
    many = [run(1) for _ in range(history_html.MOST_RUNS + 2)]

    text = page(*many)

    assert text.count('<th scope="row">gate-macos-15</th>') == history_html.MOST_RUNS
    assert "2 older runs are in history.md ." in told(text)


def test_holds_are_told_and_one_that_ended_says_so() -> None:
    holds = (
        Hold(version="b9", reason="crashes"),
        Hold(version="b8", reason="slow", until=date(2026, 11, 21)),
    )

    assert ("b9 llama.cpp crashes for ever b8 llama.cpp slow 2026-11-21, ended") in told(
        page(pins=[records.pin(holds=holds)])
    )
    assert "Holds None." in told(page())
    assert "Holds Unknown: no configuration was given." in told(page(pins=None))


def test_what_cannot_be_read_is_told_and_nothing_is_said_to_be_nothing() -> None:
    assert "Every run Nothing yet." in told(page())
    assert "Left out, since it cannot be read a: broken" in told(page(unread=["a: broken"]))


def test_the_page_asks_for_nothing_from_anywhere_and_runs_nothing() -> None:
    text = page(run(1, 0.9), run(2, 0.9))
    elements = Reader(text).elements

    assert "default-src 'none'" in text
    assert not [each for each in elements if each.split()[0] in ("script", "img", "link", "iframe")]
    assert not [each for each in elements if "'src'" in each]


def test_every_id_is_there_once_however_many_places_there_are() -> None:
    places = [run(number, 0.9, runner=name) for name in ("a", "b") for number in (1, 2)]

    ids = Reader(page(*places)).ids

    assert len(ids) == len(set(ids))
    assert {"place-0", "place-1", "place-1-0-series-0", "holds", "runs"} <= set(ids)


def spoken(words: str) -> str:
    """A page on which everything that others name is `words`."""
    held = Hold(version="b9", reason=words or "-")
    return page(*past.named(words), pins=[records.pin(holds=(held,))], unread=[words])


@settings(max_examples=20)
@given(HOSTILE)
def test_what_others_say_changes_nothing_around_it(words: str) -> None:
    # Drawing takes its time, and what stands in a chart is asked of `charts` itself.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(charts, "available", lambda: False)
        hostile, harmless = map(spoken, (f"{words}<script>", "harmless"))

    assert Reader(hostile).elements == Reader(harmless).elements


def test_nor_does_it_in_a_picture() -> None:
    assert Reader(spoken('"><script>alert(1)</script>')).elements == Reader(spoken("a")).elements
