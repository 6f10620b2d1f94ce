from __future__ import annotations

import pytest

from engine_ci.artifact.naming import UNIX, WINDOWS


@pytest.mark.parametrize("machine", ["", "-aarch64-apple-darwin", "-x86_64-pc-windows-msvc"])
def test_the_program_may_carry_the_machine_that_it_is_for(machine: str) -> None:
    assert UNIX.is_server(f"bin/llama-server{machine}")
    assert WINDOWS.is_server(f"bin/llama-server{machine}.exe")


@pytest.mark.parametrize("name", ["llama-server", "llama-server-impl.dll", "llama-serverxexe"])
def test_another_program_is_not_the_server(name: str) -> None:
    assert not WINDOWS.is_server(name)


@pytest.mark.parametrize("word", ["cpu", "cpu-haswell", "vulkan"])
def test_a_backend_is_known_by_its_name(word: str) -> None:
    assert UNIX.loadable(f"bin/libggml-{word}.so")
    assert WINDOWS.loadable(f"bin/ggml-{word}.dll")


@pytest.mark.parametrize(
    "name",
    ["libggml.so", "libggml-.so", "libggml-cpu.so.0", "libggml-cpu.0.so", "libggml-cpu.dylib",
     "ggml-cpu.so", "ggml-cpu.dll", "libggml-cpu.so/readme"],
)  # fmt: skip
def test_other_names_are_not_loaded_at_run_time(name: str) -> None:
    assert not UNIX.loadable(name)


@pytest.mark.parametrize(
    ("name", "backend", "belongs"),
    [
        ("bin/libggml-cpu.so", "cpu", True),
        ("libggml-cpu-haswell.so", "cpu", True),
        ("libggml-metal.0.dylib", "metal", True),
        ("libggml-cpu.so", "c", False),
        ("libggml-cpux.so", "cpu", False),
        ("ggml-cpu.so", "cpu", False),
    ],
)
def test_a_backend_has_variants(name: str, backend: str, *, belongs: bool) -> None:
    assert UNIX.belongs(name, backend=backend) is belongs
