"""Images that compilers made: read as they were asked for, and damaged in every way."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.fuzz import readers
from benchmarks.fuzz.mutations import Mutator
from engine_ci.artifact.macho import layout, read
from engine_ci.errors import MachOError
from tests.unit.artifact.macho import compiled

if TYPE_CHECKING:
    import random

    from engine_ci.artifact.macho.layout import Slice

BY_ZIG = {"___dso_handle", "__mh_dylib_header", "__mh_execute_header", "_main"}
SMALL = {name: raw for name, raw in compiled.images().items() if name != "fat.dylib"}


def said(image: read.Image) -> dict[str, Any]:
    """What a recipe asks for; and of what a linker adds, nothing."""
    return {
        "arch": image.arch,
        "filetype": image.filetype.name.lower(),
        "id": image.id,
        "dependencies": sorted([name, str(kind)] for name, kind in image.dependencies),
        "run_paths": list(image.run_paths),
        "minimum_os": str(image.minimum_os),
        "imports": sorted(
            [each.name, image.library(each), each.weak]
            for each in image.imports
            if each.name != "dyld_stub_binder"
        ),
    }


def exported(of: Slice) -> list[str]:
    """The exports that a recipe asks for."""
    return sorted({each.name for each in read.all_exports(of)} - BY_ZIG)


@pytest.mark.parametrize("name", compiled.facts())
def test_an_image_is_what_its_compiler_was_asked_for(name: str) -> None:
    slices = layout.slices(compiled.images()[name])
    found = [said(read.image(each)) | {"exports": exported(each)} for each in slices]

    assert found == compiled.facts()[name]


def test_every_image_has_its_facts() -> None:
    assert compiled.images().keys() == compiled.facts().keys()


@given(name=st.sampled_from(sorted(SMALL)), chance=st.randoms(use_true_random=False))
@settings(max_examples=400, deadline=2000)
def test_a_damaged_image_is_read_or_refused_and_nothing_else(
    name: str, chance: random.Random
) -> None:
    raw = Mutator(SMALL[name]).mutated(chance)

    with suppress(MachOError), readers.READERS["macho"].opened() as feed:
        feed(raw)
