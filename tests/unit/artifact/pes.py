"""Small PE images, made by hand: headers, and one section that holds imports and exports."""

from __future__ import annotations

import struct
from itertools import accumulate

X64 = 0x8664
ARM64 = 0xAA64
_FILE, _SECTION = 0x200, 0x1000  # where the section begins, in the file and in memory
_EXPORTS, _IMPORTS, _CERTIFICATES, _DELAYED = 0, 1, 4, 13  # of the 16 data directories


def image(
    *,
    needed: tuple[str | bytes, ...] = (),
    delayed: tuple[str, ...] = (),
    exports: tuple[str, ...] = (),
    machine: int = X64,
    windows: tuple[int, int] = (6, 0),
    bits: int = 64,
    certificate: bytes = b"",
    tail: bytes = b"",
) -> bytes:
    """A library.

    Args:
        needed: libraries that it imports a function of.
        delayed: of those that are loaded late.
        exports: names of functions, sorted.
        machine: the architecture.
        windows: the oldest version that the header names.
        bits: of an address, 64 or 32.
        certificate: bytes behind the section, where a signature goes.
        tail: bytes at the end of the section.
    """
    sizes = (20 * (len(needed) + 1), 32 * (len(delayed) + 1), 40, 10 * len(exports), 24)
    imports, late, directory, tables, thunks, words = (
        _SECTION + size for size in accumulate(sizes, initial=0)
    )
    names = [b"\0\0f", *(each if isinstance(each, bytes) else each.encode() for each in
             (*needed, *delayed, *exports))]  # fmt: skip
    at = [words + size for size in accumulate((len(name) + 1 for name in names), initial=0)]
    function, rest = at[0], iter(at[1:])
    named = [next(rest) for _ in names[1:]]
    late_named = named[len(needed) : len(needed) + len(delayed)]
    exported = named[len(needed) + len(delayed) :]
    content = b"".join(
        struct.pack("<5I", thunks, 0, 0, name, thunks) for name in named[: len(needed)]
    )
    content += bytes(20)
    content += b"".join(
        struct.pack("<8I", 1, name, 0, thunks, thunks, 0, 0, 0) for name in late_named
    )
    content += bytes(32)
    count = len(exports)
    content += struct.pack(
        "<IIHHIIIIIII", 0, 0, 0, 0, function, 1, count, count,
        tables, tables + 4 * count, tables + 8 * count,
    )  # fmt: skip
    content += struct.pack(f"<{count}I", *[_SECTION] * count)
    content += struct.pack(f"<{count}I", *exported)
    content += struct.pack(f"<{count}H", *range(count))
    content += struct.pack("<QQQ", function, 0, 0)
    content += b"".join(name + b"\0" for name in names) + tail
    directories = {
        _EXPORTS: (directory, 40) if exports else (0, 0),
        _IMPORTS: (imports, 20 * (len(needed) + 1)),
        _DELAYED: (late, 32 * (len(delayed) + 1)) if delayed else (0, 0),
        _CERTIFICATES: (_FILE + len(content), len(certificate)) if certificate else (0, 0),
    }
    head = struct.pack("<HBBIIIII", 0x20B, 14, 0, 0, len(content), 0, 0, _SECTION)
    head += struct.pack("<Q", 0x180000000)
    stack = struct.pack("<QQQQ", 1 << 20, 4096, 1 << 20, 4096)
    if bits == 32:
        head = struct.pack("<H", 0x10B) + head[2:24] + struct.pack("<II", _SECTION, 0x10000000)
        stack = struct.pack("<IIII", 1 << 20, 4096, 1 << 20, 4096)
    head += struct.pack(
        "<IIHHHHHHIIIIHH",
        0x1000, 0x200, 6, 0, 0, 0, *windows, 0, _SECTION + 0x10000, _FILE, 0, 3, 0x160,
    )  # fmt: skip
    return _headers(machine, head + stack, directories, size=len(content)) + content + certificate


def _headers(
    machine: int, optional: bytes, directories: dict[int, tuple[int, int]], *, size: int
) -> bytes:
    optional += struct.pack("<II", 0, 16)
    optional += b"".join(struct.pack("<II", *directories.get(each, (0, 0))) for each in range(16))
    file = b"PE\0\0" + struct.pack("<HHIIIHH", machine, 1, 0, 0, 0, len(optional), 0x2022)
    section = struct.pack(
        "<8sIIIIIIHHI", b".rdata", size, _SECTION, size, _FILE, 0, 0, 0, 0, 0x40000040
    )
    dos = b"MZ" + bytes(58) + struct.pack("<I", 64)
    return (dos + file + optional + section).ljust(_FILE, b"\0")
