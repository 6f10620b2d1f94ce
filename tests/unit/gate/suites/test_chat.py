from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.gate.suites.chat import complaint


@pytest.mark.parametrize(
    "text", ["The capital of France is Paris.", "Paris", "It is Paris!\n\nParis is a city."]
)
def test_a_plain_text_with_the_word_is_sane(text: str) -> None:
    assert complaint(text, word="Paris") == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("Paris \ufffd", "not plain text"),
        ("Paris\x00", "not plain text"),
        ("Paris Paris Paris Paris", "repeats itself"),
        ("Paris????", "repeats itself"),
        ("The capital of France is Rome.", "does not mention Paris"),
    ],
)
def test_what_is_wrong_with_a_text_is_said(text: str, expected: str) -> None:
    assert complaint(text, word="Paris") == expected


@given(st.text())
def test_any_text_can_be_judged(text: str) -> None:
    assert isinstance(complaint(text, word="Paris"), str)
