"""Small real ELF images, made by hand: the loader's view of a library and nothing else."""

from __future__ import annotations

import struct
from itertools import accumulate

X86_64 = 62
AARCH64 = 183
_HEADER = 64
_PROGRAM_HEADER = 56
_RELATIVE = 8
_GLOBAL_OBJECT = 0x11
_NEEDED, _HASH, _STRTAB, _SYMTAB, _RELA, _RELASZ, _RELAENT = 1, 4, 5, 6, 7, 8, 9
_STRSZ, _SYMENT, _SONAME, _RPATH, _RUNPATH = 10, 11, 14, 15, 29
_VERNEED, _VERNEEDNUM = 0x6FFFFFFE, 0x6FFFFFFF
_NULL, _GNU_STACK, _GNU_PROPERTY = 0, 0x6474E551, 0x6474E553


def image(
    *,
    needed: tuple[str, ...] = (),
    soname: str | bytes = "",
    runpath: str | bytes = "",
    rpath: str = "",
    machine: int = X86_64,
    numbers: dict[str, int] | None = None,
    texts: dict[str, bytes] | None = None,
    versions: tuple[str, ...] = (),
    stack: int | None = None,
    relocated: bool = True,
    note: bytes = b"",
    tail: bytes = b"",
) -> bytes:
    """A shared object.

    Args:
        needed: DT_NEEDED.
        soname: DT_SONAME.
        runpath: DT_RUNPATH.
        rpath: DT_RPATH.
        machine: the architecture.
        numbers: exported `int` variables.
        texts: exported `const char *` variables and the bytes that they point to.
        versions: that it needs of libc.so.6.
        stack: the flags of PT_GNU_STACK; none when not given.
        relocated: the pointers stand in relocations only, as GNU ld leaves them.
        note: what PT_GNU_PROPERTY leads to; none when empty.
        tail: bytes at the end.
    """
    numbers, texts = numbers or {}, texts or {}
    symbols = [*numbers, *texts]
    words = [*needed, soname, runpath, rpath, *symbols, *versions, "libc.so.6"]
    raw = [word.encode() if isinstance(word, str) else word for word in words]
    offsets = accumulate((len(word) + 1 for word in raw), initial=1)
    at = dict(zip(words, offsets, strict=False))
    strings = b"\0" + b"".join(word + b"\0" for word in raw)
    strings += bytes(-len(strings) % 8)

    dynstr = _HEADER + 4 * _PROGRAM_HEADER
    dynsym = dynstr + len(strings)
    hashes = dynsym + 24 * (len(symbols) + 1)
    rela = hashes + 4 * (4 + len(symbols)) + (4 * len(symbols)) % 8
    verneed = rela + 24 * len(texts)
    dynamic = verneed + 16 * (len(versions) + 1)
    entries = [(_NEEDED, at[name]) for name in needed]
    entries += [
        (tag, at[word])
        for tag, word in ((_SONAME, soname), (_RUNPATH, runpath), (_RPATH, rpath))
        if word
    ]
    entries += [(_VERNEED, verneed), (_VERNEEDNUM, 1)] if versions else []
    entries += [
        (_STRTAB, dynstr), (_STRSZ, len(strings)), (_SYMTAB, dynsym), (_SYMENT, 24),
        (_HASH, hashes), (_RELA, rela), (_RELASZ, 24 * len(texts)), (_RELAENT, 24), (0, 0),
    ]  # fmt: skip
    data = dynamic + 16 * len(entries)
    places = {name: data + 8 * index for index, name in enumerate(symbols)}
    text_at = data + 8 * len(symbols)
    pointers: dict[str, int] = {}
    for name, text in texts.items():
        pointers[name] = text_at
        text_at += len(text)

    sizes = dict.fromkeys(numbers, 4) | dict.fromkeys(texts, 8)
    table = bytes(24) + b"".join(
        struct.pack("<IBBHQQ", at[name], _GLOBAL_OBJECT, 0, 1, places[name], sizes[name])
        for name in symbols
    )
    chains = struct.pack(
        f"<{4 + len(symbols)}I", 1, len(symbols) + 1, min(1, len(symbols)), 0,
        *(index % (len(symbols) + 1) for index in range(2, len(symbols) + 2)),
    ) if symbols else struct.pack("<4I", 1, 1, 0, 0)  # fmt: skip
    stored = {name: 0 if relocated else pointer for name, pointer in pointers.items()} | numbers
    body = (
        strings
        + table
        + chains.ljust(rela - hashes, b"\0")
        + b"".join(
            struct.pack("<QQq", places[name], _RELATIVE if relocated else 0, pointer * relocated)
            for name, pointer in pointers.items()
        )
        + struct.pack("<HHIII", 1, len(versions), at["libc.so.6"], 16, 0)
        + b"".join(
            struct.pack("<IHHII", 0, 0, index + 2, at[version], 16 * (index + 1 < len(versions)))
            for index, version in enumerate(versions)
        )
        + b"".join(struct.pack("<QQ", *entry) for entry in entries)
        + b"".join(struct.pack("<q", stored[name]) for name in symbols)
        + b"".join(texts.values())
        + note
        + tail
    )
    size = dynstr + len(body)
    header = b"\x7fELF\x02\x01\x01" + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", 3, machine, 1, 0, 64, 0, 0, 64, 56, 4, 64, 0, 0)
    load = struct.pack("<IIQQQQQQ", 1, 6, 0, 0, 0, size, size, 0x1000)
    extent = 16 * len(entries)
    found = struct.pack("<IIQQQQQQ", 2, 6, dynamic, dynamic, dynamic, extent, extent, 8)
    kind = _NULL if stack is None else _GNU_STACK
    last = struct.pack("<IIQQQQQQ", kind, stack or 0, 0, 0, 0, 0, 0, 16)
    noted = size - len(tail) - len(note)
    kind = _GNU_PROPERTY if note else _NULL
    told = struct.pack("<IIQQQQQQ", kind, 4, noted, noted, noted, len(note), len(note), 8)
    return header + load + found + last + told + body


def properties(*found: tuple[int, bytes]) -> bytes:
    """A note of GNU properties: their numbers and contents."""
    held = b"".join(
        struct.pack("<II", number, len(raw)) + raw + bytes(-len(raw) % 8) for number, raw in found
    )
    return struct.pack("<III4s", 4, len(held), 5, b"GNU\0") + held
