from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from hypothesis import given, settings
from hypothesis import strategies as st

from engine_ci.records.gate import Check, Engines, GateResult, Margins, Status
from engine_ci.records.runtime import Grade, Measured
from engine_ci.report import charts
from engine_ci.report.figures import drift, margins, runtime, speed
from tests.unit.report.build import ENGINES, PASSED, check, measurement, result

if TYPE_CHECKING:
    import pytest

    from engine_ci.records.gate import Measurement
    from engine_ci.report.figures.figure import Figure

PAIRS = ((0.95, 1.01, 1.02), (0.99, 1.0, 1.04))


def measured(*metrics: Measurement) -> GateResult:
    return result(check("loads/a"), performance=metrics)


def moved(
    name: str,
    *positions: float,
    largest: float | None = 1e-4,
    margin: float = 0.5,
    status: Status = Status.PASS,
) -> Check:
    found = Margins(
        margin=margin,
        largest=largest,
        measure="mean difference",
        positions=positions,
        passes=4e-5 if positions else None,
        fails=3e-4 if positions else None,
    )
    return check(name, status).model_copy(update={"margins": found})


def group(figure: Figure, name: str) -> ET.Element | None:
    """The part of the chart that is called that."""
    root = ET.fromstring(figure.chart)  # noqa: S314 - it is our own
    return next((each for each in root.iter() if each.get("id") == name), None)


def dots(figure: Figure, name: str) -> int:
    found = group(figure, name)
    assert found is not None
    return len(list(found.iter("use")))


def test_there_is_a_picture_of_all_metrics_and_one_of_the_pairs_of_each() -> None:
    found = speed.figures(
        measured(measurement("prompt", limit=0.97, samples=PAIRS), measurement("before"))
    )

    assert [figure.title for figure in found] == ["All metrics", "prompt"]
    assert speed.figures(result(check("loads/a"))) == []


def test_a_result_of_before_has_bounds_and_no_limit() -> None:
    (overview,) = speed.figures(measured(measurement("prompt")))

    assert group(overview, "speed-bounds-0") is not None
    assert group(overview, "speed-limit-0") is None
    assert overview.rows == (("prompt", "1.002", "0.991 to 1.013", "unknown", "36", "12", "ok"),)


def test_every_pair_is_a_dot_and_limit_and_bounds_are_drawn() -> None:
    _, pairs = speed.figures(measured(measurement(limit=0.97, samples=PAIRS)))

    assert [dots(pairs, f"speed-0-pairs-{restart}") for restart in (1, 2)] == [3, 3]
    assert group(pairs, "speed-0-limit") is not None
    assert group(pairs, "speed-0-bounds") is not None
    assert pairs.caption == "1.002 (0.991 to 1.013, limit 0.97), ok; 2 of 36 pairs were slower."
    assert pairs.rows[0] == ("1", "1.010", "0.950, 1.010, 1.020")


def test_pairs_that_are_far_out_are_drawn_at_the_edge_and_counted() -> None:
    _, pairs = speed.figures(measured(measurement(limit=0.97, samples=((0.1, 1.0), (9.0, 1.0)))))

    assert pairs.caption.endswith("Drawn at the edge, since further out: 2.")
    assert dots(pairs, "speed-0-pairs-1") == dots(pairs, "speed-0-pairs-2") == 2
    assert pairs.rows[1] == ("2", "5.000", "9.000, 1.000")


def test_pairs_of_a_result_without_a_limit_are_drawn_without_one() -> None:
    _, pairs = speed.figures(measured(measurement(samples=PAIRS)))

    assert group(pairs, "speed-0-limit") is None
    assert pairs.caption.startswith("1.002 (0.991 to 1.013), ok")


@settings(max_examples=8)
@given(
    st.lists(
        st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=4).map(tuple), min_size=1, max_size=4
    ).map(tuple)
)
def test_no_pair_is_drawn_outside_the_picture(samples: tuple[tuple[float, ...], ...]) -> None:
    _, pairs = speed.figures(measured(measurement(limit=0.97, samples=samples)))
    root = ET.fromstring(pairs.chart)  # noqa: S314 - it is our own
    places = [
        float(use.get("y", "nan"))
        for each in root.iter()
        if each.get("id", "").startswith("speed-0-pairs-")
        for use in each.iter("use")
    ]

    assert len(places) == len(list(chain.from_iterable(samples)))
    assert all(0 <= place <= charts.HEIGHT for place in places)


