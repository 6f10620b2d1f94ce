"""What counts as code: every byte outside of what is set aside."""

from __future__ import annotations

import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.artifact import searching, volatile
from engine_ci.artifact.volatile import Volatile

if TYPE_CHECKING:
    import mmap
    from collections.abc import Iterator

COMMIT = "86a2835"
WHERE = Volatile(ranges=(range(4, 8),), texts=(range(10, 60),))


def code(content: bytes, where: Volatile, *, commit: str | None = None) -> str:
    with TemporaryDirectory() as folder:
        path = Path(folder, "image")
        path.write_bytes(content)
        return volatile.code_sha256(path, where, commit=commit)


def same(
    one: bytes, other: bytes, where: Volatile, *, commits: tuple[str | None, str | None]
) -> bool:
    return code(one, where, commit=commits[0]) == code(other, where, commit=commits[1])


def test_where_nothing_is_volatile_it_is_the_sha256_of_the_file() -> None:
    assert code(b"code", Volatile()) == hashlib.sha256(b"code").hexdigest()


@given(
    content=st.binary(min_size=1, max_size=40),
    ranges=st.lists(st.tuples(st.integers(0, 45), st.integers(0, 9)), max_size=3),
    place=st.integers(0, 39),
)
def test_a_byte_counts_when_it_is_outside_of_what_is_set_aside_and_only_then(
    content: bytes, ranges: list[tuple[int, int]], place: int
) -> None:
    place %= len(content)
    where = Volatile(ranges=tuple(range(start, start + size) for start, size in ranges))
    changed = bytearray(content)
    changed[place] ^= 1

    aside = any(place in each for each in where.ranges)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(volatile, "_PIECE", 7)

        assert same(content, bytes(changed), where, commits=(None, None)) == aside


def test_how_long_a_volatile_end_is_does_not_count() -> None:
    short, long = b"code" + b"sig", b"code" + b"signature"

    assert code(short, Volatile(ranges=(range(4, 7),))) == code(
        long, Volatile(ranges=(range(4, 13),))
    )
    assert code(short, Volatile(ranges=(range(4, 7),))) == hashlib.sha256(b"code").hexdigest()


@pytest.mark.parametrize("end", [b"\0", b"-dirty\0"])
def test_the_commit_is_set_aside_where_it_is_a_whole_string(end: bytes) -> None:
    one, other = (
        b"%s\0\0%s%sthen" % (b"x" * 20, commit, end) for commit in (b"86a2835", b"9a3bf2b")
    )

    assert same(one, other, WHERE, commits=("86a2835", "9a3bf2b"))
    assert not same(one, other, WHERE, commits=("86a2835", None))
    assert not same(one, other, Volatile(), commits=("86a2835", "9a3bf2b"))


def test_it_is_set_aside_wherever_it_stands() -> None:
    one, other = (bytes(20) + b"%s\0%s\0" % (commit, commit) for commit in (b"86a2835", b"9a3bf2b"))

    assert same(one, other, WHERE, commits=("86a2835", "9a3bf2b"))


@pytest.mark.parametrize(
    "text",
    [b"x%s\0", b"\0%sx\0", b"\0%s-dirt\0", b"\0%s", b"\0%s-dirty"],
    ids=["the end of a text", "its beginning", "another end", "no end", "no end of that"],
)
def test_a_part_of_a_text_is_no_commit(text: bytes) -> None:
    one, other = (bytes(60 - len(text) - 5) + text % commit for commit in (b"86a2835", b"9a3bf2b"))

    assert not same(one, other, WHERE, commits=("86a2835", "9a3bf2b"))


def test_it_may_be_the_first_of_all_texts() -> None:
    one, other = (b"x" * 10 + b"%s\0" % commit for commit in (b"86a2835", b"9a3bf2b"))

    assert same(one, other, WHERE, commits=("86a2835", "9a3bf2b"))


def test_a_commit_outside_of_the_texts_is_code() -> None:
    one, other = (bytes(60) + b"%s\0" % commit for commit in (b"86a2835", b"9a3bf2b"))

    assert not same(one, other, WHERE, commits=("86a2835", "9a3bf2b"))


def test_a_commit_is_set_aside_for_itself_alone() -> None:
    one, other = (bytes(20) + b"%s\0" % commit for commit in (b"86a2835", b"9a3bf2b"))

    assert not same(one, other, WHERE, commits=("86a2835", "86a2835"))


@given(claims=st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20)), max_size=8))
def test_bytes_that_are_claimed_many_times_are_searched_once(claims: list[tuple[int, int]]) -> None:
    searched: list[int] = []

    def places(data: mmap.mmap, text: bytes, *, within: range) -> Iterator[int]:
        searched.extend(within)
        return searching.places(data, text, within=within)

    texts = tuple(range(start, start + size) for start, size in claims)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(volatile, "places", places)
        code(bytes(60), Volatile(texts=texts), commit=COMMIT)

    assert sorted(searched) == sorted(set().union(*texts))


def test_the_commit_is_set_aside_where_texts_overlap() -> None:
    one, other = (bytes(20) + b"%s\0" % commit for commit in (b"86a2835", b"9a3bf2b"))
    overlapping = Volatile(texts=(range(10, 28), range(15, 60), range(10, 28)))

    assert same(one, other, overlapping, commits=("86a2835", "9a3bf2b"))


@pytest.mark.parametrize(("count", "alike"), [(1 << 10, True), (1 + (1 << 10), False)])
def test_a_commit_that_stands_in_it_thousands_of_times_is_code_in_the_end(
    count: int, alike: bool
) -> None:
    one, other = (count * (b"%s\0" % commit) for commit in (b"86a2835", b"9a3bf2b"))
    where = Volatile(texts=(range(len(one)),))

    assert same(one, other, where, commits=("86a2835", "9a3bf2b")) == alike
