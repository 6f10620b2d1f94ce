"""What `/v1/embeddings` answers, beside how near its vectors are: differences, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from engine_ci.engine.answers import Count, Filled, Shape
from engine_ci.engine.client import EMBEDDINGS
from engine_ci.gate.api import questions
from engine_ci.gate.distance import TO_REFERENCE, distance, length

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine_ci.engine.client import Client
    from engine_ci.gate.vectors import VectorGolden

_LENGTH: Final = 1e-5
_SAME: Final = 1e-6
# The vectors of two passages are 0.01 apart or more, and flags move none by more than 2.1e-4.
_ANOTHER: Final = 5e-3


class _Item(Shape):
    object: Literal["embedding"]
    index: Count
    embedding: list[float]


class _Usage(Shape):
    prompt_tokens: Count
    total_tokens: Count


class Answered(Shape):
    """`POST /v1/embeddings`, as apps read it."""

    object: Literal["list"]
    model: Filled
    data: list[_Item]
    usage: _Usage


def texts(golden: VectorGolden, client: Client) -> Iterator[str]:
    """In what the tokens of texts, and the vectors of texts, differ, in words."""
    for passage in golden.texts:
        content = passage.text or ""
        tokens = client.tokenize(content, add_special=True)
        yield from questions.difference(f"token IDs of {content!r}", passage.tokens, tokens)
        (vector,) = client.embed(content)
        moved = distance(passage.vector, vector).largest
        if moved > TO_REFERENCE.fails:
            yield f"vector of {content!r}: a component is off by {moved:.1e}"


def packed(golden: VectorGolden, client: Client) -> Iterator[str]:
    """In what packed vectors differ from plain ones, in words; of all passages but the longest."""
    for passage in golden.bare[:-1]:
        (plain,), (other,) = (client.embed(passage.tokens, packed=way) for way in (False, True))
        moved = distance(plain, other).largest
        if moved > _SAME:
            yield f"{passage.id}: a component is off by {moved:.1e}"


def lengths(golden: VectorGolden, client: Client) -> Iterator[str]:
    """Which vectors are not of length 1, in words."""
    for passage in golden.bare:
        (vector,) = client.embed(passage.tokens)
        found = length(vector)
        if abs(found - 1) > _LENGTH:
            yield f"{passage.id}: of length {found:.6f}"


def order(golden: VectorGolden, client: Client) -> Iterator[str]:
    """Which vectors of one request are not those of their places, in words."""
    inputs = [passage.tokens for passage in golden.bare]
    found = client.embed(*inputs)
    for passage, vector in zip(golden.bare, found, strict=True):
        moved = distance(passage.vector, vector).largest
        if moved > _ANOTHER:
            yield f"{passage.id}: a component is off by {moved:.1e} from that of its place"


def fields(golden: VectorGolden, client: Client) -> Iterator[str]:
    """In what the fields of an answer differ, in words."""
    inputs = [list(passage.tokens) for passage in golden.bare]
    found = questions.post(client, EMBEDDINGS, {"input": inputs}, Answered)
    count = sum(map(len, inputs))
    width = len(golden.bare[0].vector)
    for what, expected, given in (
        ("indices", [*range(len(inputs))], [item.index for item in found.data]),
        ("components", {width}, {len(item.embedding) for item in found.data}),
        ("prompt tokens", count, found.usage.prompt_tokens),
        ("total tokens", count, found.usage.total_tokens),
    ):
        yield from questions.difference(what, expected, given)
