"""Imports that bind opcodes state: small programs that fill in pointers, followed but not run."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from engine_ci.artifact.macho.cursor import Cursor
from engine_ci.artifact.macho.imports import Import, Ordinal
from engine_ci.errors import MachOError

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_BYTES = 1 << 21
_MAY_BE_MISSING = 0x1


class _Opcode(IntEnum):
    """The upper half of a byte; the lower is a small operand."""

    DONE = 0x00
    SET_ORDINAL = 0x10
    SET_ORDINAL_ULEB = 0x20
    SET_SPECIAL_ORDINAL = 0x30
    SET_SYMBOL = 0x40
    SET_TYPE = 0x50
    SET_ADDEND_SLEB = 0x60
    SET_PLACE_ULEB = 0x70
    ADD_ADDRESS_ULEB = 0x80
    BIND = 0x90
    BIND_ADD_ADDRESS_ULEB = 0xA0
    BIND_ADD_ADDRESS = 0xB0
    BIND_TIMES_SKIPPING_ULEB = 0xC0
    THREADED = 0xD0


_BINDS = frozenset(opcode for opcode in _Opcode if opcode.name.startswith("BIND"))
_NUMBERS: dict[int, int] = {
    _Opcode.SET_TYPE: 0,
    _Opcode.SET_ADDEND_SLEB: 1,
    _Opcode.SET_PLACE_ULEB: 1,
    _Opcode.ADD_ADDRESS_ULEB: 1,
    _Opcode.BIND: 0,
    _Opcode.BIND_ADD_ADDRESS_ULEB: 1,
    _Opcode.BIND_ADD_ADDRESS: 0,
    _Opcode.BIND_TIMES_SKIPPING_ULEB: 2,
}
_THREADED_NUMBERS = {0: 1, 1: 0}  # the size of a table, or the order to use it


def bound(stream: memoryview) -> Iterator[Import]:
    """The imports of a bind stream, some more than once.

    Raises:
        MachOError: the stream is damaged.
    """
    return _Program(stream, what="binds").imports()


def lazily_bound(stream: memoryview) -> Iterator[Import]:
    """The imports of a lazy-bind stream, whose entries dyld runs one by one, each from scratch."""
    return _Program(stream, what="lazy binds", entries=True).imports()


def weakly_bound(stream: memoryview) -> Iterator[Import]:
    """The definitions that C++ shares among images, each of the ordinal WEAK_LOOKUP.

    Most are also bound, strongly: nothing here tells whether a symbol may be missing.
    """
    return _Program(stream, what="weak binds", ordinal=Ordinal.WEAK_LOOKUP).imports()


class _Program:
    def __init__(
        self, stream: memoryview, *, what: str, ordinal: int = Ordinal.SELF, entries: bool = False
    ) -> None:
        if len(stream) > _MOST_BYTES:
            raise MachOError(f"{what}: expected at most {_MOST_BYTES} bytes, found {len(stream)}")
        self._cursor = Cursor(bytes(stream), what=what)
        self._what = what
        self._entries = entries
        self._start = ordinal
        self._name: str | None = None
        self._weak = False
        self._ordinal = ordinal

    def imports(self) -> Iterator[Import]:
        while not self._cursor.at_end:
            byte = self._cursor.byte()
            opcode = byte & 0xF0
            if opcode == _Opcode.DONE:
                if not self._entries:
                    return
                self._reset()
            elif opcode == _Opcode.SET_SYMBOL:
                self._name = self._cursor.text()
                self._weak = bool(byte & _MAY_BE_MISSING)
            elif opcode <= _Opcode.SET_SPECIAL_ORDINAL:
                self._ordinal = self._next_ordinal(opcode, byte & 0x0F)
            else:
                self._skip_numbers(opcode, byte & 0x0F)
            if opcode in _BINDS:
                yield self._import()

    def _reset(self) -> None:
        self._name, self._weak, self._ordinal = None, False, self._start

    def _next_ordinal(self, opcode: int, operand: int) -> int:
        if opcode == _Opcode.SET_ORDINAL:
            return operand
        if opcode == _Opcode.SET_ORDINAL_ULEB:
            return self._cursor.uleb()
        return operand - 0x10 if operand else Ordinal.SELF

    def _skip_numbers(self, opcode: int, operand: int) -> None:
        count = (
            _THREADED_NUMBERS.get(operand) if opcode == _Opcode.THREADED else _NUMBERS.get(opcode)
        )
        if count is None:
            raise MachOError(f"{self._what}: unknown opcode {opcode | operand:#04x}")
        for _ in range(count):
            self._cursor.uleb()

    def _import(self) -> Import:
        if self._name is None:
            raise MachOError(f"{self._what}: a symbol is bound before it is named")
        return Import(name=self._name, ordinal=self._ordinal, weak=self._weak)
