"""Imports that bind opcodes state: small programs that fill in pointers, followed but not run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from engine_ci.artifact.macho import fields
from engine_ci.artifact.macho.imports import Import, Ordinal
from engine_ci.errors import MachOError

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_BYTES = 1 << 21
_MAY_BE_MISSING = 0x1

# The upper half of an opcode tells what it does, the lower is a small operand. A number is in
# LEB128, of at most 64 bits. A step ends with what matters of a symbol.
_STEP: Final = re.compile(
    rb"""
    (?: [\x50-\x5f\xd1]                        # SET_TYPE, THREADED: skipped, as it says where to
      | [\x60-\x8f\xd0] %(number)s             # SET_ADDEND, SET_SEGMENT_AND_OFFSET, ADD_ADDR
    )*+
    (?: (?P<flags> [\x40-\x4f] )               # SET_SYMBOL
        (?P<symbol> [^\0]*+ ) \0
      | (?P<bind> [\x90-\x9f\xb0-\xbf]         # DO_BIND, and with ADD_ADDR_IMM_SCALED
        | [\xa0-\xaf] %(number)s               # with ADD_ADDR
        | [\xc0-\xcf] (?:%(number)s){2} )      # TIMES_SKIPPING
      | (?P<ordinal> [\x10-\x1f\x30-\x3f]      # SET_DYLIB_ORDINAL, SPECIAL
        | [\x20-\x2f] %(number)s )
      | (?P<done> [\x00-\x0f] )
      | (?P<damaged> . )
      | \Z )
    """
    % {b"number": rb"[\x80-\xff]{0,9}[\x00-\x7f]"},
    re.VERBOSE | re.DOTALL,
)
_SPECIAL: Final = 0x30
_UNKNOWN: Final = 0xD2


def bound(stream: memoryview) -> Iterator[Import]:
    """The imports of a bind stream, some more than once.

    Raises:
        MachOError: the stream is damaged.
    """
    return _imports(stream, what="binds")


def lazily_bound(stream: memoryview) -> Iterator[Import]:
    """The imports of a lazy-bind stream, whose entries dyld runs one by one, each from scratch."""
    return _imports(stream, what="lazy binds", entries=True)


def weakly_bound(stream: memoryview) -> Iterator[Import]:
    """The definitions that C++ shares among images, each of the ordinal WEAK_LOOKUP.

    Most are also bound, strongly: nothing here tells whether a symbol may be missing.
    """
    return _imports(stream, what="weak binds", start=Ordinal.WEAK_LOOKUP)


def _imports(
    stream: memoryview, *, what: str, start: int = Ordinal.SELF, entries: bool = False
) -> Iterator[Import]:
    if len(stream) > _MOST_BYTES:
        raise MachOError(f"{what}: expected at most {_MOST_BYTES} bytes, found {len(stream)}")
    name, weak, ordinal = None, False, start
    for step in _STEP.finditer(stream):
        match step.lastgroup:
            case "symbol":
                name = fields.readable(step["symbol"], what=what)
                weak = bool(step["flags"][0] & _MAY_BE_MISSING)
            case "bind":
                if name is None:
                    raise MachOError(f"{what}: a symbol is bound before it is named")
                yield Import(name, ordinal, weak)
            case "ordinal":
                ordinal = _ordinal(*step["ordinal"])
            case "done":
                if not entries:
                    return
                name, weak, ordinal = None, False, start
            case "damaged":
                raise _damaged(step, what=what)
            case _:
                pass  # the end


def _ordinal(opcode: int, *number: int) -> int:
    """The library's number, or the Ordinal that small negative numbers stand for."""
    if number:
        return sum((byte & 0x7F) << 7 * place for place, byte in enumerate(number))
    operand = opcode & 0x0F
    return operand - 0x10 if opcode > _SPECIAL else operand


def _damaged(step: re.Match[bytes], *, what: str) -> MachOError:
    """What keeps an opcode from being read."""
    opcode = step["damaged"][0]
    if opcode >= _UNKNOWN:
        return MachOError(f"{what}: unknown opcode {opcode:#04x}")
    return MachOError(f"{what}: the name or number behind byte {step.end() - 1} has no end")
