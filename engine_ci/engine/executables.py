"""Pure. For which systems and processors a program is, where the beginning of its file tells."""

from __future__ import annotations

import struct
from typing import Final

from engine_ci.system import gnu_property

HEAD_BYTES: Final = 4096
_ELF: Final = b"\x7fELF"
_ELF_64: Final = b"\x7fELF\x02\x01"  # little endian
_ELF_BIG_ENDIAN: Final = 2
_ELF_MACHINES: Final = {3: "x86", 40: "arm", 62: "x86_64", 183: "arm64", 243: "riscv64"}
_MACHO_64: Final = b"\xcf\xfa\xed\xfe"
_MACHO_FAT: Final = b"\xca\xfe\xba\xbe"
_MACHO_MACHINES: Final = {0x0100_0007: "x86_64", 0x0100_000C: "arm64"}
_ALIASES: Final = {"aarch64": "arm64", "amd64": "x86_64"}
# What a host may run besides, by itself or by Rosetta.
_BESIDES: Final = {
    "Darwin arm64": "Darwin x86_64",
    "Linux arm64": "Linux arm",
    "Linux x86_64": "Linux x86",
}


def misfit(head: bytes, *, system: str, machine: str) -> str | None:
    """What a program is for, if that is not this host; None where it is, or does not tell.

    Args:
        head: the first bytes of its file.
        system: as `platform.system` says, such as `Linux`.
        machine: as `platform.machine` says, such as `aarch64`.
    """
    targets = _targets(head)
    here = f"{system} {_ALIASES.get(machine.lower(), machine.lower())}"
    runs = not targets or here in targets or _BESIDES.get(here) in targets
    return None if runs else ", ".join(targets)


def level(head: bytes) -> int:
    """The level of x86-64 that a file for Linux needs, 1 to 4; 0 where it does not tell."""
    if not head.startswith(_ELF_64):
        return 0
    try:
        (start,) = struct.unpack_from("<Q", head, 32)
        size, count = struct.unpack_from("<HH", head, 54)
        for number in range(count):
            kind, _, begin, *_, length = struct.unpack_from("<IIQQQQ", head, start + number * size)
            if kind == gnu_property.SEGMENT:
                return gnu_property.level(head[begin : begin + length])
    except (struct.error, OverflowError):
        pass
    return 0


def _targets(head: bytes) -> list[str]:
    try:
        if head.startswith(_ELF):
            order = ">" if head[5] == _ELF_BIG_ENDIAN else "<"
            (number,) = struct.unpack_from(f"{order}H", head, 18)
            return [f"Linux {_ELF_MACHINES.get(number, f'machine {number}')}"]
        return [f"Darwin {_MACHO_MACHINES.get(kind, f'CPU {kind:#x}')}" for kind in _cpus(head)]
    except (struct.error, IndexError):
        return []


def _cpus(head: bytes) -> list[int]:
    if head.startswith(_MACHO_64):
        return list(struct.unpack_from("<I", head, 4))
    if head.startswith(_MACHO_FAT):
        (count,) = struct.unpack_from(">I", head, 4)
        return [struct.unpack_from(">I", head, 8 + 20 * index)[0] for index in range(count)]
    return []
