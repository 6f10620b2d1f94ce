from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from benchmarks.gate import catalogue, engines

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from benchmarks.gate.catalogue import Engine

BASE = catalogue.engines([catalogue.BASE])[0]


def _patched(folder: Path, *, edit: str) -> Engine:
    patch = folder / "fault.patch"
    patch.write_text(edit)
    return replace(BASE, patch=patch)


def test_an_edit_of_the_patch_makes_another_engine(tmp_path: Path) -> None:
    first = engines.key(_patched(tmp_path, edit="+a"))
    second = engines.key(_patched(tmp_path, edit="+b"))
    assert len({engines.key(BASE), first, second}) == 3


def test_an_engine_that_is_there_is_not_built_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "HOME", tmp_path)
    folder = tmp_path / engines.key(BASE)
    folder.mkdir()
    assert engines.ensure(BASE) == folder
