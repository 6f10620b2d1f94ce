"""What is set aside of real engines is little, and never what makes two of them differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine_ci.artifact import elf, elf_layout, elf_volatile, stamp, volatile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.engine
# A build ID, a number, and the note of two compilers.
MOST = 20 + 4 + 150


def images(folder: Path) -> Iterator[Path]:
    yield folder / "bin/llama-server"
    yield folder / "bin/libggml-cpu.so"
    # Not GCC's libgomp, whose linker put notes and code in one segment.
    yield from sorted({*(folder / "lib").glob("*.so*")} - {folder / "lib/libgomp.so.1"})


def code(folder: Path) -> dict[str, str]:
    commit = stamp.read({path: elf.read(path).exports for path in images(folder)}).commit
    return {
        path.name: volatile.code_sha256(path, elf_volatile.volatile(path), commit=str(commit))
        for path in images(folder)
    }


@pytest.mark.parametrize("version", ["0.1.2", "0.1.3", "0.2.0"])
def test_little_is_set_aside_and_none_of_it_is_code(
    mineru: Callable[[str], Path], version: str
) -> None:
    for path in images(mineru(version)):
        aside = elf_volatile.volatile(path)
        with elf_layout.opened(path) as layout:
            machine_code = [
                range(segment.offset, segment.offset + segment.size)
                for segment in layout.segments
                if segment.kind == elf_layout.LOAD and segment.flags & elf_layout.EXECUTABLE
            ]

        assert 20 <= sum(map(len, aside.ranges)) <= MOST
        assert machine_code
        for place in (*aside.ranges, *aside.texts):
            assert all(
                place.stop <= each.start or each.stop <= place.start for each in machine_code
            )


def test_the_engine_that_aborts_has_other_code_than_the_one_of_the_same_commit_that_does_not(
    mineru: Callable[[str], Path],
) -> None:
    sound, aborting = code(mineru("0.1.3")), code(mineru("0.2.0"))

    assert sound["libllama.so.0"] != aborting["libllama.so.0"]
    assert sound["libggml-cpu.so"] == aborting["libggml-cpu.so"]
