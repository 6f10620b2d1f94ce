from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.artifact import pe_closure
from engine_ci.artifact.pe import Image


def image(*needed: str, delayed: tuple[str, ...] = ()) -> Image:
    return Image(machine="x64", needed=needed, delayed=delayed)


def test_imports_are_followed_in_the_programs_folder() -> None:
    images = {
        "p/bin/llama-server.exe": image("impl.dll", "KERNEL32.dll"),
        "p/bin/impl.dll": image("llama.dll", "llama-server.exe"),
        "p/bin/llama.dll": image("impl.dll", "api-ms-win-crt-heap-l1-1-0.dll"),
        "p/bin/unused.dll": image("nothing.dll"),
    }

    found = pe_closure.follow("p/bin/llama-server.exe", [], images=images)

    assert found.why == {
        "p/bin/impl.dll": "p/bin/llama-server.exe",
        "p/bin/llama.dll": "p/bin/impl.dll",
    }
    assert found.system == {"kernel32.dll", "api-ms-win-crt-heap-l1-1-0.dll"}
    assert found.borrowed == frozenset()
    assert found.missing == ()


@given(st.data())
def test_case_does_not_count_in_a_name(data: st.DataObject) -> None:
    def written(name: str) -> str:
        return "".join(data.draw(st.sampled_from((sign.lower(), sign.upper()))) for sign in name)

    library = written("llama.dll")
    images = {"a.exe": image(written("llama.dll"), written("kernel32.dll")), library: image()}

    found = pe_closure.follow("a.exe", [], images=images)

    assert found.why == {library: "a.exe"}
    assert found.system == {"kernel32.dll"}


def test_what_a_backend_imports_is_looked_for_beside_the_program() -> None:
    images = {
        "bin/a.exe": image(),
        "bin/base.dll": image(),
        "lib/ggml-cpu.dll": image("base.dll", "other.dll"),
        "lib/other.dll": image(),
    }

    found = pe_closure.follow("bin/a.exe", ["lib/ggml-cpu.dll"], images=images)

    assert found.why == {"bin/base.dll": "lib/ggml-cpu.dll"}
    assert [(each.name, each.needed_by) for each in found.missing] == [
        ("other.dll", "lib/ggml-cpu.dll")
    ]


@pytest.mark.parametrize("name", ["vulkan-1.dll", "api-ms-lookalike.dll", "..\\a.dll", "bin/a.dll"])
def test_a_library_that_nobody_has_is_missing(name: str) -> None:
    found = pe_closure.follow("a.exe", [], images={"a.exe": image(name), "bin/a.dll": image()})

    assert [each.name for each in found.missing] == [name]
    assert found.why == {}


def test_a_library_that_is_loaded_late_is_followed_and_may_be_absent() -> None:
    images = {"a.exe": image(delayed=("late.dll", "nvcuda.dll", "USER32.dll")), "late.dll": image()}

    found = pe_closure.follow("a.exe", [], images=images)

    assert found.why == {"late.dll": "a.exe"}
    assert found.system == {"user32.dll"}
    assert found.missing == ()


def test_the_runtime_of_the_compiler_is_borrowed_unless_it_is_there() -> None:
    program = image("VCRUNTIME140.dll", "MSVCP140.dll", "KERNEL32.dll")

    alone = pe_closure.follow("a.exe", [], images={"a.exe": program})
    with_it = pe_closure.follow(
        "a.exe", [], images={"a.exe": program, "vcruntime140.dll": image(), "msvcp140.dll": image()}
    )

    assert alone.borrowed == {"vcruntime140.dll", "msvcp140.dll"}
    assert alone.system == {"vcruntime140.dll", "msvcp140.dll", "kernel32.dll"}
    assert with_it.borrowed == frozenset()
    assert set(with_it.why) == {"vcruntime140.dll", "msvcp140.dll"}
