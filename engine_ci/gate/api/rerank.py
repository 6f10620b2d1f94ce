"""`/v1/rerank`, which puts documents in the order in which they fit a question."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine_ci.gate import reference
from engine_ci.gate.api.questions import difference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine_ci.engine.client import Client
    from engine_ci.gate.networks import Model
    from engine_ci.gate.vectors import VectorGolden

_DOCUMENTS: Final = 4
_BEST: Final = 2
# Good builds are within 3e-5; what fits better leads by 0.01 or more.
_TOLERANCE: Final = 2e-4


def rerank(model: Model, golden: VectorGolden, client: Client) -> Iterator[str]:
    """In what the order of a golden's texts, by how they fit the first, differs, in words."""
    asked, *documents = golden.texts[: 1 + _DOCUMENTS]
    # The last token of a text ends it; the first of the second would begin it.
    prompts = [(*asked.tokens, *document.tokens[1:-1]) for document in documents]
    scores = {number: reference.relevance(model, each) for number, each in enumerate(prompts)}
    order = sorted(scores, key=scores.__getitem__, reverse=True)
    texts = [document.text or "" for document in documents]
    for best in (None, _BEST):
        found = client.rank(asked.text or "", texts, best=best)
        what = f"best {best}" if best else "all"
        given = [rank.index for rank in found.results]
        yield from difference(f"order of {what}", order[:best], given)
        tokens = sum(map(len, prompts))
        yield from difference(f"tokens of {what}", tokens, found.usage.prompt_tokens)
        for rank in found.results:
            score = scores.get(rank.index, float("nan"))
            if not abs(rank.relevance_score - score) <= _TOLERANCE:
                yield f"score of {rank.index}: expected {score}, found {rank.relevance_score}"
