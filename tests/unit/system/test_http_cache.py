"""What is damaged, or of another shape, counts as never read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from engine_ci.errors import OutsideError
from engine_ci.system import http_cache
from engine_ci.system.http_cache import HttpCache, Known

if TYPE_CHECKING:
    from pathlib import Path

URL = "https://api.github.com/repos/a/b/releases"
SHAPE = TypeAdapter(list[str])


def known(*content: str) -> Known[list[str]]:
    validators = http_cache.validators(URL, {"ETag": 'W/"1"'}, onward=f"{URL}?page=2")
    return Known(validators=validators, content=list(content))


@given(content=st.lists(st.text()))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_was_kept_is_there_for_its_address_alone(tmp_path: Path, content: list[str]) -> None:
    cache = HttpCache(tmp_path)
    cache.put(URL, known(*content), SHAPE)

    assert cache.get(URL, SHAPE) == known(*content)
    assert cache.get(f"{URL}?page=2", SHAPE) is None


@given(place=st.integers(0, 400), bit=st.integers(0, 7))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_one_changed_bit_anywhere_and_it_is_forgotten(tmp_path: Path, place: int, bit: int) -> None:
    cache = HttpCache(tmp_path)
    cache.put(URL, known("digest"), SHAPE)
    (file,) = tmp_path.iterdir()
    data = bytearray(file.read_bytes())
    data[place % len(data)] ^= 1 << bit
    file.write_bytes(data)

    assert cache.get(URL, SHAPE) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kept", [0, 30, 64, 65, 100, -1])
def test_a_part_of_an_entry_is_forgotten(tmp_path: Path, kept: int) -> None:
    cache = HttpCache(tmp_path)
    cache.put(URL, known("digest"), SHAPE)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:kept])

    assert cache.get(URL, SHAPE) is None
    assert not file.exists()


def test_an_entry_of_another_shape_is_forgotten(tmp_path: Path) -> None:
    cache = HttpCache(tmp_path)
    cache.put(URL, known("digest"), SHAPE)

    assert cache.get(URL, TypeAdapter(list[int])) is None
    assert cache.get(URL, SHAPE) is None


@pytest.mark.parametrize("text", ["", "a\nb", "\x7f", "ä", "x" * 257])
def test_a_validator_that_no_header_can_hold_is_left_out(text: str) -> None:
    found = http_cache.validators(URL, {"ETag": text, "Last-Modified": text}, onward=None)

    assert (found.etag, found.modified) == (None, None)


def test_a_disk_that_gives_nothing_is_a_failure_of_the_outside(tmp_path: Path) -> None:
    cache = HttpCache(tmp_path)
    cache.put(URL, known(), SHAPE)
    (file,) = tmp_path.iterdir()
    file.unlink()
    file.mkdir()

    with pytest.raises(OutsideError, match=str(file)) as caught:
        cache.get(URL, SHAPE)

    assert caught.value.exit_code == 4
