"""Facts of PE images, of images made by hand and of damaged ones."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import lief
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.artifact import pe, pe_layout, pe_tables
from engine_ci.errors import VerificationError
from tests.unit.artifact import pes

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = pes.image(
    needed=("ggml-base.dll", "KERNEL32.dll"),
    delayed=("late.dll",),
    exports=("ggml_backend_init", "ggml_backend_score"),
)
LIBRARIES = st.lists(st.from_regex(r"[A-Za-z0-9_-]{1,30}\.dll", fullmatch=True), max_size=5)
NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)


def read(folder: Path, content: bytes) -> pe.Image:
    path = folder / "a.dll"
    path.write_bytes(content)
    return pe.read(path)


def test_the_facts_of_an_image_are_read(tmp_path: Path) -> None:
    assert read(tmp_path, WHOLE) == pe.Image(
        machine="x64",
        needed=("ggml-base.dll", "KERNEL32.dll"),
        delayed=("late.dll",),
        exports=frozenset({"ggml_backend_init"}),
        windows=(6, 0),
        signed=False,
    )


def test_an_image_of_32_bit_is_read_as_well(tmp_path: Path) -> None:
    content = pes.image(needed=("a.dll",), exports=("f",), machine=0x14C, bits=32, windows=(5, 1))

    assert read(tmp_path, content) == pe.Image(
        machine="machine 0x14c", needed=("a.dll",), windows=(5, 1)
    )


def test_an_image_may_have_no_tables(tmp_path: Path) -> None:
    assert read(tmp_path, pes.image()) == pe.Image(machine="x64")
    headers = bytearray(pes.image())
    at = 64 + 24 + 112 + 8  # the data directory of imports
    headers[at : at + 8] = bytes(8)
    assert read(tmp_path, bytes(headers)) == pe.Image(machine="x64")


def test_only_exports_that_mean_something_are_noted(tmp_path: Path) -> None:
    content = pes.image(exports=("ggml_backend_initialised", "llama_init_from_model", "zoo"))

    assert read(tmp_path, content).exports == {"llama_init_from_model"}


@pytest.mark.parametrize(
    ("machine", "name"),
    [(pes.X64, "x64"), (pes.ARM64, "arm64"), (0x14C, "machine 0x14c"), (0x86FF, "machine 0x86ff")],
)
def test_the_machine_has_the_platforms_word_for_it(tmp_path: Path, machine: int, name: str) -> None:
    assert read(tmp_path, pes.image(machine=machine)).machine == name


def test_the_oldest_windows_is_that_of_the_subsystem(tmp_path: Path) -> None:
    assert read(tmp_path, pes.image(windows=(10, 3))).windows == (10, 3)


def test_a_signature_is_seen(tmp_path: Path) -> None:
    assert read(tmp_path, pes.image(certificate=bytes(8))).signed


def test_of_a_large_file_only_tables_come_into_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.dll"
    with path.open("wb") as stream:
        stream.write(WHOLE)
        stream.truncate(1 << 33)
    tracemalloc.start()

    assert pe.read(path).needed == ("ggml-base.dll", "KERNEL32.dll")

    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


@pytest.mark.parametrize("content", [WHOLE, pes.image(certificate=bytes(8))])
def test_an_image_that_was_cut_off_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(VerificationError, match=f"expected {len(content)} bytes or more, found"):
        read(tmp_path, content[:-1])


@given(
    libraries=st.tuples(LIBRARIES, LIBRARIES),
    exports=st.sets(NAMES, max_size=5).map(sorted),
    bits=st.sampled_from([32, 64]),
    windows=st.tuples(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF)),
)
def test_what_was_written_is_what_is_read_here_and_by_lief(
    tmp_path_factory: pytest.TempPathFactory,
    *,
    libraries: tuple[list[str], list[str]],
    exports: list[str],
    bits: int,
    windows: tuple[int, int],
) -> None:
    needed, delayed = libraries
    path = tmp_path_factory.getbasetemp() / "made.dll"
    path.write_bytes(
        pes.image(
            needed=tuple(needed),
            delayed=tuple(delayed),
            exports=tuple(exports),
            machine=pes.X64 if bits == 64 else 0x14C,
            windows=windows,
            bits=bits,
        )
    )

    with pe_layout.opened(path) as layout:
        assert list(pe_tables.imports(layout)) == needed
        assert list(pe_tables.delayed(layout)) == delayed
        assert all(pe_tables.exports(layout, name) for name in exports)
        assert not any(pe_tables.exports(layout, f"{name} ") for name in exports)
        assert layout.windows == windows
    oracle = lief.PE.parse(str(path))
    assert oracle is not None
    assert [library.name for library in oracle.imports] == needed
    assert [library.name for library in oracle.delay_imports] == delayed
    table = oracle.get_export()
    assert [entry.name for entry in (table.entries if table else ())] == exports


@given(
    places=st.lists(
        st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=8
    ),
    end=st.integers(0, 4 * len(WHOLE)),
)
def test_whatever_is_damaged_gives_an_image_or_one_kind_of_error(
    tmp_path_factory: pytest.TempPathFactory, places: list[tuple[int, int]], end: int
) -> None:
    content = bytearray(WHOLE)
    for place, value in places:
        content[place] = value
    path = tmp_path_factory.getbasetemp() / "damaged.dll"
    path.write_bytes(content[:end])

    try:
        found = pe.read(path)
    except VerificationError:
        return
    assert all(name.isprintable() for name in (*found.needed, *found.delayed))


@given(place=st.integers(0, 8 * len(WHOLE) - 1))
def test_a_bit_that_is_flipped_gives_an_image_or_one_kind_of_error(
    tmp_path_factory: pytest.TempPathFactory, place: int
) -> None:
    content = bytearray(WHOLE)
    content[place // 8] ^= 1 << place % 8
    path = tmp_path_factory.getbasetemp() / "flipped.dll"
    path.write_bytes(content)

    try:
        found = pe.read(path)
    except VerificationError:
        return
    assert all(name.isprintable() for name in (*found.needed, *found.delayed))
