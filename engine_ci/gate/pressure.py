"""Pure. What must hold of answers while the cache is reused, shared, full or too small."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Final, TypeAlias

from engine_ci.engine.client import Completion
from engine_ci.errors import EngineRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from engine_ci.gate.goldens import Case, Step

Reply: TypeAlias = Completion | EngineRefusedError

# Nats. By way of the cache or without it, good builds are 9e-6 from the reference on the sensitive
# model; one wrong token among 1,264 is 4e-3 and more, and mostly leaves the answer's tokens alone.
_NEAR: Final = 3e-4

_BAD_REQUEST: Final = 400
_SERVER_ERROR: Final = 500
_TOO_LONG: Final = "exceed_context_size_error"
# llama-server's own words when the slots together need more than the cache that they share.
_NO_ROOM: Final = "context size has been exceeded"

# Parts of log lines that tell of a fault, whatever was asked.
FATAL: Final = (
    "GGML_ASSERT",
    "GGML_ABORT",
    "ggml_abort",
    "terminate called",
    "Compute error",
    "Invalid input batch",
    "free(): invalid",
    "corrupted",
)
# A shared cache that is too small makes an honest engine say this, and one with room does not.
FATAL_WITH_ROOM: Final = (
    *FATAL,
    "failed to find a memory slot",
    "llama_decode failed",
    "failed to decode",
    _NO_ROOM,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """A request and its answer.

    Attributes:
        what: the request, in words.
        expected: the golden steps of the answer; None where no golden knows them.
        evaluated: of the prompt's tokens, how many may be worked on and not taken from the cache.
    """

    what: str
    found: Completion
    expected: tuple[Step, ...] | None
    evaluated: range


def unexpected(exchanges: Iterable[Exchange]) -> Iterator[str]:
    """Where an answer is wrong, or the cache not used as it should be, in words."""
    for exchange in exchanges:
        if exchange.expected is not None:
            yield from _moved(exchange.what, exchange.expected, exchange.found)
        yield from reworked(exchange.what, exchange.evaluated, exchange.found)


def reworked(what: str, evaluated: range, found: Completion) -> Iterator[str]:
    """Whether other numbers of the prompt's tokens were worked on than may be."""
    if found.evaluated not in evaluated:
        yield (
            f"{what}: expected {evaluated[0]} to {evaluated[-1]} tokens of the prompt evaluated, "
            f"found {found.evaluated}"
        )


def _moved(what: str, expected: Sequence[Step], found: Completion) -> Iterator[str]:
    tokens = [step.token for step in expected]
    yield from (others := list(wrong(what, tokens, found)))
    if not others:
        yield from astray(what, [step.logprob for step in expected], found)


def astray(what: str, expected: Iterable[float], found: Completion) -> Iterator[str]:
    """Whether the log-probabilities of an answer's own tokens are not as expected."""
    pairs = zip(expected, found.steps, strict=True)
    if (mean := fmean(abs(one - other.logprob) for one, other in pairs)) > _NEAR:
        yield f"{what}: expected log-probabilities within {_NEAR:.0e} nats, moved by {mean:.1e}"


def wrong(what: str, expected: Sequence[int], found: Completion) -> Iterator[str]:
    """Whether an answer has other tokens."""
    if found.tokens != tuple(expected):
        yield f"{what}: expected tokens {list(expected)}, found {list(found.tokens)}"


def not_refused(reply: Reply) -> Iterator[str]:
    """Whether a prompt that is too long was answered with anything but the documented error."""
    if isinstance(reply, Completion):
        yield f"a prompt that is too long: answered with {len(reply.tokens)} tokens"
    elif (reply.status, reply.kind) != (_BAD_REQUEST, _TOO_LONG):
        yield (
            f"a prompt that is too long: expected status {_BAD_REQUEST} and `{_TOO_LONG}`, "
            f"found {reply.status} and `{reply.kind}`: {reply.said}"
        )


def not_full(case: Case, found: Completion, *, context: int) -> Iterator[str]:
    """In what an answer that was to fill the context did not, in words."""
    known = len(case.tokens)
    if found.tokens[:known] != case.tokens:
        yield f"expected tokens {list(case.tokens)}, found {list(found.tokens[:known])}"
    if (filled := len(case.prompt) + len(found.tokens)) != context:
        yield f"expected a context of {context} tokens to be full, found {filled}"
    if found.stop != "limit" or not found.truncated:
        yield (
            f"expected to stop for `limit`, truncated, found `{found.stop}`, "
            f"{'' if found.truncated else 'not '}truncated"
        )


def mixed_up(cases: Iterable[Case], replies: Iterable[Reply], *, room: bool) -> Iterator[str]:
    """Which of the answers that were given at the same time are wrong, in words.

    Args:
        cases: what was asked.
        replies: in the same order.
        room: whether the cache has room for all, so that none may be refused.
    """
    for case, reply in zip(cases, replies, strict=True):
        if isinstance(reply, Completion):
            yield from wrong(f"case {case.id}", case.tokens, reply)
        elif room or not _has_no_room(reply):
            yield f"case {case.id}: refused with {reply.status}, `{reply.kind}`: {reply.said}"


def _has_no_room(reply: EngineRefusedError) -> bool:
    return reply.status == _SERVER_ERROR and _NO_ROOM in reply.said.lower()
