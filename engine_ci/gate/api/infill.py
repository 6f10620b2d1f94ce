"""`/infill`, which editors ask for what goes between two pieces of a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from gguf import GGUFReader

from engine_ci.engine.answers import Completed
from engine_ci.engine.client import GREEDY
from engine_ci.gate.api.questions import difference, post

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine_ci.engine.client import Client

PATH: Final = "/infill"
_BEFORE: Final = "def area(width, height):\n    return "
_BEGUN: Final = "width"
_BEHIND: Final = "\n\nprint(area(2, 3))\n"
_ELSEWHERE: Final = "def volume(a, b, c):\n    return a * b * c\n"
# What llama.cpp writes before each, where the model has no token for that.
_SNIPPET: Final = "\n\n--- snippet ---\n\n"
_COUNT: Final = 16
_BODY: Final = GREEDY | {
    "input_prefix": _BEFORE,
    "input_suffix": _BEHIND,
    "n_predict": _COUNT,
    "return_tokens": True,
    "ignore_eos": True,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Marks:
    """The IDs of the tokens that stand before what comes first, what comes last, and the middle."""

    first: int
    last: int
    middle: int

    @classmethod
    def of(cls, path: Path) -> Self:
        """Those of a model that has them."""
        fields = GGUFReader(path).fields
        first, last, middle = (
            int(fields[f"tokenizer.ggml.fim_{part}_token_id"].contents())
            for part in ("pre", "suf", "mid")
        )
        return cls(first=first, last=last, middle=middle)


def infill(marks: Marks, client: Client) -> Iterator[str]:
    """In what the middle differs from what `/completion` says behind the same tokens, in words."""
    before, begun, behind, snippet, elsewhere = (
        tuple(client.tokenize(text)) for text in (_BEFORE, _BEGUN, _BEHIND, _SNIPPET, _ELSEWHERE)
    )
    first = (marks.first, *before)
    rest = (marks.last, *behind, marks.middle)
    extra = [{"filename": "volume.py", "text": _ELSEWHERE}]
    for what, asked, prompt in (
        ("", {}, first + rest),
        (" (begun)", {"prompt": _BEGUN}, first + begun + rest),
        (" (with another file)", {"input_extra": extra}, snippet + elsewhere + first + rest),
    ):
        expected = client.complete(prompt, count=_COUNT)
        found = post(client, PATH, _BODY | asked, Completed)
        yield from difference(f"tokens{what}", list(expected.tokens), found.tokens)
        yield from difference(f"tokens of the prompt{what}", len(prompt), found.timings.prompt_n)