def test_drift_is_shown_from_the_reference_and_from_the_baseline_the_furthest_first() -> None:
    reference, baseline = drift.figures(
        result(
            moved("drift/a/reference", 1e-5, 2e-5),
            moved("drift/b/reference", 1e-5, 8e-5, status=Status.WARN),
            moved("drift/a/baseline-strict", 0.0, 0.0),
            check("drift/suspect"),
        )
    )

    assert reference.title == "Drift from the reference"
    assert reference.rows[0] == (
        "drift/b/reference", "warn", "4e-05 nats", "2 of it at token 2", "1.0e-04 nats",
    )  # fmt: skip
    assert reference.caption.endswith("Furthest: drift/b/reference, drift/a/reference.")
    assert "None has moved at all." in baseline.caption
    for number in range(2):
        assert group(reference, f"drift-reference-check-{number}") is not None
    assert group(reference, "drift-reference-limit") is not None


def test_a_check_that_warns_is_drawn_in_another_colour() -> None:
    (figure,) = drift.figures(result(moved("drift/a/reference", 8e-5, status=Status.WARN)))

    assert "var(--warn)" in figure.chart
    assert "var(--baseline)" not in figure.chart


def test_margins_are_shown_beside_what_has_moved() -> None:
    (figure,) = margins.figures(
        result(
            moved("tokens/a/strict", largest=None, margin=3.5),
            moved("tokens/b/strict", largest=None, margin=10.5),
            moved("drift/a/reference", 1e-5, largest=2e-4),
            moved("drift/a/baseline-app", 0.0, largest=0.0),
        )
    )

    assert [dots(figure, f"margins-margins-{row}") for row in range(3)] == [2, 1, 1]
    assert "least margin 3.5 to 10 nats; from the reference 0.0002 to 0.0002" in figure.caption
    assert figure.rows[0] == ("tokens/a/strict", "3.5 nats", "tokens only")
    assert figure.rows[2] == ("drift/a/reference", "0.5 nats", "2.0e-04 nats")


def test_an_axis_within_one_power_of_ten_says_its_numbers_in_figures() -> None:
    (figure,) = margins.figures(
        result(
            moved("tokens/a/strict", largest=None, margin=3.8),
            moved("tokens/b/strict", largest=None, margin=11),
        )
    )

    chart = ET.fromstring(figure.chart)  # noqa: S314 - it is our own
    words = {text.strip() for text in chart.itertext()}
    assert {"4", "6", "10"} <= words
    assert not any("mathdefault" in word for word in words)


def test_where_only_tokens_were_compared_there_are_margins_alone() -> None:
    (figure,) = margins.figures(result(moved("tokens/a/strict", largest=None)))

    assert group(figure, "margins-margins-1") is None


def test_a_result_of_before_has_no_picture_of_drift() -> None:
    assert drift.figures(PASSED) == []
    assert margins.figures(PASSED) == []


def started(now: Measured | None, before: Measured | None) -> GateResult:
    engines = Engines(
        candidate=ENGINES.candidate.model_copy(update={"runtime": now}),
        baseline=ENGINES.candidate.model_copy(update={"runtime": before}),
    )
    return result(check("loads/a"), engines=engines)


def test_memory_and_start_time_are_compared_where_both_are_known() -> None:
    now = Measured(health=Grade.OK, start_s=0.05, tokens_per_s=900.4, resident=3 << 20)
    before = Measured(health=Grade.OK, start_s=0.04, tokens_per_s=1000, resident=None)

    (figure,) = runtime.figures(started(now, before))

    assert figure.rows == (
        ("first answer", "40.0 ms", "50.0 ms", "1.25"),
        ("generation", "1000 tokens/s", "900 tokens/s", "0.90"),
        ("memory in RAM", "not measured", "3.00 MiB", ""),
    )
    assert dots(figure, "runtime-ratios") == 2


def test_without_a_baseline_that_was_measured_there_are_numbers_and_no_chart() -> None:
    (figure,) = runtime.figures(started(Measured(health=Grade.OK, start_s=0.05), None))

    assert (figure.chart, figure.rows) == ("", (("first answer", "not measured", "50.0 ms", ""),))
    assert runtime.figures(started(None, None)) == []
    assert runtime.figures(started(Measured(health=Grade.DOWN), None)) == []
    alone = Engines(candidate=started(Measured(health=Grade.OK, load_s=1), None).engines.candidate)
    assert len(runtime.figures(result(check("a"), engines=alone))) == 1


def test_without_the_extra_there_are_all_numbers_and_no_chart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown = measured(measurement(samples=PAIRS))
    drawn = speed.figures(shown)
    monkeypatch.setattr(charts, "available", lambda: False)
    plain = speed.figures(shown)

    assert [figure.rows for figure in plain] == [figure.rows for figure in drawn]
    assert [figure.chart for figure in plain] == ["", ""]
    assert all(figure.chart for figure in drawn)
