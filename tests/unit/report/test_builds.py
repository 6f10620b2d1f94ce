"""One engine after the other, on machines of one kind."""

from __future__ import annotations

from engine_ci.records.gate import Engines
from engine_ci.records.runtime import Grade, Measured
from engine_ci.report import builds, runs
from tests.unit.report import build as results
from tests.unit.report.past import engine, gated, measurement, record, run


def test_runs_of_one_engine_are_one_build_until_another_takes_its_place() -> None:
    found = builds.of([run(1), run(1), run(2), run(1, before=2)])

    assert [(each.engine.version, len(each.runs)) for each in found] == [
        ("b1", 2),
        ("b2", 1),
        ("b1", 1),
    ]
    before = [each.before.version if each.before else None for each in found]
    assert before == ["b0", "b1", "b2"]


def test_the_run_that_brought_a_build_says_what_it_was_held_against() -> None:
    unmoved = gated(1, before=1)

    (found,) = builds.of([runs.of("a", unmoved), run(1, 0.9)])
    (alone,) = builds.of([runs.of("a", unmoved)])

    assert found.before is not None
    assert found.before.version == "b0"
    assert alone.before is None


def test_start_and_memory_are_the_medians_of_all_runs() -> None:
    seen = [
        Measured(health=Grade.OK, start_s=start, resident=resident)
        for start, resident in ((1.0, 10), (9.0, 30), (2.0, 20))
    ]
    found = builds.of(
        runs.of("a", results.result(engines=Engines(candidate=engine(1, runtime=each))))
        for each in (*seen, None)
    )

    assert [(each.start_s, each.resident) for each in found] == [(2.0, 20)]


def test_what_nobody_measured_is_not_known() -> None:
    bare = results.result(engines=Engines(candidate=results.engine("b1")))

    (found,) = builds.of([runs.of("a", bare)])

    assert (found.start_s, found.resident, found.size) == (None, None, None)
    assert (found.flags, found.files) == (None, None)


def test_flags_files_and_libraries_are_told_by_what_came_and_went() -> None:
    (found,) = builds.of([run(1)])

    assert found.size == (20 << 20) + 1
    assert found.flags is not None
    assert found.files is not None
    assert (found.flags.gained, found.flags.lost) == (("--flag-1",), ("--flag-0",))
    assert (found.files.gained, found.files.lost) == (("lib1.so",), ("lib0.so",))


def test_only_what_was_measured_against_the_build_before_counts() -> None:
    (found,) = builds.of([run(1, 0.9), run(1, 0.8, before=7), run(1, before=1), run(1, 0.7)])

    assert [item.ratio for item in found.measured("generation")] == [0.9, 0.7]
    assert found.measured("prompt") == []


def test_metrics_are_those_that_were_measured_as_they_came() -> None:
    found = builds.of(
        runs.of("a", gated(number, measurement(1.0, metric=name)))
        for number, name in enumerate(("prompt", "generation", "prompt"), 1)
    )

    assert builds.metrics(found) == ["prompt", "generation"]


def test_machines_of_another_kind_are_another_place() -> None:
    other = gated(2)
    host = other.host.model_copy(update={"processor": "Another CPU"})
    moved = runs.of("a", other.model_copy(update={"host": host}), record(other))
    labelled = run(3, runner="macos-14")

    found = runs.by_place([labelled, moved, run(2), run(1)])

    assert [
        (place.runner, place.processor, [each.candidate.version for each in seen])
        for place, seen in found.items()
    ] == [
        ("macos-14", "Example CPU @ 2.00 GHz", ["b3"]),
        ("macos-15", "Another CPU", ["b2"]),
        ("macos-15", "Example CPU @ 2.00 GHz", ["b1", "b2"]),
    ]


def test_a_result_without_a_record_is_a_run_of_no_known_commit() -> None:
    alone = runs.of("a", gated(1))
    same = runs.of("a", gated(1, before=1))
    lonely = runs.of("a", results.result(engines=Engines(candidate=engine(1))))

    assert (alone.commit, alone.pull, alone.runner, alone.started.day) == ("", None, "", 2)
    assert (alone.same_engine, same.same_engine, lonely.same_engine) == (False, True, False)


def test_a_record_says_of_what_commit_and_on_which_runner_it_was() -> None:
    told = run(5, same_engine=True)

    assert (told.commit, told.pull, told.runner, told.same_engine) == (
        "5".zfill(40),
        5,
        "macos-15",
        True,
    )
