from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine_ci.artifact.closure import Closure
from engine_ci.artifact.expected import NOTHING_EXPECTED, Expected
from engine_ci.artifact.plan import Kept, PrunePlan
from engine_ci.errors import VerificationError

if TYPE_CHECKING:
    from engine_ci.records.bundle import Kind


def plan(**files: Kind) -> PrunePlan:
    kept = [
        Kept(path=name, source=name, was=name, kind=kind, why="") for name, kind in files.items()
    ]
    closure = Closure(why={}, system=frozenset(), missing=())
    return PrunePlan(keep=tuple(kept), drop=(), closure=closure)


PLAN = plan(server="server", liba="library", metal="backend", LICENSE="licence")


@pytest.mark.parametrize(
    "expected",
    [
        NOTHING_EXPECTED,
        Expected(images=("server", "liba", "metal")),
        Expected(frameworks=("metal", "liba"), frameworks_list="tauri.conf.json"),
    ],
)
def test_equal_lists_are_fine(expected: Expected) -> None:
    expected.check(PLAN)


def test_the_pins_list_names_what_came_and_went() -> None:
    with pytest.raises(VerificationError) as caught:
        Expected(images=("server", "libold", "liba")).check(PLAN)

    assert caught.value.message == (
        "the engine's files are not those that the pin lists: added metal; lost libold"
    )


def test_the_apps_list_has_libraries_only_and_is_named() -> None:
    expected = Expected(frameworks=("liba",), frameworks_list="src-tauri/tauri.conf.json")

    with pytest.raises(VerificationError, match=r"that src-tauri/tauri\.conf\.json lists: added m"):
        expected.check(PLAN)


def test_another_tree_than_the_pins_is_refused() -> None:
    Expected(tree_sha256="a" * 64).check_tree("a" * 64)
    NOTHING_EXPECTED.check_tree("b" * 64)

    with pytest.raises(VerificationError, match="the pin says aaaa"):
        Expected(tree_sha256="a" * 64).check_tree("b" * 64)
