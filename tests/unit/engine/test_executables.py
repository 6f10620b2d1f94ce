from __future__ import annotations

import platform
import struct
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.engine.executables import HEAD_BYTES, level, misfit
from tests.unit.artifact import elves


def elf(machine: int, *, order: str = "<") -> bytes:
    data = 1 if order == "<" else 2
    return b"\x7fELF\x02" + bytes([data]) + bytes(10) + struct.pack(f"{order}HH", 2, machine)


def macho(cpu: int) -> bytes:
    return b"\xcf\xfa\xed\xfe" + struct.pack("<I", cpu)


def fat(*cpus: int) -> bytes:
    members = b"".join(struct.pack(">5I", cpu, 0, 0, 0, 0) for cpu in cpus)
    return b"\xca\xfe\xba\xbe" + struct.pack(">I", len(cpus)) + members


X86, ARM = 0x0100_0007, 0x0100_000C


@pytest.mark.parametrize(
    ("head", "system", "machine"),
    [
        pytest.param(elf(62), "Linux", "x86_64", id="linux-x64"),
        pytest.param(elf(3), "Linux", "x86_64", id="linux-x64-runs-32-bits"),
        pytest.param(elf(183), "Linux", "aarch64", id="linux-arm64"),
        pytest.param(macho(ARM), "Darwin", "arm64", id="macos-arm64"),
        pytest.param(macho(X86), "Darwin", "arm64", id="macos-arm64-has-rosetta"),
        pytest.param(fat(ARM, X86), "Darwin", "x86_64", id="one-of-two"),
        pytest.param(b"#!/bin/sh", "Linux", "x86_64", id="a-script"),
        pytest.param(b"", "Linux", "x86_64", id="nothing"),
        pytest.param(elf(62)[:10], "Linux", "arm64", id="cut-off"),
        pytest.param(b"\x7fELF", "Linux", "arm64", id="cut-off-earlier"),
    ],
)
def test_what_may_run_here_or_does_not_tell_fits(head: bytes, system: str, machine: str) -> None:
    assert misfit(head, system=system, machine=machine) is None


@pytest.mark.parametrize(
    ("head", "system", "machine", "target"),
    [
        pytest.param(elf(183), "Linux", "x86_64", "Linux arm64", id="another-processor"),
        pytest.param(elf(183, order=">"), "Linux", "x86_64", "Linux arm64", id="big-endian"),
        pytest.param(elf(258), "Linux", "x86_64", "Linux machine 258", id="unknown-processor"),
        pytest.param(elf(62), "Darwin", "x86_64", "Linux x86_64", id="another-system"),
        pytest.param(macho(ARM), "Darwin", "x86_64", "Darwin arm64", id="too-new-a-mac"),
        pytest.param(macho(7), "Linux", "x86_64", "Darwin CPU 0x7", id="unknown-cpu"),
        pytest.param(
            fat(ARM, X86), "Linux", "x86_64", "Darwin arm64, Darwin x86_64", id="neither-of-two"
        ),
    ],
)
def test_what_is_for_others_is_told_with_whom_it_is_for(
    head: bytes, system: str, machine: str, target: str
) -> None:
    assert misfit(head, system=system, machine=machine) == target


def test_the_program_that_runs_this_fits() -> None:
    head = Path(sys.executable).read_bytes()[:HEAD_BYTES]

    assert misfit(head, system=platform.system(), machine=platform.machine()) is None


@given(head=st.binary(max_size=64), magic=st.sampled_from([elf(62), macho(ARM), fat(ARM), b""]))
def test_no_file_is_too_strange(head: bytes, magic: bytes) -> None:
    found = misfit(magic[:8] + head, system="Linux", machine="x86_64")

    assert found is None or found


def noted(bits: int, *, segment: int = 0x6474E553, start: int = 64) -> bytes:
    """The head of a program whose note says which levels of x86-64 it needs."""
    note = elves.properties((0xC0008002, bytes([bits, 0, 0, 0])))
    header = elf(62).ljust(32, b"\0") + struct.pack("<Q", start) + bytes(14) + b"\x38\0\2\0"
    loads = struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, 4096, 4096, 4096)
    place = struct.pack("<IIQQQQQQ", segment, 4, 176, 176, 176, len(note), len(note), 8)
    return header.ljust(64, b"\0") + loads + place + note


@pytest.mark.parametrize(("bits", "needed"), [(1, 1), (3, 2), (7, 3), (15, 4), (0, 0)])
def test_the_level_of_processors_that_a_program_needs_is_read(bits: int, needed: int) -> None:
    assert level(noted(bits)) == needed


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(macho(X86), id="for-macos"),
        pytest.param(noted(15, segment=4), id="another-segment"),
        pytest.param(noted(15)[:200], id="cut-off-in-the-note"),
        pytest.param(noted(15)[:130], id="cut-off-before"),
        pytest.param(noted(15, start=1 << 63), id="nowhere"),
    ],
)
def test_a_program_that_does_not_tell_needs_no_level(head: bytes) -> None:
    assert level(head) == 0


@given(st.binary(max_size=300))
def test_no_beginning_is_too_strange_for_its_level(rest: bytes) -> None:
    assert 0 <= level(elf(62)[:6] + rest) <= 32
