"""Charts as text, for GitHub to draw."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.report import mermaid
from tests.unit.report.past import measurement

NAMES = st.text() | st.sampled_from(['"]', "gh-1", "a\n```\n", "%%{init}%%", "-->", "---", "#1"])


def test_each_metric_has_a_bar_between_its_bounds() -> None:
    text = mermaid.ratios([measurement(0.98, metric="prompt"), measurement(1.02)])

    assert text.splitlines() == [
        "```mermaid",
        "---",
        "config:",
        "  themeVariables:",
        "    xyChart:",
        '      plotColorPalette: "lightskyblue, cornflowerblue, royalblue, crimson"',
        "---",
        "xychart-beta",
        '    title "Speed over that of the baseline"',
        '    x-axis ["prompt", "generation"]',
        '    y-axis "ratio"',
        "    bar [0.990, 1.030]",
        "    bar [0.980, 1.020]",
        "    bar [0.970, 1.010]",
        "    line [1.000, 1.000]",
        "```",
    ]


def test_a_chain_is_a_line_between_two() -> None:
    text = mermaid.chain("generation", [(0.9, 1.0, 1.1), (0.8, 0.9, 1.0)], first=4)

    assert text.splitlines()[7:] == [
        "xychart-beta",
        '    title "generation"',
        '    x-axis ["4", "5"]',
        '    y-axis "ratio"',
        "    line [1.000, 0.900]",
        "    line [0.900, 0.800]",
        "    line [1.100, 1.000]",
        "```",
    ]


@pytest.mark.parametrize(
    "bounds",
    [{"low": 0.0}, {"low": -1.0}, {"low": 2.0}, {"high": 0.5}, {"high": 1e300}],
)
def test_a_ratio_that_cannot_be_one_is_not_drawn(bounds: dict[str, float]) -> None:
    absurd = measurement(1.0).model_copy(update=bounds)

    assert mermaid.ratios([absurd]) == ""
    assert '["prompt"]' in mermaid.ratios([absurd, measurement(1.0, metric="prompt")])


@given(st.lists(NAMES, min_size=1, max_size=5))
def test_whatever_a_metric_is_called_it_stays_a_label(names: list[str]) -> None:
    text = mermaid.ratios(measurement(1.0, metric=name) for name in names)
    harmless = mermaid.ratios([measurement(1.0)])

    axis = next(line for line in text.splitlines() if "x-axis" in line)
    assert re.fullmatch(r'    x-axis \[("[A-Za-z0-9_\u200b-]{1,25}"(, )?)+\]', axis)
    assert len(text.splitlines()) == len(harmless.splitlines())
    assert not re.search(r"#\d|gh-\d|-->|\{\{|\$\{", text, re.IGNORECASE)
