from __future__ import annotations

import dataclasses
import posixpath
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.artifact import elf, macho_closure, plan, steps
from engine_ci.artifact.archive import Entry
from engine_ci.artifact.loaders import of, settled
from engine_ci.artifact.macho.layout import FileType
from engine_ci.artifact.macho.read import Dependency, Image, Kind
from engine_ci.errors import VerificationError
from engine_ci.records.bundle import Edit
from tests.unit.artifact.relocations import applied

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine_ci.artifact.loaders import Loader
    from engine_ci.artifact.plan import PrunePlan
    from engine_ci.artifact.steps import Step

MAC = of("macos-arm64")
LINUX = of("ubuntu-x64")
SERVER = "top/bin/llama-server"
CPU = "top/bin/libggml-cpu.so"
FOLDERS = ("bin", "lib", "x")
SYSTEM = Dependency("/usr/lib/libSystem.B.dylib", Kind.STRONG)
ABSENT = Dependency("@rpath/libabsent.dylib", Kind.WEAK)


def library(*needed: Dependency, name: str | None = None, backend: bool = False) -> Image:
    return Image(
        arch="arm64",
        filetype=FileType.DYLIB,
        id=name,
        dependencies=needed,
        exports=frozenset({f"_{elf.BACKEND}"} if backend else ()),
    )


def program(*needed: Dependency) -> Image:
    return Image(
        arch="arm64",
        filetype=FileType.EXECUTE,
        dependencies=needed,
        run_paths=tuple(f"@executable_path/../{folder}" for folder in FOLDERS),
    )


def needs(path: str) -> Dependency:
    return Dependency(f"@rpath/{posixpath.basename(path)}", Kind.STRONG)


def planned(
    images: Mapping[str, Any],
    *,
    links: Mapping[str, str] | None = None,
    plain: tuple[str, ...] = (),
    loader: Loader[Any] = MAC,
    stays: bool = False,
) -> tuple[PrunePlan, tuple[Step, ...]]:
    """What is kept of images, links to them and other files, which the app wants, and how."""
    entries = {path: Entry(path=path, size=1, fingerprint=path) for path in (*images, *plain)}
    seen = dict(images)
    for path, target in (links or {}).items():
        entries[path] = dataclasses.replace(entries[target], path=path, target=target)
        seen[path] = images[target]
    pruned = plan.prune(
        entries,
        images=seen,
        loader=loader,
        backends=("cpu",),
        keep=tuple(map(posixpath.basename, plain)),
        settled=stays,
    )
    return pruned, steps.steps(pruned, images=seen, loader=loader)


@st.composite
def engines(draw: st.DrawFn, *, circles: bool = True) -> dict[str, Image]:
    """A program, a backend and libraries in three folders, which all find what they name."""
    count = draw(st.integers(1, 6))
    paths = [
        f"top/{draw(st.sampled_from(FOLDERS))}/lib{letter}.0.1.dylib" for letter in "abcdef"[:count]
    ]

    def wanted(first: int = 0) -> tuple[Dependency, ...]:
        named = st.sampled_from([
            Dependency(spelled, kind)
            for path in paths[first:]
            for spelled in (needs(path).name, f"@loader_path/../{path.removeprefix('top/')}")
            for kind in (Kind.STRONG, Kind.WEAK)
        ]) if paths[first:] else st.nothing()  # fmt: skip
        others = st.sampled_from([SYSTEM, ABSENT])
        return tuple(draw(st.lists(others | named, max_size=4, unique_by=lambda each: each.name)))

    images = {SERVER: program(*wanted()), CPU: library(*wanted(), backend=True)}
    for number, path in enumerate(paths):
        short = f"lib{'abcdef'[number]}.dylib"
        name = draw(st.sampled_from([None, f"@rpath/{short}", f"/Users/runner/build/{short}"]))
        images[path] = library(*wanted(0 if circles else number + 1), name=name)
    return images


@given(engines())
def test_the_record_s_names_lead_dyld_to_the_same_files_as_before(images: dict[str, Image]) -> None:
    before, made = planned(images)

    placed = {step.file.path: applied(images[step.file.source], step.edits) for step in made}
    after = macho_closure.follow("llama-server", ["libggml-cpu.so"], images=placed, links={})

    assert after.missing == ()
    assert after.system == before.closure.system
    for step in made:
        old, new = images[step.file.source], placed[step.file.path]
        assert new.id in (None, f"@rpath/{step.file.path}")
        for one, other in zip(old.dependencies, new.dependencies, strict=True):
            known = before.closure.found[step.file.source].get(one.name)
            found = after.found[step.file.path].get(other.name)
            assert found == (None if known is None else before.names[known])
            assert found or other in (SYSTEM, ABSENT)


