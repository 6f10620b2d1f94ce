"""Do models that are in use, ours and the app's own, say what they said, and does it make sense?

Nobody knows what is right here. With the app's own flags their answers are held against those of
the baseline, within what other kernels do to a quantised model.
"""

from __future__ import annotations

import re
from functools import partial
from itertools import groupby
from statistics import fmean
from typing import TYPE_CHECKING, Final, TypeVar

from engine_ci.gate import asking, checking, divergence
from engine_ci.gate.asking import Mode, session
from engine_ci.gate.checking import Answer, Question
from engine_ci.records.gate import FaultClass, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from engine_ci.engine.ready_engine import Engine
    from engine_ci.gate.context import Context, LocatedModel
    from engine_ci.gate.divergence import Drift, Step
    from engine_ci.records.gate import Check

T = TypeVar("T")

SUITE: Final = "real"

# Builds with the same kernels agree to the bit on SmolLM2 at Q4_1. Other kernels (no flash
# attention, a cache of F32 or Q8_0) move it by 5e-4 to 3.4e-3 nats and turn over a choice that led
# by 0.36; a cache of Q4_0 moves it by 9e-3 to 3e-2.
PASSES: Final = 5e-3
FAILS: Final = 5e-2
NEAR_TIE: Final = 1.0
_PROMPTS: Final = (
    "Once upon a time there was a small engine that",
    "def add(a, b):\n    return",
)
_COUNT: Final = 16
_TOP: Final = 20

# SmolLM2-135M knows: up to the word `Paris`, no runner-up comes nearer than 0.9 nats.
_QUESTIONS: Final = (
    "What is the capital of France? Answer with one word.",
    "Name the capital of France in one sentence.",
)
_LONGEST: Final = 24
_REPEATS: Final = 4


def run(context: Context) -> Iterator[Check]:
    """Two checks for each real model."""
    for located in asking.models(context, "real"):
        yield from _checks(context, located)


def _checks(context: Context, located: LocatedModel) -> Iterator[Check]:
    name, word = located.model.name, located.model.expects
    sense = Question(
        suite=SUITE,
        name=f"{name}/sane",
        fault_class=FaultClass.NUMERIC,
        expected=f"plain answers that name {word}" if word else "plain answers",
    )
    drift = Question(
        suite=SUITE,
        name=f"{name}/drift",
        fault_class=FaultClass.NUMERIC,
        expected=f"mean KL to the baseline at most {PASSES:.0e} nats",
    )
    with session(context, context.candidate, suite=SUITE, located=located, mode=Mode.APP) as opened:
        earlier: Callable[[], Sequence[str]] = partial(_baseline, context, located, _said)
        yield sense.ask(lambda: judge_sense(opened.answer(_said), earlier, word=word))
        yield drift.ask(
            lambda: judge_drift(_baseline(context, located, _continued), opened.answer(_continued))
        )


def _baseline(context: Context, located: LocatedModel, question: Callable[[Engine], T]) -> T:
    opened = partial(session, context, suite=SUITE, located=located, mode=Mode.APP)
    return asking.of_baseline(context, opened, question)


def _continued(engine: Engine) -> list[tuple[Step, ...]]:
    return [engine.client.complete(prompt, count=_COUNT, top=_TOP).steps for prompt in _PROMPTS]


def judge_drift(expected: Sequence[Sequence[Step]], found: Sequence[Sequence[Step]]) -> Answer:
    """Judges continuations, each of the same weight, against those of the baseline."""
    drifts = [divergence.compare(*pair) for pair in zip(expected, found, strict=True)]
    moved = fmean(drift.divergence for drift in drifts)
    flips = [drift.flip for drift in drifts if drift.flip]
    return Answer(
        status=_status(moved, drifts),
        observed=f"mean KL {moved:.1e} nats over {sum(drift.steps for drift in drifts)} steps",
        detail="\n".join(
            f"parts at step {flip.step}: expected token {flip.expected}, found {flip.found} "
            f"(margin {flip.margin:.2f} nats)"
            for flip in flips
        ),
    )


def _status(moved: float, drifts: Sequence[Drift]) -> Status:
    if moved > FAILS or any(drift.flip and drift.flip.margin > NEAR_TIE for drift in drifts):
        return Status.FAIL
    return Status.PASS if moved <= PASSES else Status.WARN


def _said(engine: Engine) -> list[str]:
    return [
        engine.client.chat([{"role": "user", "content": question}], count=_LONGEST).text
        for question in _QUESTIONS
    ]


def judge_sense(
    texts: Sequence[str], earlier: Callable[[], Sequence[str]], *, word: str | None
) -> Answer:
    """Judges answers.

    Args:
        texts: what the candidate says.
        earlier: gives what the baseline says, or raises NotAskedError; asked only about a model of
            which no word is known: one that never made sense in a chat has not got worse.
        word: stands in every answer of the model; None where nobody knows one.
    """
    found = _complaints(texts, word=word)
    if not found:
        return Answer(status=Status.PASS, observed="; ".join(texts))
    observed = f"{len(found)} of {len(texts)} make no sense"
    status = Status.FAIL
    if word is None and _complaints(earlier(), word=word):
        observed, status = f"{observed}, nor did they with the baseline", Status.PASS
    return Answer(status=status, observed=observed, detail=checking.listed(found))


def _complaints(texts: Sequence[str], *, word: str | None) -> list[str]:
    return [f"{text!r}: {said}" for text in texts if (said := complaint(text, word=word))]


def complaint(text: str, *, word: str | None) -> str:
    """Why a text is no sane answer, "" when it is one; a word of None is not asked for."""
    if not text.strip():
        return "empty"
    if not text.replace("\n", "").isprintable() or "\N{REPLACEMENT CHARACTER}" in text:
        return "not plain text"
    runs = (len(list(run)) for _, run in groupby(re.findall(r"\w+|[^\w\s]", text)))
    if max(runs) >= _REPEATS:
        return "repeats itself"
    return "" if word is None or word in text else f"does not mention {word}"
