"""Pure. The code directory: what a signature says of an image, and the hash of every page.

Its own hash, cut to 20 bytes, is the name by which macOS knows signed code: the cdhash.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from engine_ci.artifact.macho import algorithms, fields
from engine_ci.artifact.macho.algorithms import SHA256
from engine_ci.artifact.macho.fields import Form
from engine_ci.errors import MachOError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine_ci.artifact.macho.algorithms import Algorithm

MAGIC = 0xFADE0C02
ADHOC = 0x2  # of a directory's flags: there is no certificate
LINKER_SIGNED = 0x20000
MAIN_BINARY = 0x1  # of the executable segment's flags
_VERSION = 0x20400
_CDHASH = 20
_PAGE_BITS = range(12, 17)
_MOST_SPECIAL = 15
# Up to where a version's fields reach; those behind are 0.
_HEADS = {0x20001: 44, 0x20100: 48, 0x20200: 52, 0x20300: 64, 0x20400: 88, 0x20500: 96}
_INCOMPATIBLE = 0x2F001
_WHAT = "code directory"


class ExecSegment(NamedTuple):
    """The part of an image that holds its code: where it begins, its size, and flags."""

    base: int
    limit: int
    flags: int


class _Head(NamedTuple):
    magic: int = MAGIC
    length: int = 0
    version: int = _VERSION
    flags: int = 0
    hash_offset: int = 0
    identifier_offset: int = _HEADS[_VERSION]
    special_slots: int = 0
    code_slots: int = 0
    code_limit: int = 0
    hash_size: int = SHA256.size
    hash_type: int = SHA256.number
    platform: int = 0
    page_bits: int = 0
    spare2: int = 0
    scatter_offset: int = 0
    team_offset: int = 0
    spare3: int = 0
    code_limit_64: int = 0
    exec_base: int = 0
    exec_limit: int = 0
    exec_flags: int = 0
    runtime: int = 0
    pre_encrypt_offset: int = 0


_HEAD = Form(">9I4B4I4Q2I", _Head)


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeDirectory:
    """What was signed.

    Attributes:
        flags: ADHOC, LINKER_SIGNED and others.
        identifier: the name that its signer gave it.
        team: of the certificate's owner.
        page_size: in bytes.
        code_limit: how many bytes of the image are signed, from its first on.
        special: hashes of what is sealed besides, by slot; none for an empty slot.
        pages: the hashes of all pages, one after another.
        hash_offset: where those begin in the directory.
        cdhash: in hexadecimal.
    """

    version: int
    flags: int
    identifier: str
    team: str | None
    algorithm: Algorithm
    page_size: int
    code_limit: int
    special: Mapping[int, bytes]
    pages: bytes
    hash_offset: int
    exec_segment: ExecSegment
    cdhash: str


def parse(blob: memoryview) -> CodeDirectory:
    """Reads a code directory, its own head included.

    Raises:
        MachOError: it is none, a damaged one, or of a kind that macOS does not take either.
    """
    head = _head(blob)
    algorithm = algorithms.BY_NUMBER[head.hash_type]
    special = head.special_slots * algorithm.size
    hashes = fields.span(
        blob,
        head.hash_offset - special,
        special + head.code_slots * algorithm.size,
        what=f"{_WHAT}: hashes",
    )
    return CodeDirectory(
        version=head.version,
        flags=head.flags,
        identifier=fields.text(blob, head.identifier_offset, what=f"{_WHAT}: identifier"),
        team=fields.text(blob, head.team_offset, what=f"{_WHAT}: team")
        if head.team_offset
        else None,
        algorithm=algorithm,
        page_size=1 << head.page_bits,
        code_limit=head.code_limit_64 or head.code_limit,
        special=_special(hashes[:special], algorithm.size),
        pages=bytes(hashes[special:]),
        hash_offset=head.hash_offset,
        exec_segment=ExecSegment(head.exec_base, head.exec_limit, head.exec_flags),
        cdhash=algorithm.of(blob)[:_CDHASH].hex(),
    )


def build(
    *,
    identifier: str,
    flags: int,
    page_size: int,
    code_limit: int,
    special: Mapping[int, bytes],
    pages: bytes,
    exec_segment: ExecSegment,
    hash_offset: int = 0,
) -> bytes:
    """A code directory with sha256 hashes.

    Args:
        identifier: the name of the signed code.
        flags: ADHOC and others.
        page_size: in bytes, a power of 2.
        code_limit: how many bytes are signed.
        special: hashes by slot, from 1 on.
        pages: the hashes of all pages, one after another.
        exec_segment: where the code is.
        hash_offset: where the pages' hashes begin, when there is room between.
    """
    name = identifier.encode() + b"\0"
    last = max(special, default=0)
    sealed = b"".join(special.get(slot, bytes(SHA256.size)) for slot in range(last, 0, -1))
    begin = max(hash_offset, _HEADS[_VERSION] + len(name) + len(sealed))
    head = _Head(
        length=begin + len(pages),
        flags=flags,
        hash_offset=begin,
        special_slots=last,
        code_slots=len(pages) // SHA256.size,
        code_limit=code_limit,
        page_bits=page_size.bit_length() - 1,
        exec_base=exec_segment.base,
        exec_limit=exec_segment.limit,
        exec_flags=exec_segment.flags,
    )
    fixed = _HEAD.pack(head)[: _HEADS[_VERSION]]
    return (fixed + name).ljust(begin - len(sealed), b"\0") + sealed + pages


def slots(size: int, *, page_size: int) -> int:
    """How many pages `size` bytes fill, the last one partly."""
    return -(-size // page_size)


def _head(blob: memoryview) -> _Head:
    """The head, as far as its version's fields reach; what it says is possible."""
    version = int.from_bytes(fields.span(blob, 0, min(_HEADS.values()), what=_WHAT)[8:12])
    if not min(_HEADS) <= version < _INCOMPATIBLE:
        raise MachOError(f"{_WHAT}: expected a version from {min(_HEADS):#x}, found {version:#x}")
    size = max(size for since, size in _HEADS.items() if since <= version)
    known = bytes(fields.span(blob, 0, size, what=_WHAT)).ljust(_HEAD.size, b"\0")
    head = _HEAD.read(memoryview(known), 0, what=_WHAT)
    for what, found, possible in (
        ("magic", head.magic, (MAGIC,)),
        ("kind of hash", head.hash_type, algorithms.BY_NUMBER),
        ("power of 2 for a page", head.page_bits, _PAGE_BITS),
        ("number of special slots", head.special_slots, range(_MOST_SPECIAL + 1)),
        ("place of parts signed apart", head.scatter_offset, (0,)),
        ("place of the identifier", head.identifier_offset, range(size, len(blob))),
        ("place of the hashes", head.hash_offset, range(size, len(blob) + 1)),
    ):
        if found not in possible:
            raise MachOError(f"{_WHAT}: {found:#x} is no {what} that is read here")
    pages = slots(head.code_limit_64 or head.code_limit, page_size=1 << head.page_bits)
    size = algorithms.BY_NUMBER[head.hash_type].size
    if (head.hash_size, head.code_slots) != (size, pages):
        raise MachOError(
            f"{_WHAT}: expected {pages} hashes of {size} bytes, "
            f"found {head.code_slots} of {head.hash_size}"
        )
    return head


def _special(hashes: memoryview, size: int) -> dict[int, bytes]:
    """By slot: the first of the hashes is the last slot's, and one of zeroes is no hash."""
    count = len(hashes) // size
    by_slot = {count - n: bytes(hashes[n * size : (n + 1) * size]) for n in range(count)}
    return {slot: by_slot[slot] for slot in sorted(by_slot) if any(by_slot[slot])}
