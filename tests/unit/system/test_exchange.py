from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from engine_ci.system.exchange import exchange

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    """Two folders with a file each."""
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    return tmp_path / "one", tmp_path / "other"


def test_two_folders_change_places(two: tuple[Path, Path]) -> None:
    one, other = two

    assert exchange(one, other)
    assert (one / "other").exists()
    assert (other / "one").exists()


def test_what_is_not_there_cannot_be_exchanged(two: tuple[Path, Path]) -> None:
    one, _ = two

    assert not exchange(one, one.with_name("nothing"))
    assert (one / "one").exists()


def test_a_system_without_the_call_says_so_and_changes_nothing(
    two: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "amiga")

    assert not exchange(*two)
    assert (two[0] / "one").exists()
