from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine_ci.gate.suites import tokenizer
from engine_ci.gate.tokenisation import Tokenised

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine_ci.engine.client import Client


class Canned:
    """Answers every question alike, and remembers how the last one was asked."""

    def __init__(self, *, tokens: tuple[int, ...] = (), text: str = "") -> None:
        self._tokens = tokens
        self._text = text
        self.asked: dict[str, bool] = {}

    def tokenize(self, _: str, **asked: bool) -> tuple[int, ...]:
        self.asked = asked
        return self._tokens

    def detokenize(self, _: Sequence[int]) -> str:
        return self._text

    def pieces(self, _: str, **asked: bool) -> tuple[tuple[int, bytes], ...]:
        self.asked = asked
        spelled = self._text.encode()
        return tuple(
            (token, spelled if place == 0 else b"") for place, token in enumerate(self._tokens)
        )


TEXT = Tokenised(id="ab", text="ab", tokens=(65, 66))
STARTED = Tokenised(
    id="started",
    text="<s>",
    parse_special=True,
    add_special=True,
    tokens=(1, 1),
    back="<s><s>",
)


def client(*, tokens: tuple[int, ...] = (65, 66), text: str = "ab") -> Client:
    canned: Client = Canned(tokens=tokens, text=text)  # type: ignore[assignment]  # as far as asked
    return canned


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ((65, 66), []),
        ((65, 67), ["text ab, place 1: expected token 66, found token 67"]),
        ((65,), ["text ab, place 1: expected token 66, found the end"]),
        ((65, 66, 0), ["text ab, place 2: expected the end, found token 0"]),
        ((66, 65), ["text ab, place 0: expected token 65, found token 66"]),
    ],
)
def test_the_first_token_that_differs_is_named(
    tokens: tuple[int, ...], expected: list[str]
) -> None:
    assert list(tokenizer.tokenize(client(tokens=tokens), [TEXT])) == expected
    assert list(tokenizer.pieces(client(tokens=tokens), [TEXT])) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ab", []),
        ("aB", ["character 1: expected 'b', found 'B'"]),
        ("a", ["character 1: expected 'b', found ''"]),
        ("ab\u00a0", ["character 2: expected '', found '\\xa0'"]),
    ],
)
def test_the_first_character_that_differs_is_named(text: str, expected: list[str]) -> None:
    said = client(text=text)

    assert list(tokenizer.detokenize(said, [TEXT])) == [f"text ab: {each}" for each in expected]
    assert list(tokenizer.pieces(said, [TEXT])) == [f"pieces of ab: {each}" for each in expected]


def test_pieces_that_are_no_text_differ() -> None:
    class Broken(Canned):
        def pieces(self, _: str, **__: bool) -> tuple[tuple[int, bytes], ...]:
            return ((65, b"a"), (66, b"\xc3"))

    broken: Client = Broken()  # type: ignore[assignment]  # as far as asked

    (said,) = tokenizer.pieces(broken, [TEXT])

    assert said == "pieces of ab: character 1: expected 'b', found '\\ufffd'"


def test_special_tokens_are_asked_for_as_the_golden_says() -> None:
    canned = Canned(tokens=(1, 1), text="<s><s>")
    said: Client = canned  # type: ignore[assignment]  # as far as asked

    for ask in (tokenizer.tokenize, tokenizer.pieces):
        assert list(ask(said, [STARTED])) == []
        assert canned.asked == {"add_special": True, "parse_special": True}
        list(ask(said, [TEXT]))
        assert canned.asked == {"add_special": False, "parse_special": False}
