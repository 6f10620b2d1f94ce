from __future__ import annotations

import json
import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from engine_ci.errors import GoldenError
from engine_ci.gate import pictures, zoo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

GOLDEN = zoo.golden_folder() / "projector-gemma3.json"


def chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of each part of a PNG, whose checksums must be right."""
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    at = 8
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", data, at + 8 + length) == (zlib.crc32(kind + content),)
        yield kind, content
        at += length + 12


def test_a_picture_is_the_same_each_time_and_another_by_another_name() -> None:
    one, again, other = (pictures.pixels(name, side=32) for name in ("1", "1", "2"))

    assert one.shape == (32, 32, 3)
    np.testing.assert_array_equal(one, again)
    assert np.mean(one == other) < 0.02
    assert (one.min(), one.max()) == (0, 255)


def test_a_png_has_the_very_pixels() -> None:
    picture = pictures.pixels("1", side=5)[:3]

    (start, header), (middle, data), end = chunks(pictures.png(picture))

    assert (start, middle, end) == (b"IHDR", b"IDAT", (b"IEND", b""))
    # Of eight bits each, in red, green and blue.
    assert struct.unpack(">IIBBBBB", header) == (5, 3, 8, 2, 0, 0, 0)
    rows = np.frombuffer(zlib.decompress(data), dtype=np.uint8).reshape(3, 1 + 5 * 3)
    assert not rows[:, 0].any()
    np.testing.assert_array_equal(rows[:, 1:].reshape(3, 5, 3), picture)


def test_a_prompt_is_its_texts_and_so_many_tokens_for_each_picture() -> None:
    *_, two = pictures.load(GOLDEN).glances

    assert two.prompted(each=16) == sum(map(len, two.tokens)) + 32


def twice(value: dict[str, Any]) -> None:
    value["glances"].append(value["glances"][0])


def one_text_fewer(value: dict[str, Any]) -> None:
    value["glances"][0]["texts"].pop()


def one_picture_more(value: dict[str, Any]) -> None:
    value["glances"][0]["pictures"].append("3")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (twice, "two glances have the same id"),
        (one_text_fewer, "at least 2 items"),
        (one_picture_more, "expected a text before, between and behind the pictures"),
    ],
)
def test_what_contradicts_itself_is_no_golden(
    tmp_path: Path, spoil: Callable[[dict[str, Any]], None], reason: str
) -> None:
    value = json.loads(GOLDEN.read_text(encoding="utf-8"))
    spoil(value)
    path = tmp_path / "golden.json"
    path.write_text(json.dumps(value), encoding="utf-8")

    with pytest.raises(GoldenError, match=reason):
        pictures.load(path)
