"""Which systems an engine must run on: the app's word, else the wheel's name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.artifact import floors
from engine_ci.artifact.floors import Floor, Floors

if TYPE_CHECKING:
    from engine_ci.pins.model import Platform

NUMBER = st.integers(0, 99)


def promise(tag: str, version: str) -> Floor:
    return Floor(version=version, who=f"the wheel's tag {tag} promises {version}")


@pytest.mark.parametrize(
    ("tags", "platform", "promised"),
    [
        ("manylinux_2_28_x86_64", "ubuntu-x64",
         Floors(glibc=promise("manylinux_2_28_x86_64", "2.28"))),
        ("manylinux_2_9_x86_64.manylinux_2_27_x86_64", "ubuntu-x64",
         Floors(glibc=promise("manylinux_2_9_x86_64", "2.9"))),
        ("manylinux2014_x86_64.manylinux_2_28_x86_64", "ubuntu-x64",
         Floors(glibc=promise("manylinux2014_x86_64", "2.17"))),
        ("manylinux_2_17_aarch64.manylinux_2_28_x86_64", "ubuntu-x64",
         Floors(glibc=promise("manylinux_2_28_x86_64", "2.28"))),
        ("macosx_11_0_arm64", "macos-arm64", Floors(macos=promise("macosx_11_0_arm64", "11.0"))),
        ("macosx_10_9_x86_64.macosx_11_0_arm64", "macos-arm64",
         Floors(macos=promise("macosx_11_0_arm64", "11.0"))),
        ("macosx_13_3_universal2", "macos-x64",
         Floors(macos=promise("macosx_13_3_universal2", "13.3"))),
        ("linux_x86_64", "ubuntu-x64", Floors()),
        ("win_amd64", "windows-x64", Floors()),
        ("macosx_11_0_arm64", "windows-arm64", Floors()),
        ("musllinux_1_2_x86_64", "ubuntu-x64", Floors()),
        ("any", "ubuntu-x64", Floors()),
    ],
)  # fmt: skip
def test_the_tags_of_a_wheel_are_promises(tags: str, platform: Platform, promised: Floors) -> None:
    assert floors.promised(f"engine-1.0-py3-none-{tags}.whl", platform=platform) == promised


def test_an_archive_of_a_release_promises_nothing() -> None:
    name = "llama-manylinux_2_28_x86_64.tar.gz"

    assert floors.promised(name, platform="ubuntu-x64") == Floors()


@given(versions=st.lists(st.tuples(NUMBER, NUMBER), min_size=1, max_size=5))
def test_of_several_promises_the_oldest_counts(versions: list[tuple[int, int]]) -> None:
    tags = ".".join(f"manylinux_{major}_{minor}_x86_64" for major, minor in versions)

    found = floors.promised(f"engine-1.0-py3-none-{tags}.whl", platform="ubuntu-x64").glibc

    assert found is not None
    assert found.parts == min(versions)


def test_the_app_s_word_outranks_the_wheel_s_name_where_there_is_one() -> None:
    app = floors.of_app(glibc="2.35", glibcxx="3.4.25")
    wheel = floors.promised("engine-1.0-py3-none-manylinux_2_28_x86_64.whl", platform="ubuntu-x64")
    mac = floors.promised("engine-1.0-py3-none-macosx_11_0_arm64.whl", platform="macos-arm64")

    assert app.or_else(wheel) == app
    assert app.or_else(mac) == Floors(macos=mac.macos, glibc=app.glibc, glibcxx=app.glibcxx)
    assert floors.NO_FLOORS.or_else(wheel) == wheel
