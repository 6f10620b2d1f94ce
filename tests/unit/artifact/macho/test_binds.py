"""Bind opcodes: what they import, and what is refused."""

from __future__ import annotations

import time

import pytest

from engine_ci.artifact.macho import binds
from engine_ci.artifact.macho.imports import Import, Ordinal
from engine_ci.errors import MachOError
from tests.unit.artifact import machos

PLACE = b"\x51\x72" + machos.uleb(4096)  # of type pointer, into segment 2
BIND = b"\x90"


def strong(name: str, ordinal: int) -> Import:
    return Import(name=name, ordinal=ordinal, weak=False)


def found(*program: bytes) -> list[Import]:
    return list(binds.bound(memoryview(b"".join(program))))


def test_a_symbol_is_bound_to_the_library_and_with_the_flag_set_last() -> None:
    assert found(
        b"\x11",
        machos.symbol("_one"),
        PLACE,
        BIND,
        machos.symbol("_two", flags=1),
        BIND,
        b"\x20" + machos.uleb(300),
        machos.symbol("_three"),
        BIND,
    ) == [strong("_one", 1), Import("_two", 1, weak=True), strong("_three", 300)]


def test_the_mark_of_a_definition_is_not_that_of_a_weak_import() -> None:
    assert found(b"\x11", machos.symbol("_x", flags=8), BIND) == [strong("_x", 1)]


@pytest.mark.parametrize(
    ("operand", "ordinal"),
    [
        (0x0, Ordinal.SELF),
        (0xF, Ordinal.MAIN_EXECUTABLE),
        (0xE, Ordinal.FLAT_LOOKUP),
        (0xD, Ordinal.WEAK_LOOKUP),
    ],
)
def test_special_ordinals_are_negative(operand: int, ordinal: Ordinal) -> None:
    assert found(bytes([0x30 | operand]), machos.symbol("_x"), BIND) == [strong("_x", ordinal)]


@pytest.mark.parametrize(
    "bind",
    [
        b"\x90",
        b"\xa0" + machos.uleb(1 << 40),
        b"\xb7",
        b"\xc0" + machos.uleb(1 << 62) + machos.uleb(8),
    ],
)
def test_every_way_to_bind_names_the_symbol(bind: bytes) -> None:
    numbers = b"\x60\x7f\x80" + machos.uleb(24)  # an addend, a step

    assert found(b"\x12", machos.symbol("_x"), numbers, bind) == [strong("_x", 2)]


def test_threaded_binds_fill_a_table_first() -> None:
    program = (b"\xd0", machos.uleb(1), b"\x11", machos.symbol("_x"), BIND, b"\x72\x08\xd1")

    assert found(*program) == [strong("_x", 1)]


def test_a_bind_stream_ends_where_it_says_so() -> None:
    assert found(b"\x11", machos.symbol("_x"), BIND, b"\0", b"\xff") == [strong("_x", 1)]


def test_lazy_entries_are_run_each_from_scratch() -> None:
    one = b"\x72\x00\x11" + machos.symbol("_one", flags=1) + BIND + b"\0"
    two = b"\x72\x08" + machos.symbol("_two") + BIND + b"\0\0\0"

    assert list(binds.lazily_bound(memoryview(one + two))) == [
        Import("_one", 1, weak=True),
        strong("_two", Ordinal.SELF),
    ]


def test_shared_definitions_are_looked_up_anywhere() -> None:
    program = machos.symbol("_one", flags=8) + machos.symbol("_two") + PLACE + BIND

    assert list(binds.weakly_bound(memoryview(program))) == [strong("_two", Ordinal.WEAK_LOOKUP)]


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        (BIND, "bound before it is named"),
        (b"\xe0", "unknown opcode 0xe0"),
        (b"\xd2", "unknown opcode 0xd2"),
        (b"\x40_x", "the name or number behind byte 0 has no end"),
        (b"\x40\xff\0", "not readable"),
        (b"\x51\x20", "the name or number behind byte 1 has no end"),
        (b"\x70\x80", "behind byte 0 has no end"),
        (b"\x70" + b"\x80" * 10 + b"\0", "behind byte 0 has no end"),
    ],
)
def test_a_damaged_stream_is_refused(program: bytes, reason: str) -> None:
    with pytest.raises(MachOError, match=f"^binds: .*{reason}"):
        found(program)


def test_the_longest_stream_that_is_read_takes_seconds_at_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(binds, "_MOST_BYTES", 1 << 16)
    start = time.process_time()
    assert len(found(machos.symbol("_x"), BIND * ((1 << 16) - 4))) == (1 << 16) - 4
    assert time.process_time() - start < 2

    with pytest.raises(MachOError, match="at most 65536 bytes, found 65537"):
        found(bytes((1 << 16) + 1))
