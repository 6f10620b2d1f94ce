from __future__ import annotations

from engine_ci.gate.suites.loads import missing_flags

KNOWN = frozenset({"-m", "--port", "-c", "--parallel", "--temp"})


def test_an_engine_that_knows_every_flag_of_the_app_misses_none() -> None:
    argv = ("-m", "{model}", "--port", "{port}", "-c", "4096", "--parallel", "1")

    assert missing_flags(argv, KNOWN) == ()


def test_unknown_flags_are_named_once_each_in_their_order() -> None:
    argv = ("--mlock", "-m", "{model}", "-fa", "on", "--mlock")

    assert missing_flags(argv, KNOWN) == ("--mlock", "-fa")


def test_the_value_of_a_flag_is_no_flag() -> None:
    argv = ("--temp=-1", "-c", "-1", "--mmap=on")

    assert missing_flags(argv, KNOWN) == ("--mmap",)
