"""The page over builds and platforms, as Markdown."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from hypothesis import given
from markdown_it import MarkdownIt

from engine_ci.pins.model import Hold
from engine_ci.records.gate import Engines, Verdict
from engine_ci.report import history, history_markdown, runs
from tests.unit.bump import records
from tests.unit.report import build, past
from tests.unit.report.past import engine, run
from tests.unit.report.test_markdown import HOSTILE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine_ci.pins.model import Pin
    from engine_ci.report.runs import Run

TODAY = date(2026, 11, 22)
PARSER = MarkdownIt("gfm-like", {"linkify": False})


def page(*found: Run, pins: Iterable[Pin] | None = (), unread: Iterable[str] = ()) -> str:
    return history_markdown.render(history.gather(found, pins=pins, today=TODAY, unread=unread))


def every_run(text: str) -> list[str]:
    """The rows of the last table."""
    _, _, rows = text.partition("### Every run\n\n")
    return rows.splitlines()[2:]


def builds(text: str) -> list[str]:
    """The rows of the first table."""
    lines = text.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("| build |"))
    return lines[first + 2 : lines.index("", first)]


def test_the_newest_comes_first_however_they_were_kept() -> None:
    text = page(run(2), run(3), run(1))

    assert [line.split(" | ")[0] for line in every_run(text)] == [
        "| 2026-01-04 06:00",
        "| 2026-01-03 06:00",
        "| 2026-01-02 06:00",
    ]
    assert [line.split(" | ")[:3] for line in builds(text)] == [
        ["| 3", "2026-01-04 06:00", "`b3`"],
        ["| 2", "2026-01-03 06:00", "`b2`"],
        ["| 1", "2026-01-02 06:00", "`b1`"],
    ]


def test_a_run_is_told_with_what_it_was_held_against_and_how_fast_it_is() -> None:
    (line,) = every_run(page(run(1, 0.98)))

    assert line == (
        "| 2026-01-02 06:00 | 0000000000 | `gate-macos-15` | `b1` | `b0` | ✅ pass | 1 passed "
        "| `generation` 0.980 (0.970 to 0.990) |"
    )


def test_an_unchanged_engine_and_one_without_another_beside_it_say_so() -> None:
    alone = build.result(engines=Engines(candidate=engine(1)), verdict=Verdict.INCONCLUSIVE)

    new, old = every_run(page(run(1, same_engine=True), runs.of("a", alone)))[::-1]

    assert "| `b1` | itself | ✅ pass |" in new
    assert new.endswith("| not measured |")
    assert "| unknown | `a` | `b1` | `nothing` | ❔ inconclusive |" in old


def test_a_build_is_told_with_all_it_brought() -> None:
    (_, row) = builds(page(run(1, 0.9), run(2, 0.9)))[::-1]

    assert row == (
        "| 2 | 2026-01-03 06:00 | `b2` | 2 | `b1` | ✅ pass "
        "| `generation 0.900, 0.810 (0.799 to 0.822) since b0` | 3.00 s | 1.0 MiB | 20.0 MiB "
        "| `new --flag-2; gone --flag-1` | `new lib2.so; gone lib1.so` |"
    )


def test_what_nobody_knows_of_a_build_is_called_unknown() -> None:
    bare = build.result(engines=Engines(candidate=build.engine("b1")))

    (row,) = builds(page(runs.of("a", bare)))

    assert row.endswith(
        "| unknown | `nothing` | ✅ pass | not measured | unknown | unknown | unknown | `unknown` "
        "| `unknown` |"
    )


def test_of_many_flags_the_first_are_named() -> None:
    many = engine(2, flags=tuple(f"--{letter}" for letter in "abcdefgh"))
    one = engine(1, flags=("--a",))
    same = engine(3, flags=("--a",), closure=one.closure)
    first, second = (
        runs.of("a", build.result(engines=Engines(candidate=candidate, baseline=one)))
        for candidate in (many, same)
    )

    rows = builds(page(first, second))

    assert "| `new --b, --c, --d and 4 more` |" in rows[1]
    assert rows[0].endswith("| `the same` | `the same` |")


def test_what_moved_the_speed_is_named_with_its_pull_request() -> None:
    steps = [1.0, 1.0, 0.8, 1.0]
    alone = [run(number, ratio) for number, ratio in enumerate(steps, 1)]
    drift = [run(number, 0.985, pull=None) for number in range(1, 21)]

    assert "Speed moved:\n\n- generation: -20.0 % with b3 (pull request 3)\n\n" in page(*alone)
    assert "- generation: -26.1 % from b1 to b20, bit by bit\n" in page(*drift)
    assert "No build moved the speed beyond noise." in page(run(1, 1.0), run(2, 1.001))


def test_a_start_on_another_level_is_named_with_the_build_that_it_is_near() -> None:
    text = page(*past.slower_from(16))

    assert (
        "Went over to another level:\n\n- start: 0.20 s to 0.40 s, near b16 (pull request 16)\n"
    ) in text
    assert "Went over" not in page(*past.slower_from(99))


def test_a_picture_shows_the_newest_chain_of_more_than_one_build() -> None:
    text = page(run(1, 0.5), run(2, 0.9), run(3), run(4, 0.9), run(5, 1.1))
    none = page(run(1, 0.5))

    assert text.count("```mermaid") == 1
    assert '    x-axis ["3", "4", "5"]\n' in text
    assert "    line [1.000, 0.900, 0.990]\n" in text
    assert "mermaid" not in none


def test_a_picture_of_many_builds_shows_the_last_of_them() -> None:
    text = page(*(run(number, 1.0) for number in range(1, 51)))

    (axis,) = (line for line in text.splitlines() if line.startswith("    x-axis"))
    assert axis.count(",") == 29
    assert axis.startswith('    x-axis ["21", "22"')
    assert axis.endswith('"50"]')


def test_platforms_and_hosts_have_a_table_of_their_own() -> None:
    text = page(run(1, 0.9), run(2, 0.9, runner=None))

    assert "### llama.cpp for ubuntu-x64 on Example CPU @ 2.00 GHz, 2 cores\n" in text
    assert "### llama.cpp for ubuntu-x64 on macos-15, Example CPU @ 2.00 GHz, 2 cores\n" in text
    assert text.count("| build |") == 2


def test_holds_are_those_of_the_pins_and_one_that_ended_says_so() -> None:
    holds = (
        Hold(version="b9", reason="crashes | @octocat"),
        Hold(version="b7..b8", reason="slow", until=date(2026, 11, 21)),
        Hold(version="b6", reason="slow", until=TODAY),
    )
    text = page(pins=[records.pin(holds=holds)])

    assert "### Holds\n\n| pin | held | why | until |\n" in text
    assert "| `llama.cpp` | `b9` | `crashes \\| @\u200boctocat` | for ever |\n" in text
    assert "| `llama.cpp` | `b7..b8` | `slow` | 2026-11-21, ended |\n" in text
    assert "| `llama.cpp` | `b6` | `slow` | 2026-11-22 |\n" in text
    assert "### Holds\n\nNone.\n" in page(pins=[records.pin()])
    assert "### Holds\n\nUnknown: no configuration was given.\n" in page(pins=None)


def test_where_nothing_was_kept_that_is_said() -> None:
    assert page() == (
        "## What the gate said of the main branch\n\nNothing yet.\n\n### Holds\n\nNone.\n"
    )


def test_what_cannot_be_read_is_left_out_and_told_as_text() -> None:
    text = page(run(1), unread=["gate-macos-15: <b>@octocat\n## no"])

    assert "Left out, since it cannot be read:\n\n- gate-macos-15: \\<b\\>@\u200boctocat" in text
    assert "\n## no" not in text


def spoken(words: str) -> str:
    """A page on which everything that others name is `words`."""
    held = Hold(version="b9", reason=words or "-")
    return page(
        *past.named(words), pins=[records.pin(holds=(held,))], unread=[f"gate-macos-15: {words}"]
    )


@given(HOSTILE)
def test_what_others_say_changes_nothing_around_it(words: str) -> None:
    hostile, harmless = (
        [token.type for token in PARSER.parse(spoken(said))] for said in (words, "harmless")
    )

    assert hostile == harmless
