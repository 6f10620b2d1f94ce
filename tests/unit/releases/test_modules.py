"""Which part of llama.cpp a commit is about, by real subjects."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.releases.modules import OTHER, module
from fixtures.upstream import history


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("vulkan : added the PAD_REFLECT_1D operation (#26586)", "vulkan"),
        ("mtmd: use ggml_rope_set_offset (#27521)", "mtmd"),
        ("sync : ggml", "sync"),
        ('Revert "sycl : add Q2_K reordered MMVQ kernels (#26336)" (#27486)', "sycl"),
        ("[SYCL] support OP OPT_STEP_ADAMW, OPT_STEP_SGD (#25268)", "sycl"),
        ("ggml-cuda: provide static workspace (#26574)", "cuda"),
        ("ggml : bump version to 0.21.0 (ggml/1597)", "ggml"),
        ("CUDA/HIP: tune (#1)", "cuda"),
        ("server, ui: only offer a working directory (#26762)", "server"),
        ("server + ui: both (#1)", "server"),
        ("`server`: streaming of tool calls (#12379)", "server"),
        ("sycl(build): fix (#1)", "sycl"),
        ("webui: load the model (#26707)", "ui"),
        ("readme : update badges (#27531)", "docs"),
        ("common/peg : suppress incomplete escapes (#26780)", "common"),
    ],
)
def test_a_subject_names_the_module(subject: str, expected: str) -> None:
    assert module(subject, ["src/llama.cpp"]) == expected


@pytest.mark.parametrize(
    "subject",
    [
        "fix: check gguf array type before reading (#27075)",
        "fixed indent",
        "disable rocm cache (#26962)",
        "update ggml/src/gguf.cpp: bounds",
        "https://example.invalid/1",
        "std::vector everywhere",
        "",
    ],
)
def test_where_the_subject_names_none_most_of_the_paths_tell(subject: str) -> None:
    paths = ["common/a.cpp", "tools/server/a.cpp", "tools/server/b.cpp"]

    assert module(subject, paths) == "server"


def test_a_commit_that_says_and_touches_nothing_is_of_no_module() -> None:
    assert module("fixed indent", []) == OTHER


def test_nearly_all_real_commits_fall_into_few_modules() -> None:
    modules = [module(change.subject, change.paths) for change in history.load()]

    assert len(set(modules)) == 53
    assert modules.count("server") == 24
    assert OTHER not in modules


@given(st.text(), st.lists(st.text(min_size=1)))
def test_whatever_a_commit_says_its_module_is_a_short_word(subject: str, paths: list[str]) -> None:
    assert 0 < len(module(subject, paths)) <= 30
