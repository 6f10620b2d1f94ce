"""The processor that an image needs, and notes that do not tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine_ci.artifact import elf
from tests.unit.artifact import elves

if TYPE_CHECKING:
    from pathlib import Path

ISA_NEEDED, ISA_USED, FEATURES = 0xC0008002, 0xC0010002, 0xC0000002


def level(folder: Path, note: bytes) -> int:
    path = folder / "libtoy.so"
    path.write_bytes(elves.image(note=note, tail=bytes(16)))
    return elf.read(path).level


@pytest.mark.parametrize(("bits", "expected"), [(0, 0), (1, 1), (3, 2), (7, 3), (15, 4), (8, 4)])
def test_the_highest_level_that_is_needed_counts(tmp_path: Path, bits: int, expected: int) -> None:
    note = elves.properties(
        (FEATURES, b"\3\0\0\0"), (ISA_NEEDED, bytes([bits, 0, 0, 0])), (ISA_USED, b"\xff\0\0\0")
    )

    assert level(tmp_path, note) == expected


def test_what_is_merely_used_is_not_needed(tmp_path: Path) -> None:
    assert level(tmp_path, elves.properties((ISA_USED, b"\x0f\0\0\0"))) == 0


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"\4\0\0\0",
        elves.properties((ISA_NEEDED, b"\x0f\0\0\0")).replace(b"GNU", b"XNU"),
        elves.properties((ISA_NEEDED, b"\x0f\0\0\0"))[:-8],
        elves.properties((ISA_NEEDED, b"")),
        elves.properties((FEATURES, bytes(8)))[:-8] + b"\xff" * 8,
    ],
    ids=["none", "cut off", "another's", "cut off inside", "empty", "too long"],
)
def test_a_note_that_does_not_tell_says_nothing(tmp_path: Path, note: bytes) -> None:
    assert level(tmp_path, note) == 0
