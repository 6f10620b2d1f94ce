"""The probabilities that each sampler leaves, against those that it should.

All are reckoned from what the engine itself says of one prompt, which `tokens` and `drift` hold
against the reference, at a temperature that makes many tokens likely.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple

from pydantic import Field

from engine_ci.engine import answers
from engine_ci.engine.answers import Byte, Count, Shape
from engine_ci.engine.client import GREEDY
from engine_ci.gate import samplers
from engine_ci.gate.api.questions import COMPLETION, post

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from engine_ci.engine.client import Client
    from engine_ci.gate.api.questions import Known
    from engine_ci.gate.samplers import Odds

_HOT: Final = 3.0
_ALL: Final = 100_000  # more tokens than any model of ours has
_AMONG: Final = 8
_AGAIN: Final = 3
_WINDOW: Final = 64
_TOLERANCE: Final = 1e-3  # nats
_IMPOSSIBLE: Final = -60.0  # nats
_SURE: Final = 32.0  # more than any logit of ours
_REPEAT_PENALTY: Final = 2.0
_PENALTIES: Final = {"presence_penalty": 2.0, "frequency_penalty": 1.5}
_DRY: Final = {"dry_multiplier": 3.0, "dry_base": 1.5, "dry_allowed_length": 2}


class Likely(answers.Likely):
    """A token, its log-probability before the samplers, and what it says."""

    bytes: list[Byte]


class Before(Shape):
    """The token that was chosen, and the likeliest in its place."""

    top_logprobs: list[Likely]


class Asked(Shape):
    """`POST /completion` of one token."""

    completion_probabilities: Annotated[list[Before], Field(min_length=1, max_length=1)]


class Chance(Shape):
    """A token and its probability after the samplers."""

    id: Count
    prob: Annotated[float, Field(ge=0, le=1)]


class After(Shape):
    """The token that was drawn, and all that could have been."""

    id: Count
    top_probs: Annotated[list[Chance], Field(min_length=1)]


class Drawn(Shape):
    """`POST /completion` of one token."""

    completion_probabilities: Annotated[list[After], Field(min_length=1, max_length=1)]


class Case(NamedTuple):
    """Parameters, and the odds that they should leave."""

    parameters: Mapping[str, Any]
    expected: Odds
    bias: Sequence[tuple[int, float | bool]] = ()


def samplers_of(client: Client, known: Known) -> Iterator[str]:
    """What each sampler does otherwise than it should, in words."""
    text = [*known.tokens[:-1], *known.tokens[:_AGAIN]]
    body = {"prompt": text, "n_predict": 1, "n_probs": _ALL}
    (said,) = post(client, COMPLETION, GREEDY | body, Asked).completion_probabilities
    raw = {each.id: each.logprob for each in said.top_logprobs if _may_be_drawn(each)}
    never = sorted({each.id for each in said.top_logprobs} - raw.keys())
    whole = len(raw) + len(never) == len(said.top_logprobs) and raw.keys() > set(text)
    if not whole or len(set(raw.values())) <= _AMONG:
        yield f"expected odds of each token that differ, found those of {len(raw)} tokens"
        return
    odds = samplers.cooled(raw, _HOT)
    for name, case in (*_shifting(odds, text), *_dividing(odds, set(text)), *_leaving(odds)):
        bias = [*((token, False) for token in never), *case.bias]
        asked = body | {"post_sampling_probs": True, "temperature": _HOT, "seed": 7}
        asked |= {**case.parameters, "logit_bias": bias}
        (drawn,) = post(client, COMPLETION, asked, Drawn).completion_probabilities
        yield from (f"{name}: {each}" for each in _differences(drawn, case.expected))


def _may_be_drawn(likely: Likely) -> bool:
    """Whether it is likely at all, and text: many builds refuse to say half a character."""
    try:
        return bool(bytes(likely.bytes).decode()) and likely.logprob > _IMPOSSIBLE
    except UnicodeDecodeError:
        return False


def _shifting(odds: Odds, text: Sequence[int]) -> Iterator[tuple[str, Case]]:
    """Samplers that move logits, before the temperature."""
    plain = {"samplers": ["temperature"]}
    yield "temperature", Case(plain, odds)
    yield "a lower temperature", Case(plain | {"temperature": 1.0}, samplers.cooled(odds, 1 / _HOT))
    first, second, *_ = reversed(samplers.ordered(odds))
    biased = samplers.without(samplers.shifted(odds, {first: -1.0}), [second])
    yield "logit_bias", Case(plain, biased, ((first, -_HOT), (second, False)))
    asked = {"samplers": ["penalties", "temperature"], "repeat_last_n": _WINDOW, **_PENALTIES}
    yield "penalties", Case(asked, _moved(odds, samplers.repeated(text, **_PENALTIES)))
    asked = {"samplers": ["dry", "temperature"], "dry_penalty_last_n": _WINDOW, **_DRY}
    asked |= {"dry_sequence_breakers": ["\a"]}
    yield "dry", Case(asked, _moved(odds, samplers.dry(text, **_DRY)))


def _moved(odds: Odds, by: Mapping[int, float]) -> Odds:
    return samplers.shifted(odds, {token: shift / _HOT for token, shift in by.items()})


def _dividing(odds: Odds, said: AbstractSet[int]) -> Iterator[tuple[str, Case]]:
    """What divides the logits above 0 of tokens that were said before, and multiplies the rest.

    No engine tells its logits, but a bias makes their sign sure, and to divide them all is to ask
    for another temperature. Tokens not said keep their odds; how the two kinds compare is left out.
    """
    asked = {"samplers": ["penalties", "temperature"], "repeat_last_n": _WINDOW}
    asked |= {"repeat_penalty": _REPEAT_PENALTY}
    rest = [(token, False) for token in odds.keys() - said]
    among = samplers.only(odds, said)
    for bias, divisor in ((_SURE, _REPEAT_PENALTY), (-_SURE, 1 / _REPEAT_PENALTY)):
        left = samplers.cooled(among, divisor)
        yield "repeat_penalty", Case(asked, left, [*rest, *((token, bias) for token in said)])
    left = samplers.without(odds, said)
    yield "repeat_penalty", Case(asked, left, [(token, False) for token in said])


def _leaving(odds: Odds) -> Iterator[tuple[str, Case]]:
    """Samplers that leave out tokens, after the temperature."""
    order = samplers.ordered(odds)[::-1]
    count = samplers.clearest([odds[token] for token in order], among=_AMONG)
    kept = order[:count]
    low = (odds[order[count - 1]] + odds[order[count]]) / 2
    above = odds[order[0]] - low
    for name, value in (
        ("top_k", count),
        ("top_p", samplers.share(odds, kept)),
        ("min_p", math.exp(-above)),
        ("top_n_sigma", above / samplers.deviation(odds)),
    ):
        yield name, _after(name, samplers.only(odds, kept), **{name: value})
    # One alone would be likely enough; who takes the next ones has to know which they are.
    yield "min_keep", _after("min_p", samplers.only(odds, kept), min_p=1.0, min_keep=count)
    rest = samplers.without(odds, kept[:-1])
    yield "xtc", _after("xtc", rest, xtc_probability=1.0, xtc_threshold=math.exp(low))
    far = samplers.surprise(odds)
    order = samplers.ordered(far)
    kept = order[: samplers.clearest([far[token] for token in order], among=_AMONG)]
    # Tokens of no probability, which this sampler cannot reckon with, are left out before.
    chain = {"samplers": ["temperature", "top_k", "typ_p"], "top_k": len(odds)}
    share = samplers.share(odds, kept)
    yield "typ_p", Case(chain | {"typical_p": share}, samplers.only(odds, kept))


def _after(name: str, expected: Odds, **parameters: float) -> Case:
    return Case({"samplers": ["temperature", name], **parameters}, expected)


def _differences(drawn: After, expected: Odds) -> Iterator[str]:
    found = {each.id: each.prob for each in drawn.top_probs if each.prob}
    if stray := found.keys() ^ expected.keys():
        token = min(stray)
        yield (
            f"expected {len(expected)} tokens left, found {len(found)}: "
            f"token {token} is {'left' if token in found else 'left out'}"
        )
        return
    far = {token: abs(math.log(found[token]) - each) for token, each in expected.items()}
    token = max(far, key=far.__getitem__)
    if far[token] > _TOLERANCE:
        wanted = math.exp(expected[token])
        yield f"token {token}: expected probability {wanted:.5f}, found {found[token]:.5f}"
    if drawn.id not in expected:
        yield f"expected one of {len(expected)} tokens drawn, found {drawn.id}"
