from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine_ci.engine import cpuinfo

if TYPE_CHECKING:
    from pathlib import Path

TOLD = """processor\t: 0
model name\t: Fast One: 9000
flags\t\t: fpu avx avx2
model name\t: its other name

processor\t: 1
model name\t: Slow One
flags\t\t: fpu
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cpuinfo"


def test_the_first_processor_is_told_of(path: Path) -> None:
    path.write_text(TOLD)

    assert cpuinfo.processor(path)["model name"] == "Fast One: 9000"
    assert cpuinfo.features(path) == frozenset({"fpu", "avx", "avx2"})


def test_another_kind_of_processor_calls_them_otherwise(path: Path) -> None:
    path.write_text("processor\t: 0\nFeatures\t: fp asimd\n")

    assert cpuinfo.features(path) == frozenset({"fp", "asimd"})


@pytest.mark.parametrize("text", ["", "processor\t: 0\n", "flags\t: \n"])
def test_features_that_are_not_told_are_unknown(path: Path, text: str) -> None:
    path.write_text(text)

    assert cpuinfo.features(path) is None


def test_where_nothing_is_told_nothing_is_known(path: Path) -> None:
    assert cpuinfo.processor(path) == {}
    assert cpuinfo.features(path) is None


def test_of_a_file_without_end_only_the_beginning_is_read(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cpuinfo, "_BYTES", len("flags: a"))
    path.write_text("flags: a b c")

    assert cpuinfo.features(path) == frozenset({"a"})
