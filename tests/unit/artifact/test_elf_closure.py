from __future__ import annotations

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.artifact import elf_closure
from engine_ci.artifact.closure import Missing
from engine_ci.artifact.elf import Image


def image(*needed: str, runpath: str = "", rpath: str = "", soname: str | None = None) -> Image:
    return Image(
        machine="x86_64",
        needed=needed,
        soname=soname,
        runpath=tuple(filter(None, runpath.split(":"))),
        rpath=tuple(filter(None, rpath.split(":"))),
    )


def test_needed_libraries_are_followed_along_the_run_path() -> None:
    images = {
        "p/bin/server": image("liba.so.0", runpath="$ORIGIN/../lib"),
        "p/lib/liba.so.0": image("libb.so.1", "libc.so.6", runpath="$ORIGIN"),
        "p/lib/libb.so.1": image("libm.so.6"),
        "p/lib/unused.so": image("libnothing.so"),
    }

    found = elf_closure.follow(["p/bin/server"], images=images)

    assert found.why == {"p/lib/liba.so.0": "p/bin/server", "p/lib/libb.so.1": "p/lib/liba.so.0"}
    assert found.system == {"libc.so.6", "libm.so.6"}
    assert found.missing == ()


def test_of_three_copies_the_one_with_the_needed_name_is_taken() -> None:
    images = {
        "server": image("libx.so.0", runpath="$ORIGIN"),
        "libx.so": image(soname="libx.so.0"),
        "libx.so.0": image(soname="libx.so.0"),
        "libx.so.0.1.2": image(soname="libx.so.0"),
    }

    assert set(elf_closure.follow(["server"], images=images).why) == {"libx.so.0"}


def test_a_library_beside_the_run_path_is_missing() -> None:
    images = {"bin/server": image("liba.so", runpath="$ORIGIN"), "lib/liba.so": image()}

    found = elf_closure.follow(["bin/server"], images=images)

    assert found.why == {}
    assert found.missing == (Missing(name="liba.so", needed_by="bin/server"),)


def test_the_first_folder_of_the_run_path_wins() -> None:
    images = {
        "bin/server": image("liba.so", runpath="${ORIGIN}:$ORIGIN/../lib"),
        "bin/liba.so": image(),
        "lib/liba.so": image(),
    }

    assert set(elf_closure.follow(["bin/server"], images=images).why) == {"bin/liba.so"}


def test_a_library_that_is_loaded_already_serves_those_that_would_not_find_it() -> None:
    images = {
        "bin/server": image("liba.so", "libb.so", runpath="$ORIGIN/../lib"),
        "lib/liba.so": image("libb.so", runpath="$ORIGIN/nowhere"),
        "lib/libb.so": image(),
    }

    assert elf_closure.follow(["bin/server"], images=images).missing == ()


def test_a_root_counts_as_loaded_under_its_own_name() -> None:
    images = {
        "server": image("libplugin.so.1"),
        "plugins/plugin.so": image(soname="libplugin.so.1"),
    }

    found = elf_closure.follow(["server", "plugins/plugin.so"], images=images)

    assert (dict(found.why), found.missing) == ({}, ())


def test_the_old_rpath_serves_the_libraries_below_and_runpath_does_not() -> None:
    below = {"lib/liba.so": image("libb.so"), "lib/libb.so": image()}
    old = {"server": image("liba.so", rpath="$ORIGIN/lib")} | below
    new = {"server": image("liba.so", runpath="$ORIGIN/lib")} | below

    assert elf_closure.follow(["server"], images=old).missing == ()
    assert elf_closure.follow(["server"], images=new).missing == (
        Missing(name="libb.so", needed_by="lib/liba.so"),
    )


def test_runpath_switches_rpath_off() -> None:
    images = {
        "server": image("liba.so", runpath="$ORIGIN/no", rpath="$ORIGIN/lib"),
        "lib/liba.so": image(),
    }

    found = elf_closure.follow(["server"], images=images)
    assert [item.name for item in found.missing] == ["liba.so"]


def test_a_shipped_library_is_preferred_to_the_system_s() -> None:
    images = {"server": image("libgomp.so.1", runpath="$ORIGIN"), "libgomp.so.1": image()}

    found = elf_closure.follow(["server"], images=images)

    assert set(found.why) == {"libgomp.so.1"}
    assert found.system == frozenset()


@pytest.mark.parametrize("name", ["libgomp.so.1", "libatomic.so.1"])
def test_a_compiler_runtime_may_come_from_the_system(name: str) -> None:
    found = elf_closure.follow(["server"], images={"server": image(name)})

    assert found.system == {name}


@given(
    st.dictionaries(
        st.sampled_from([f"lib/l{n}.so" for n in range(6)]),
        st.lists(st.sampled_from([f"l{n}.so" for n in range(6)]), max_size=4),
        min_size=1,
    ),
)
def test_everything_kept_finds_what_it_needs_or_it_is_reported(
    graph: dict[str, list[str]],
) -> None:
    images = {path: image(*needed, runpath="$ORIGIN") for path, needed in graph.items()}
    root = min(images)

    found = elf_closure.follow([root], images=images)

    kept = {root, *found.why}
    missing = {item.name for item in found.missing}
    needed = {name for path in kept for name in graph[path]}
    assert needed <= {posixpath.basename(path) for path in kept} | missing
    assert not missing & {posixpath.basename(path) for path in images}
    assert set(found.why) <= {f"lib/{name}" for name in needed}