@given(engines())
def test_the_record_says_all_that_is_written(images: dict[str, Image]) -> None:
    _, made = planned(images)

    for step in made:
        assert step.relocation is not None
        changes, after = step.relocation.changes, applied(images[step.file.source], step.edits)
        assert after.id == changes.install_name
        assert sorted(after.run_paths) == sorted(changes.run_paths or ())
        assert [each.name for each in after.dependencies] == [
            changes.dependencies.get(each.name, each.name)
            for each in images[step.file.source].dependencies
        ]
        assert [edit.new for edit in step.edits if edit.what == "signature"] == ["ad hoc"]


@given(engines(), st.booleans())
def test_every_file_is_written_once_and_the_program_last(
    images: dict[str, Image], shader: bool
) -> None:
    before, made = planned(images, plain=("top/bin/zz.metal",) if shader else ())

    assert sorted(step.file.path for step in made) == [file.path for file in before.keep]
    assert made[-1].file.kind == "server"
    assert [step.file.path for step in made if step.relocation is None] == ["zz.metal"] * shader
    assert shader == (made[0].file.path == "zz.metal")


@given(engines(circles=False))
def test_where_no_circle_is_an_image_comes_after_all_that_it_needs(
    images: dict[str, Image],
) -> None:
    before, made = planned(images)

    order = [step.file.source for step in made]
    for path in order:
        for needed in before.closure.found[path].values():
            assert order.index(needed) < order.index(path)


def test_a_program_that_a_library_asks_for_is_still_the_last() -> None:
    images = {
        SERVER: program(needs("top/bin/liba.dylib")),
        CPU: library(Dependency("@executable_path/llama-server", Kind.STRONG), backend=True),
        "top/bin/liba.dylib": library(name="@rpath/liba.dylib"),
    }

    _, made = planned(images)

    assert [step.file.path for step in made] == ["liba.dylib", "libggml-cpu.so", "llama-server"]


def test_a_long_chain_of_libraries_is_followed_to_its_end() -> None:
    chain = [f"top/lib/lib{number}.dylib" for number in range(5_000)]
    images = {SERVER: program(needs(chain[0])), CPU: library(backend=True)}
    images |= {
        path: library(needs(after))
        for path, after in zip(chain, (*chain[1:], chain[-1]), strict=True)
    }

    _, made = planned(images)

    assert len(made) == len(images)
    assert made[0].file.path == "lib4999.dylib"


def test_a_file_that_moves_says_from_where() -> None:
    images = {SERVER: program(needs("top/lib/liba.0.dylib")), CPU: library(backend=True)}
    images["top/lib/liba.0.1.dylib"] = library(name="@rpath/liba.0.dylib")

    _, (first, *_) = planned(images, links={"top/lib/liba.0.dylib": "top/lib/liba.0.1.dylib"})

    assert first.edits[0] == Edit(what="name", old="lib/liba.0.1.dylib", new="liba.0.dylib")


def test_elf_files_get_the_names_that_they_are_needed_by_and_keep_their_bytes() -> None:
    images = {
        SERVER: elf.Image(machine="x86_64", needed=("liba.so.0",), runpath=("$ORIGIN/../lib",)),
        CPU: elf.Image(machine="x86_64", exports=frozenset({elf.BACKEND})),
        "top/lib/liba.so.0.0.1": elf.Image(machine="x86_64"),
    }
    links = {"top/lib/liba.so.0": "top/lib/liba.so.0.0.1"}

    _, made = planned(images, links=links, loader=LINUX)

    assert {step.file.path: step.edits for step in made} == {
        "bin/libggml-cpu.so": (),
        "lib/liba.so.0": (Edit(what="name", old="lib/liba.so.0.0.1", new="lib/liba.so.0"),),
        "bin/llama-server": (),
    }
    assert [step.relocation for step in made] == [None] * 3


def test_what_an_app_laid_out_itself_stays_as_it_is() -> None:
    images = {SERVER: program(needs("top/lib/liba.dylib")), CPU: library(backend=True)}
    images["top/lib/liba.dylib"] = library(name="/elsewhere/liba.dylib")

    _, made = planned(images, loader=settled("macos-arm64"), stays=True)

    assert {(step.file.path, step.edits) for step in made} == {(path, ()) for path in images}


@pytest.mark.parametrize("asked", ["LLAMA-server", "bundle.json", "Bundle.json"])
def test_an_image_whose_name_hides_another_file_on_a_mac_is_refused(asked: str) -> None:
    images = {SERVER: program(needs("top/lib/liba.dylib")), CPU: library(backend=True)}
    images["top/lib/liba.dylib"] = library(name=f"@rpath/{asked}")

    with pytest.raises(VerificationError, match=f"would become {asked}, which hides another file"):
        planned(images)
