from __future__ import annotations

import mmap
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.artifact import elf, searching, stamp
from engine_ci.pins.model import Commit
from tests.unit.artifact import elves

SHORT = Commit(id="86a2835", abbreviated=True)


def write(path: Path, content: bytes) -> tuple[Path, frozenset[str]]:
    path.write_bytes(content)
    return path, elf.read(path).exports


@pytest.mark.parametrize(
    ("said", "commit"),
    [
        (b"86a2835\0", SHORT),
        (b"86a283532072722c5f3363d37d59a874d09fa99b\0",
         Commit(id="86a283532072722c5f3363d37d59a874d09fa99b")),
        (b"unknown\0", None),
        (b"86a283\0", None),
        (b"86A2835\0", None),
        (b"\xff\xff\0", None),
    ],
)  # fmt: skip
def test_the_exported_commit_is_read(tmp_path: Path, said: bytes, commit: Commit | None) -> None:
    path, image = write(tmp_path / "a", elves.image(texts={elf.COMMIT: said}))

    assert stamp.commit(path, image) == commit


@pytest.mark.parametrize(
    ("tail", "commit"),
    [
        (b"\0Linux x86_64\0GNU 14.2.1\x0086a2835\0abcdef0123\0", SHORT),
        (b"\x0086a2835\0\0AppleClang 17.0.0.17000013\0Darwin arm64\0", SHORT),
        (b"\x0086a2835\0\0MSVC 19.44.35229.0\0\0x64\0", SHORT),
        (b"99999\0\x000123456789\0\0Clang 22.1.8\0int() base must be 0\x0086a2835\0", None),
        (b"\0b1-86a2835\0\x0086a2835\0MSVC 19.44.35229.0\0Windows AMD64\0", SHORT),
        (b"\x0086a2835\0something else\0", None),
        (b"\0GNU 14.2.1\x0086a2835x\0", None),
    ],
)
def test_a_commit_that_is_not_exported_is_found_beside_the_compiler(
    tmp_path: Path, tail: bytes, commit: Commit | None
) -> None:
    path, image = write(tmp_path / "a", elves.image(tail=tail))

    assert stamp.commit(path, image) == commit


def test_a_commit_that_a_file_of_another_kind_exports_is_found_beside_the_compiler(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.dylib"
    path.write_bytes(b"\xcf\xfa\xed\xfe\x0086a2835\0AppleClang 17.0.0\0Darwin arm64\0")

    assert stamp.commit(path, frozenset({elf.COMMIT})) == SHORT


@pytest.mark.parametrize("begin", range(-20, 4, 3))
def test_an_image_is_searched_piece_by_piece_and_nothing_is_overlooked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begin: int
) -> None:
    monkeypatch.setattr(searching, "_PIECE", mmap.PAGESIZE)
    path = tmp_path / "a"
    said = b"GNU 14.2.1\x0086a2835\0"
    path.write_bytes((bytes(3 * mmap.PAGESIZE + begin) + said).ljust(5 * mmap.PAGESIZE, b"\0"))

    assert stamp.commit(path, frozenset()) == SHORT


@pytest.mark.parametrize(
    ("name", "compilers"),
    [(b"GNU ", 1), (b"GNU 1", 1), (b"Clang 1\0", 1), (b"IntelLLVM Clang MSVC GNU ", 4)],
)
def test_a_file_that_is_full_of_names_is_searched_hardly_more_than_once_for_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: bytes, compilers: int
) -> None:
    size, searched = 1 << 18, []

    class Counted:
        @staticmethod
        def search(part: bytes) -> None:
            searched.append(len(part))

    monkeypatch.setattr(stamp, "_NEIGHBOURS", Counted)
    path = tmp_path / "a"
    path.write_bytes((name * size)[:size])

    assert stamp.commit(path, frozenset()) is None
    assert size < sum(searched) < 1.1 * compilers * size


@given(names=st.lists(st.integers(0, 3 * stamp._PART), max_size=6), place=st.integers(0, 9000))
def test_other_names_hide_no_commit(names: list[int], place: int) -> None:
    said = b"GNU 14.2.1\x0086a2835\0"
    content = bytearray(3 * stamp._PART)
    for at in names:
        content[at : at + 4] = b"GNU "
    content[place : place + len(said)] = said
    with TemporaryDirectory() as folder:
        path = Path(folder, "a")
        path.write_bytes(content)

        assert stamp.commit(path, frozenset()) == SHORT


