"""Export tries, and what looks like one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.artifact.macho import exports
from engine_ci.artifact.macho.exports import Export
from engine_ci.errors import MachOError
from tests.unit.artifact import machos

AT_16 = b"\0\x10"


def found(raw: bytes) -> list[Export]:
    return list(exports.exports(memoryview(raw)))


def test_nothing_is_exported_by_no_trie() -> None:
    assert found(b"") == []


def test_a_symbol_has_an_address_unless_it_is_passed_on() -> None:
    raw = machos.trie(
        {
            "_own": b"\0" + machos.uleb(4096),
            "_shared": b"\x04" + machos.uleb(8),
            "_passed_on": b"\x08\x01_elsewhere\0",
            "_own_resolved": b"\x10\x20\x30",
        }
    )

    assert set(found(raw)) == {
        Export("_own", 4096, weak=False),
        Export("_shared", 8, weak=True),
        Export("_passed_on", None, weak=False),
        Export("_own_resolved", 0x20, weak=False),
    }


@given(st.sets(st.text("_abλ", max_size=6), max_size=20))
def test_every_name_is_found_once(names: set[str]) -> None:
    raw = machos.trie(dict.fromkeys(names, AT_16))

    assert sorted(each.name for each in found(raw)) == sorted(names)


@given(st.sets(st.text("_abλ", max_size=6), max_size=20), st.text("_abλ", max_size=6))
def test_a_name_is_found_by_itself_where_it_is_among_all(names: set[str], other: str) -> None:
    raw = machos.trie(dict.fromkeys(names, AT_16))

    for name in names | {other}:
        sought = exports.find(memoryview(raw), name)
        assert (sought is not None) == (name in names)
        assert sought is None or sought in found(raw)


def test_nothing_is_found_in_no_trie() -> None:
    assert exports.find(memoryview(b""), "_a") is None


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"\0\1a\0\0", "the node at byte 0 is reached twice"),
        (b"\0\2a\0\x08b\0\x08\0\0", "the node at byte 8 is reached twice"),
        (b"\0\1a\0\x7f", "found the end at byte 5"),
        (b"\0\1a\0" + machos.uleb(2**64 - 1), "found the end"),
        (b"\0\xff", "found the end"),
        (b"\x7f\0\x10\0", "found the end"),
        (b"\0", "found the end"),
        (b"\2\0", "found the end"),
        (b"\0\1\xff\0\5\2\0\x10\0", "not readable"),
    ],
)
def test_a_damaged_trie_is_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(MachOError, match=f"^export trie: .*{reason}"):
        found(raw)


def test_the_way_to_a_name_that_leads_in_a_circle_is_refused() -> None:
    circle = b"\0\1\0\0"  # an edge without a letter, back to where it begins

    with pytest.raises(MachOError, match="the node at byte 0 is reached twice"):
        exports.find(memoryview(circle), "_a")


def test_names_that_grow_without_measure_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "_MOST_WORK", 10_000)
    raw = machos.trie({"a" * 200: AT_16})
    assert len(raw) < 10_000

    with pytest.raises(MachOError, match="too long, taken together"):
        found(raw)
    with pytest.raises(MachOError, match="10000 bytes at most, found 10001"):
        found(bytes(10_001))
