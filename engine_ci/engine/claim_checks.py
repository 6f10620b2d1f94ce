"""Asks a running engine whether it is what it was claimed to be.

Before a start only files and options tell. What a running engine does not show, it has not got.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine_ci.engine.adapters import features
from engine_ci.errors import EngineRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine_ci.engine.claims import Claim
    from engine_ci.engine.client import Client

_PROMPT: Final = "one two three four five six seven eight nine ten"
# Enough to last longer than what disturbs a single token.
_TOKENS: Final = 32


def shortfalls(claim: Claim, client: Client) -> tuple[str, ...]:
    """What of a claim a running engine does not meet, a line each. Asks only for what is claimed.

    Raises:
        EngineAnswerError: it does not answer, or what it says cannot be read.
    """
    return tuple(_shortfalls(claim, client))


def tokens_per_second(client: Client) -> float:
    """How fast one short answer comes: the tokens after the first, by the clock.

    Raises:
        EngineAnswerError: it does not answer.
    """
    times = [chunk.at for chunk in client.stream(_PROMPT, count=_TOKENS)]
    return (_TOKENS - 1) / (times[-1] - times[0])


def _shortfalls(claim: Claim, client: Client) -> Iterator[str]:
    if claim.context and (found := _too_small(claim.context, client)):
        yield f"context: {found}"
    for feature in sorted(claim.features):
        if found := features.why_not(client, feature):
            yield f"{feature}: {found}"
    wanted = claim.min_tokens_per_second
    if wanted and (found := _too_slow(wanted, client)):
        yield f"speed: {found}"


def _too_small(context: int, client: Client) -> str | None:
    try:
        least = min((slot.n_ctx for slot in client.slots()), default=0)
    except EngineRefusedError as problem:
        return problem.message
    if least >= context:
        return None
    return f"{context} tokens, and the engine's arguments give a slot {least}"


def _too_slow(wanted: float, client: Client) -> str | None:
    try:
        client.complete(_PROMPT, count=1)  # of a stream, a refusal looks like any other fault
    except EngineRefusedError as problem:
        return problem.message
    found = tokens_per_second(client)
    return None if found >= wanted else f"{found:.1f} tokens per second, and {wanted:g} are claimed"
