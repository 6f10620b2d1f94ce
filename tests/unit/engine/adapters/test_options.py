from __future__ import annotations

from engine_ci.engine.adapters.options import embeds, unknown

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


def test_an_app_that_wants_vectors_says_so_by_either_name_of_the_flag() -> None:
    assert embeds(("-m", "{model}", "--embeddings"))
    assert embeds(("-m", "{model}", "--embedding"))
    assert not embeds(("-m", "--embeddings.gguf"))
