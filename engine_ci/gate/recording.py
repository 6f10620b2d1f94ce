"""Makes goldens from the numpy reference, and checks stored ones against it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from engine_ci.errors import VerificationError
from engine_ci.gate import goldens, reference
from engine_ci.gate.goldens import Case, Golden
from engine_ci.system import documents

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from engine_ci.gate.goldens import Step
    from engine_ci.gate.networks import Model, Values

TOP: Final = 20
# numpy multiplies with other kernels on other processors, and a GELU rounded to F16 makes 1.1e-3 of
# that (benchmarks/reference_noise.py).
TOLERANCE: Final = 3e-3
# Where a rounding falls otherwise, as on another machine it may, a log-probability jumps by less
# than this, and most do not move at all.
JUMP: Final = 0.6


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """What to record.

    Attributes:
        limit: of generated tokens.
        stop: `eos` when the model must end its turn within the limit.
    """

    id: str
    tokens: tuple[int, ...]
    limit: int
    stop: Literal["eos", "limit"]


def record(path: Path, prompts: Sequence[Prompt], *, name: str, margin_floor: float) -> Golden:
    """Generates greedily from every prompt and keeps what the model thought at each step.

    Args:
        path: a verified GGUF.
        prompts: one for each case.
        name: of the model, in the catalogue.
        margin_floor: nats; 0 for a model whose tokens are not promised to hold anywhere.

    Raises:
        VerificationError: a margin is under the floor, or a turn does not end.
    """
    model = reference.load(path)
    cases = tuple(_case(model, prompt) for prompt in prompts)
    if reason := goldens.thin_margin(cases, floor=margin_floor):
        raise VerificationError(
            f"model {name}, {reason}", hint="choose another prompt, or train the model longer"
        )
    return Golden(
        schema=1,
        model=name,
        sha256=documents.sha256_of(path),
        margin_floor=margin_floor,
        cases=cases,
    )


def record_again(path: Path, golden: Golden) -> Golden:
    """The golden with its cases recorded anew from the model; its chats stay as they are.

    Raises:
        VerificationError: as `record`.
    """
    prompts = [
        Prompt(id=case.id, tokens=case.prompt, limit=len(case.steps), stop=case.stop)
        for case in golden.cases
    ]
    recorded = record(path, prompts, name=golden.model, margin_floor=golden.margin_floor)
    return recorded.model_copy(update={"chats": golden.chats})


def differences(path: Path, golden: Golden) -> tuple[str, ...]:
    """What the reference contradicts in a golden, in words; nothing when all holds.

    Token IDs must be the same, log-probabilities may differ by `TOLERANCE`. Of a model that rounds,
    one may differ by `JUMP`, and the median by the tolerance.
    """
    if reason := goldens.not_from(path, golden.sha256):
        return (f"{golden.model}: {reason}",)
    model = reference.load(path)
    recorded = [(case, expected(model, case)) for case in golden.cases]
    each = [
        f"{golden.model}, case {case.id}, {difference}"
        for case, rows in recorded
        for difference in _differences(model, case, rows)
    ]
    each_moved = (moved for case, rows in recorded for moved in distances(case.steps, rows))
    typical = np.median(np.concatenate([*each_moved]))
    if typical > TOLERANCE:
        each.append(f"{golden.model}: half of the log-probabilities moved by {typical:.6f} or more")
    return tuple(each)


def _case(model: Model, prompt: Prompt) -> Case:
    until = {model.end_of_turn} if prompt.stop == "eos" else set[int]()
    rows = reference.greedy(model, prompt.tokens, limit=prompt.limit, until=until)
    found = steps(rows)
    if prompt.stop == "eos" and found[-1].token != model.end_of_turn:
        raise VerificationError(f"case {prompt.id}: no end of turn within {prompt.limit} tokens")
    return Case(id=prompt.id, prompt=prompt.tokens, stop=prompt.stop, steps=found)


def expected(model: Model, case: Case) -> Values:
    """What the reference expects at each step of a case, (steps, vocabulary)."""
    tokens = [*case.prompt, *case.tokens[:-1]]
    return reference.log_probabilities(model, tokens)[len(case.prompt) - 1 :]


def steps(rows: Iterable[Values]) -> tuple[Step, ...]:
    """What goldens keep of the log-probabilities of each step, (vocabulary,)."""
    return tuple(goldens.step(reference.top(row, TOP)) for row in rows)


def distances(stored: Iterable[Step], rows: Values) -> Iterator[Values]:
    """How far the stored log-probabilities of each step are from the reference."""
    for row, step in zip(rows, stored, strict=True):
        ids, logprobs = zip(*step.top, strict=True)
        yield np.abs(row[list(ids)] - np.array(logprobs, dtype=row.dtype))


def _differences(model: Model, case: Case, rows: Values) -> Iterator[str]:
    slack = JUMP if model.rounds else 0.0
    each = zip(rows, case.tokens, distances(case.steps, rows), strict=True)
    for number, (row, token, moved) in enumerate(each):
        chosen = int(row.argmax())
        if row[chosen] - row[token] > slack:
            yield f"step {number}: expected token {token}, found {chosen}"
        if moved.max() > max(TOLERANCE, slack):
            yield f"step {number}: a log-probability moved by {moved.max():.6f}"
    if case.stop == "eos" and case.tokens[-1] != model.end_of_turn:
        yield f"does not end with the end of turn, token {model.end_of_turn}"
