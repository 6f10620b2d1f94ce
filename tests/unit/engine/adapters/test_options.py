from __future__ import annotations

import pytest

from engine_ci.engine.adapters.options import task, unknown
from engine_ci.engine.tasks import Task

KNOWN = frozenset({"-m", "--port", "-c", "--parallel", "--temp"})


def test_an_engine_that_knows_every_flag_of_the_app_misses_none() -> None:
    argv = ("-m", "{model}", "--port", "{port}", "-c", "4096", "--parallel", "1")

    assert unknown(argv, KNOWN) == ()


def test_unknown_flags_are_named_once_each_in_their_order() -> None:
    argv = ("--mlock", "-m", "{model}", "-fa", "on", "--mlock")

    assert unknown(argv, KNOWN) == ("--mlock", "-fa")


def test_the_value_of_a_flag_is_no_flag() -> None:
    argv = ("--temp=-1", "-c", "-1", "--mmap=on")

    assert unknown(argv, KNOWN) == ("--mmap",)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (("--port", "1"), Task.TEXT),
        (("--embeddings.gguf",), Task.TEXT),
        (("--pooling", "rank"), Task.TEXT),
        (("--embeddings",), Task.VECTORS),
        (("--embedding", "--pooling", "mean"), Task.VECTORS),
        (("--embedding", "--pooling", "rank"), Task.RANKS),
        (("--rerank",), Task.RANKS),
        (("--reranking",), Task.RANKS),
    ],
)
def test_what_an_app_wants_of_an_engine_is_told_by_its_flags(
    flags: tuple[str, ...], expected: Task
) -> None:
    assert task(("-m", "{model}", *flags)) is expected