@pytest.mark.skipif(sys.platform != "linux", reason="other systems count memory otherwise")
def test_a_large_image_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(64 << 20))
    code = (
        "import resource, sys; from pathlib import Path; from engine_ci.artifact import stamp\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak(); assert stamp.read({Path(sys.argv[1]): frozenset()}).commit is None\n"
        "print(peak() - before)"
    )

    said = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=True
    )

    assert int(said.stdout) < 24 << 10


@pytest.mark.parametrize(
    ("numbers", "build"),
    [({elf.BUILD_NUMBER: 11434}, 11434), ({elf.BUILD_NUMBER: 1}, None), ({}, None),
     ({elf.BUILD_NUMBER: -3}, None)],
)  # fmt: skip
def test_the_build_number_of_a_shallow_clone_is_unknown(
    tmp_path: Path, numbers: dict[str, int], build: int | None
) -> None:
    path, image = write(tmp_path / "a", elves.image(numbers=numbers))

    assert stamp.build(path, image) == build


def test_a_build_number_beyond_the_file_is_unknown(tmp_path: Path) -> None:
    whole = elves.image(numbers={elf.BUILD_NUMBER: 11434})
    path, image = write(tmp_path / "a", whole)
    path.write_bytes(whole[:-8])

    assert stamp.build(path, image) is None


def test_architectures_are_the_names_around_a_landmark(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"%s.key\0unknown\0clip\0llama\0qwen3moe\0ernie4_5-moe\0(unknown)\0bert\0")

    assert stamp.architectures(path) == ("clip", "ernie4_5-moe", "llama", "qwen3moe")


def test_they_may_be_filled_up_to_whole_words_as_visual_c_does(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"%s.key\0\0clip\0\0\0\0qwen3moe\0\0\0\0\0\0\0\0bert\0\0\0\0Not One\0")

    assert stamp.architectures(path) == ("bert", "clip", "qwen3moe")


def test_strings_that_a_linker_sorted_by_their_ends_list_no_architectures(tmp_path: Path) -> None:
    path = tmp_path / "a"
    names = [*(f"a{end}-moe" for end in range(8)), "post_moe", "ffn_moe", "qwen3moe"]
    sorted_by_end = sorted(names, key=lambda name: name[::-1], reverse=True)
    path.write_bytes("\0".join(["", *sorted_by_end, "Not One", ""]).encode())
    other = tmp_path / "b"
    other.write_bytes("\0".join(["", *names, "Not One", ""]).encode())

    assert stamp.architectures(path) == ()
    assert len(stamp.architectures(other)) == 11


def test_without_the_landmark_no_architecture_is_claimed(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"\0llama\0qwen3\0")

    assert stamp.architectures(path) == ()


def test_one_engine_has_one_commit_and_all_its_architectures(tmp_path: Path) -> None:
    common = write(
        tmp_path / "common",
        elves.image(texts={elf.COMMIT: b"86a2835\0"}, numbers={elf.BUILD_NUMBER: 11434}),
    )
    llama = write(
        tmp_path / "llama", elves.image(numbers={elf.MODELS: 1}, tail=b"\0qwen3moe\0mamba2\0.")
    )
    decoy = write(tmp_path / "decoy", elves.image(tail=b"\0qwen3moe\0decoy\0."))

    assert stamp.read(dict([common, llama, decoy])) == stamp.Stamp(
        commit=SHORT, build=11434, architectures=("mamba2", "qwen3moe")
    )


def test_a_backend_is_searched_for_no_commit(tmp_path: Path) -> None:
    said = elves.image(tail=b"\0GNU 14.2.1\x0086a2835\0")
    library = write(tmp_path / "library", said)
    path, _ = write(tmp_path / "backend", said.replace(b"86a2835", b"9a3bf2b"))

    assert stamp.read(dict([library, (path, frozenset({elf.BACKEND}))])).commit == SHORT
    assert stamp.read({path: frozenset({elf.BACKEND})}).commit is None


def test_images_that_contradict_each_other_name_no_commit(tmp_path: Path) -> None:
    images = dict(
        write(
            tmp_path / text,
            elves.image(
                texts={elf.COMMIT: f"{text}\0".encode()}, numbers={elf.BUILD_NUMBER: build}
            ),
        )
        for text, build in (("86a2835", 11434), ("9a3bf2b", 10000))
    )

    assert stamp.read(images) == stamp.Stamp(commit=None, build=None, architectures=())
