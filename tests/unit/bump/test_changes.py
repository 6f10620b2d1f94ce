from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine_ci.bump import changes
from engine_ci.bump.changes import Resized
from engine_ci.records.gate import Engines
from engine_ci.records.upstream import Names
from tests.unit.bump import records

ENGINES = records.result().engines
names = st.lists(st.sampled_from("abcdef"))


@given(before=names, after=names)
def test_what_is_gained_and_lost_turns_one_set_into_the_other(
    before: list[str], after: list[str]
) -> None:
    change = Names.between(before, after)

    assert (set(before) - set(change.lost)) | set(change.gained) == set(after)
    assert not set(change.gained) & set(before)
    assert (change == Names()) == (set(before) == set(after))


def test_flags_are_those_that_both_engines_told() -> None:
    change = changes.compare(None, records.bundle(), engines=ENGINES)

    assert change.flags == Names(gained=("--host",), lost=("--mlock", "--mmap"))


def test_flags_are_unknown_without_a_baseline() -> None:
    alone = Engines(candidate=ENGINES.candidate)

    assert changes.compare(None, records.bundle(), engines=alone).flags is None


def test_flags_are_unknown_where_an_engine_told_none() -> None:
    silent = Engines(candidate=records.engine("0.1.3", tree="e"), baseline=ENGINES.baseline)

    assert changes.compare(None, records.bundle(), engines=silent).flags is None


def test_without_a_bundle_of_the_pin_nothing_is_said_about_files() -> None:
    assert changes.compare(None, records.bundle(), engines=ENGINES).closure is None


def test_every_file_is_the_same_changed_added_or_removed() -> None:
    closure = changes.compare(records.before(), records.bundle(), engines=ENGINES).closure

    assert closure is not None
    assert [file.path for file in closure.added] == ["bin/libllama.so"]
    assert [file.path for file in closure.removed] == ["bin/libcommon.so"]
    assert closure.changed == (
        Resized(path="bin/libggml-cpu.so", before=1_000_000, after=1_100_000),
        Resized(path="bin/llama-server", before=8_900_000, after=9_000_000),
    )
    assert closure.same == 1
    assert (closure.before, closure.after) == (10_601_078, 14_101_078)
    assert closure.system_libraries == Names(gained=("libgomp.so.1",), lost=())
    assert closure.architectures == Names(gained=("qwen3next",), lost=())
    assert not closure.identical


def test_equal_hashes_mean_identical_engines() -> None:
    same = records.before(tree_sha256=records.bundle().tree_sha256)

    closure = changes.compare(same, records.bundle(), engines=ENGINES).closure

    assert closure is not None
    assert closure.identical


def test_architectures_are_unknown_where_one_side_lists_none() -> None:
    silent = records.before(architectures=())

    closure = changes.compare(silent, records.bundle(), engines=ENGINES).closure

    assert closure is not None
    assert closure.architectures is None
