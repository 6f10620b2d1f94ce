"""What a model must answer: the form of `fixtures/golden/MODEL.json`.

A golden holds token IDs and log-probabilities that the numpy reference computed from the GGUF
itself, never from an engine. `recording` makes and checks them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from engine_ci.errors import GoldenError
from engine_ci.system import documents
from engine_ci.system.documents import Document, Sha256, Versioned

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

TokenID = Annotated[int, Field(ge=0)]
LogProbability = Annotated[float, Field(le=0)]

_DECIMALS = 6
_ROUNDING = 2 * 10.0**-_DECIMALS


class Step(Document):
    """One generated token.

    Attributes:
        token: the greedy choice, the most probable token of the whole vocabulary.
        logprob: its log-probability, in nats, over the whole vocabulary.
        margin: `logprob` minus that of the runner-up, in nats.
        top: the most probable tokens and their log-probabilities, best first.
    """

    token: TokenID
    logprob: LogProbability
    margin: Annotated[float, Field(ge=0)]
    top: Annotated[tuple[tuple[TokenID, LogProbability], ...], Field(min_length=2)]

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        values = [logprob for _, logprob in self.top]
        if values != sorted(values, reverse=True):
            raise ValueError("`top` is not sorted, best first")
        if self.top[0] != (self.token, self.logprob):
            raise ValueError(f"token {self.token} is not the first of `top`")
        if abs(values[0] - values[1] - self.margin) > _ROUNDING:
            raise ValueError(f"margin {self.margin} is not the lead of the first of `top`")
        return self


class Case(Document):
    """One prompt and what greedy decoding makes of it.

    Attributes:
        prompt: token IDs, to be given to the engine as they are.
        stop: `eos` when the last step is the end-of-turn token, so that an engine must stop there
            by itself; `limit` when the steps are merely the first ones (ask with `ignore_eos`).
    """

    id: str
    prompt: Annotated[tuple[TokenID, ...], Field(min_length=1)]
    stop: Literal["eos", "limit"]
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]

    @property
    def tokens(self) -> tuple[int, ...]:
        """The generated token IDs, the end-of-turn token among them."""
        return tuple(step.token for step in self.steps)


class Message(Document):
    """One message of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


class Chat(Document):
    """A conversation and what becomes of it.

    Attributes:
        id: the case that holds the same prompt and answer as token IDs.
        prompt: what the chat template renders, up to where the assistant begins.
        answer: the text of the assistant's message, without special tokens.
    """

    id: str
    messages: Annotated[tuple[Message, ...], Field(min_length=1)]
    prompt: str
    answer: str


class Golden(Versioned):
    """Everything that one model must answer.

    Attributes:
        model: its name in the catalogue.
        sha256: of the GGUF that the numbers were computed from.
        margin_floor: nats that every step keeps at least; 0 where tokens may flip by noise.
        cases: token IDs in, token IDs and log-probabilities out.
        chats: for `/apply-template` and `/v1/chat/completions`.
    """

    model: str
    sha256: Sha256
    margin_floor: Annotated[float, Field(ge=0)]
    cases: Annotated[tuple[Case, ...], Field(min_length=1)]
    chats: tuple[Chat, ...] = ()

    def case(self, name: str) -> Case:
        """The case of that id.

        Raises:
            KeyError: there is none.
        """
        for case in self.cases:
            if case.id == name:
                return case
        raise KeyError(name)

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        ids = [case.id for case in self.cases]
        if len(set(ids)) < len(ids):
            raise ValueError("two cases have the same id")
        if strangers := {chat.id for chat in self.chats} - set(ids):
            raise ValueError(f"chats without a case: {', '.join(sorted(strangers))}")
        if reason := thin_margin(self.cases, floor=self.margin_floor):
            raise ValueError(reason)
        return self


def thin_margin(cases: Iterable[Case], *, floor: float) -> str | None:
    """The first step whose margin is under the floor, in words."""
    for case in cases:
        for number, found in enumerate(case.steps):
            if found.margin < floor:
                return (
                    f"case {case.id}, step {number}: the margin is {found.margin} nats, "
                    f"expected at least {floor}"
                )
    return None


def not_from(path: Path, sha256: str) -> str | None:
    """Why a golden that was recorded from a file of that hash says nothing of this one."""
    found = documents.sha256_of(path)
    return None if found == sha256 else f"recorded from sha256 {sha256}, the file has {found}"


def step(top: list[tuple[int, float]]) -> Step:
    """A step from the most probable tokens, best first, rounded as goldens are."""
    rounded = tuple((token, round(min(logprob, 0.0), _DECIMALS) + 0.0) for token, logprob in top)
    (token, best), (_, runner_up) = rounded[:2]
    return Step(token=token, logprob=best, margin=round(best - runner_up, _DECIMALS), top=rounded)


def load(path: Path) -> Golden:
    """Reads a golden.

    Raises:
        GoldenError: it is missing, does not fit, or contradicts itself.
    """
    return documents.load_json(path, Golden, error=GoldenError)


def dump(golden: Versioned) -> str:
    """The one JSON text of a golden: a line for each object, so that a diff shows what moved."""
    return _render(golden.model_dump(mode="json"), indent="") + "\n"


def _render(value: Any, *, indent: str) -> str:  # noqa: ANN401 - any JSON value
    """JSON that breaks lines only around lists of objects and the objects that hold them."""
    inner = indent + "  "
    if _lists_objects(value):
        rows = [_render(item, indent=inner) for item in value]
        return _block("[", rows, "]", indent=indent)
    if isinstance(value, dict) and any(_lists_objects(item) for item in value.values()):
        rows = [f"{json.dumps(key)}: {_render(item, indent=inner)}" for key, item in value.items()]
        return _block("{", rows, "}", indent=indent)
    return json.dumps(value, ensure_ascii=False)


def _lists_objects(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    return isinstance(value, list) and any(isinstance(item, dict) for item in value)


def _block(start: str, rows: list[str], end: str, *, indent: str) -> str:
    body = ",\n".join(f"{indent}  {row}" for row in rows)
    return f"{start}\n{body}\n{indent}{end}"
