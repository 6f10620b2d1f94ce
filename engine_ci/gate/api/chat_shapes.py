"""Pure. What apps read in the answers of `/v1/chat/completions`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from engine_ci.engine import answers
from engine_ci.engine.answers import Count, Filled, LogProbability, Positive, Shape, Text


class Usage(answers.Usage):
    """What a chat completion took."""

    total_tokens: Count


class Likely(Shape):
    """One token that was likely; `bytes` are there because a token can be half a character."""

    token: Text
    bytes: list[Annotated[int, Field(ge=0, le=255)]]
    logprob: LogProbability


class Position(Likely):
    """One generated token and the likeliest in its place."""

    top_logprobs: list[Likely]


class LogProbabilities(Shape):
    """One position for each generated token."""

    content: list[Position]


class ExplainedChoice(Shape):
    """The one answer, as far as it says how likely it was."""

    message: answers.Content
    logprobs: LogProbabilities


class ExplainedChat(Shape):
    """`POST /v1/chat/completions` with `logprobs`."""

    choices: list[ExplainedChoice] = Field(min_length=1, max_length=1)


class Message(Shape):
    """What the assistant said."""

    role: Literal["assistant"]
    content: Text


class Choice(Shape):
    """The one answer."""

    index: Literal[0]
    message: Message
    finish_reason: Text


class Named(Shape):
    """`POST /v1/chat/completions`, as far as it says which model answered."""

    model: Filled


class Choices(Shape):
    """`POST /v1/chat/completions`, as far as it is about the text and its end."""

    choices: list[answers.Choice] = Field(min_length=1, max_length=1)


class _FromOpenAI(Named):
    id: Filled
    created: Positive


class Chat(_FromOpenAI):
    """`POST /v1/chat/completions` in one piece."""

    object: Literal["chat.completion"]
    choices: list[Choice] = Field(min_length=1, max_length=1)
    usage: Usage


class Delta(Shape):
    """What a chunk adds."""

    role: Literal["assistant"] | None = None
    content: Text | None = None


class ChunkChoice(Shape):
    """The one answer, as far as a chunk goes."""

    index: Literal[0]
    delta: Delta
    finish_reason: Text | None


class Chunk(_FromOpenAI):
    """One event of `POST /v1/chat/completions` with `stream`; the one with usage has no choice."""

    object: Literal["chat.completion.chunk"]
    choices: list[ChunkChoice] = Field(max_length=1)
    usage: Usage | None = None
