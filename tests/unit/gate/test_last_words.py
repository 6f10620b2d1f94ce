from __future__ import annotations

import pytest

from engine_ci.gate import last_words
from engine_ci.records.gate import FaultClass

LOADER = "llama-server: error while loading shared libraries: libllama.so.0: "
NEWER = (
    "llama-server: /lib/libm.so.6: version `GLIBC_2.99' not found (required by libggml-base.so.0)"
)


@pytest.mark.parametrize(
    "line",
    [
        f"{LOADER}cannot open shared object file: No such file or directory",
        f"{LOADER}file too short",
        "llama-server: symbol lookup error: libllama.so.0: undefined symbol: ggml_new",
        "0.00.001.000 E llama_model_load_from_file_impl: no backends are loaded. hint: use",
    ],
)
def test_what_was_packed_wrongly_is_told_by_the_loader_or_the_server(line: str) -> None:
    assert last_words.blame(["starting", line, "the end"]) is FaultClass.PACKAGING


@pytest.mark.parametrize("name", ["GLIBC_2.99", "GLIBCXX_3.4.40", "CXXABI_1.3.99"])
def test_a_system_that_is_too_old_outranks_the_packaging(name: str) -> None:
    lines = [NEWER.replace("GLIBC_2.99", name), f"{LOADER}gone"]

    assert last_words.blame(lines) is FaultClass.MINIMUM_OS


@pytest.mark.parametrize("log", [(), ("llama_model_load: error loading model: missing tensor",)])
def test_other_words_say_nothing(log: tuple[str, ...]) -> None:
    assert last_words.blame(log) is None
