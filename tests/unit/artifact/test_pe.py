from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.artifact import pe
from engine_ci.errors import VerificationError
from tests.unit.artifact import pes

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = pes.image(
    needed=("ggml-base.dll", "KERNEL32.dll"),
    delayed=("late.dll",),
    exports=("ggml_backend_init", "ggml_backend_score"),
)


def read(folder: Path, content: bytes) -> pe.Image:
    path = folder / "a.dll"
    path.write_bytes(content)
    return pe.read(path)


def test_the_facts_of_an_image_are_read(tmp_path: Path) -> None:
    assert read(tmp_path, WHOLE) == pe.Image(
        machine="x64",
        needed=("ggml-base.dll", "KERNEL32.dll"),
        delayed=("late.dll",),
        backend=True,
    )


def test_an_image_may_have_no_tables(tmp_path: Path) -> None:
    assert read(tmp_path, pes.image()) == pe.Image(machine="x64")
    headers = bytearray(pes.image())
    at = 64 + 24 + 112 + 8  # the data directory of imports
    headers[at : at + 8] = bytes(8)
    assert read(tmp_path, bytes(headers)) == pe.Image(machine="x64")


def test_an_export_of_another_name_makes_no_backend(tmp_path: Path) -> None:
    assert not read(tmp_path, pes.image(exports=("ggml_backend_initialised",))).backend


@pytest.mark.parametrize(
    ("machine", "name"),
    [(pes.X64, "x64"), (pes.ARM64, "arm64"), (0x14C, "machine 0x14c"), (0x86FF, "machine 0x86ff")],
)
def test_the_machine_has_the_platforms_word_for_it(tmp_path: Path, machine: int, name: str) -> None:
    assert read(tmp_path, pes.image(machine=machine)).machine == name


@pytest.mark.parametrize("content", [b"", b"MZ", b"\x7fELF" + bytes(600), WHOLE[:100]])
def test_what_is_no_image_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(VerificationError, match="expected a PE image"):
        read(tmp_path, content)


def test_an_image_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VerificationError, match=f"expected {len(WHOLE)} bytes or more, found"):
        read(tmp_path, WHOLE[:-1])


@pytest.mark.parametrize("name", [b"\xff\xfe.dll", b"a\x1b[2J.dll", b""])
@pytest.mark.parametrize("before", [(), ("kernel32.dll",)])
def test_an_import_without_a_readable_name_is_refused(
    tmp_path: Path, name: bytes, before: tuple[str, ...]
) -> None:
    with pytest.raises(VerificationError, match="the table of its imports is damaged"):
        read(tmp_path, pes.image(needed=(*before, name, "b.dll")))


def test_the_reader_itself_says_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    headers = bytearray(WHOLE)
    headers[64 + 24 + 112 + 8 + 2] = 0xFF  # the table of imports is nowhere

    with pytest.raises(VerificationError, match="the table of its imports is damaged"):
        read(tmp_path, bytes(headers))

    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["a\x1b[2J.dll", ""])
def test_so_is_one_that_is_loaded_late(tmp_path: Path, name: str) -> None:
    with pytest.raises(VerificationError, match=r"the name .* is not readable"):
        read(tmp_path, pes.image(delayed=(name,)))


def test_more_libraries_than_any_program_has_are_refused(tmp_path: Path) -> None:
    names = tuple(f"{number}.dll" for number in range(1025))

    assert len(read(tmp_path, pes.image(needed=names[:-1])).needed) == 1024
    with pytest.raises(VerificationError, match="more than 1024 libraries"):
        read(tmp_path, pes.image(needed=names))


def test_a_file_that_would_fill_the_memory_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.dll"
    with path.open("wb") as stream:
        stream.write(WHOLE)
        stream.truncate((1 << 30) + 1)

    with pytest.raises(VerificationError, match="expected at most 1073741824 bytes"):
        pe.read(path)


@given(
    places=st.lists(
        st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=8
    )
)
def test_whatever_is_damaged_gives_an_image_or_one_kind_of_error(
    tmp_path_factory: pytest.TempPathFactory, places: list[tuple[int, int]]
) -> None:
    content = bytearray(WHOLE)
    for place, value in places:
        content[place] = value
    path = tmp_path_factory.getbasetemp() / "damaged.dll"
    path.write_bytes(content)

    try:
        names = pe.read(path).needed
    except VerificationError:
        return
    assert all(name.isprintable() for name in names)


def test_other_systems_do_without_lief() -> None:
    code = "import sys, engine_ci.artifact.bundle as _; sys.exit('lief' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
