from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine_ci.records.gate import Engines
from engine_ci.report import made_of
from tests.unit.report.build import LARGER, check, closure, engine, result

FILES = st.lists(
    st.tuples(st.sampled_from("abcd"), st.integers(0, 9), st.sampled_from("0123")),
    unique_by=lambda file: file[0],
)


def test_a_file_is_removed_added_changed_or_the_same() -> None:
    before = closure(("gone", 1, "1"), ("moved", 4, "1"), ("same", 1, "1"))
    after = closure(("moved", 4, "2"), ("new", 3, "1"), ("same", 1, "1"))

    found = made_of.files(before, after)

    assert [(each.path, each.change, each.more) for each in found] == [
        ("gone", "removed", -1),
        ("new", "added", 3),
        ("moved", "changed", 0),
        ("same", "same", 0),
    ]


def test_without_a_baseline_every_file_is_new() -> None:
    assert [each.change for each in made_of.files(None, closure(("a", 1, "1")))] == ["added"]


@given(FILES, FILES)
def test_what_files_have_more_adds_up_to_what_the_engine_has_more(
    before: list[tuple[str, int, str]], after: list[tuple[str, int, str]]
) -> None:
    old, new = closure(*before), closure(*after)

    found = made_of.files(old, new)

    assert sum(each.more for each in found) == new.size - old.size
    assert {each.path for each in found} == {path for path, *_ in [*before, *after]}


def test_libraries_and_flags_are_told_where_both_engines_are_known() -> None:
    found = dict(made_of.names(LARGER))

    assert found["Libraries of the system"] == made_of.Names(gone=(), new=("libnew.so",))
    assert found["Flags of the program"] == made_of.Names(gone=("--mmap",), new=("--new",))


def test_of_what_was_not_recorded_nothing_is_said() -> None:
    alone = result(check("a"), engines=Engines(candidate=engine("1")))
    before = result(check("a"), engines=Engines(candidate=engine("1"), baseline=engine("0")))

    assert list(made_of.names(alone)) == []
    assert [name for name, _ in made_of.names(before)] == ["Flags of the program"]
