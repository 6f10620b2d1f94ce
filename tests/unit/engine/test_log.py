from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine_ci.engine.log import head, matching, tail

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"", (), id="empty"),
        pytest.param(b"one\n", ("one",), id="one-line"),
        pytest.param(b"one\ntwo\nthree\nfour", ("two", "three", "four"), id="the-last-ones"),
        pytest.param(b"one\n\n  \ntwo\n\n", ("one", "two"), id="blank-lines-are-no-lines"),
        pytest.param(b"\x1b[31mred\x07\n", (" [31mred ",), id="no-terminal-codes"),
        pytest.param(b"\xff\xfe\n", ("��",), id="not-text"),
        pytest.param(b"x" * 600, ("x" * 500,), id="a-long-line-is-cut"),
    ],
)
def test_the_tail_is_the_last_lines_made_harmless(
    tmp_path: Path, content: bytes, expected: tuple[str, ...]
) -> None:
    (tmp_path / "log").write_bytes(content)

    assert tail(tmp_path / "log", lines=3) == expected


def test_of_a_large_log_only_the_end_is_read(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as stream:
        stream.truncate(1 << 33)  # 8 GiB of nothing, which take no room
        stream.seek(0, 2)
        stream.write(b"\nlast words\n")

    assert tail(log, lines=1) == ("last words",)


def test_lines_with_a_pattern_are_found_in_any_case_and_made_harmless(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(
        b"ready\n x.cpp:1: GGML_ASSERT(n) failed\x07 \n\xff ggml_assert " + b"y" * 600
    )

    first, second = matching(tmp_path / "log", ["ggml_assert", "terminate called"])

    assert first == "x.cpp:1: GGML_ASSERT(n) failed"
    assert second.startswith("\N{REPLACEMENT CHARACTER} ggml_assert yyy")
    assert len(second) == 500


def test_a_log_that_is_missing_matches_nothing_in_silence(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(matching(tmp_path / "log", ["GGML_ASSERT"]))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=2000), lines=st.integers(1, 5))
def test_whatever_is_in_a_log_its_tail_is_short_and_printable(
    tmp_path: Path, content: bytes, lines: int
) -> None:
    (tmp_path / "log").write_bytes(content)
    found = tail(tmp_path / "log", lines=lines)

    assert len(found) <= lines
    assert all(line.isprintable() and len(line) <= 500 for line in found)


def test_the_head_is_what_was_written_first_made_harmless(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"one\n\x1b[31m" + b"x" * 5000 + b"\n" + b"y\n" * (1 << 20))

    first, second, third, *_ = found = head(log)

    assert (first, third) == ("one", "y")
    assert second == " [31m" + "x" * 3995
    assert len("\n".join(found)) < 1 << 20
