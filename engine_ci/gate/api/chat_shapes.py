"""Pure. What apps read in the answers of `/v1/chat/completions`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from engine_ci.engine import answers
from engine_ci.engine.answers import Byte, Count, Filled, LogProbability, Positive, Shape, Text


class Usage(answers.Usage):
    """What a chat completion took."""

    total_tokens: Count


class Likely(Shape):
    """One token that was likely; `bytes` are there because a token can be half a character."""

    token: Text
    bytes: list[Byte]
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


class _Identified(Shape):
    content: list[answers.Position]


class _IdentifiedChoice(Shape):
    logprobs: _Identified


class Explained(Shape):
    """`POST /v1/chat/completions` with `logprobs`, as far as tokens have IDs."""

    choices: list[_IdentifiedChoice] = Field(min_length=1, max_length=1)


class ExplainedUsage(Explained):
    """The same, with how many tokens it took."""

    usage: Usage


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


class _Reasoned(Shape):
    content: Text
    reasoning_content: Text | None = None


class _ReasonedChoice(Shape):
    message: _Reasoned
    finish_reason: Text


class Reasoning(Shape):
    """`POST /v1/chat/completions`, as far as it tells thoughts from the answer."""

    choices: list[_ReasonedChoice] = Field(min_length=1, max_length=1)


class Function(Shape):
    """Which function is to be called, and its arguments as JSON."""

    name: Text
    arguments: Text


class Call(Shape):
    """One call of a tool."""

    id: Filled
    type: Literal["function"]
    function: Function


class _Turn(Shape):
    content: Text | None = None
    reasoning_content: Text | None = None
    tool_calls: list[Call] = Field(default_factory=list)


class _TurnChoice(Shape):
    message: _Turn
    finish_reason: Text


class Turn(Shape):
    """`POST /v1/chat/completions`, as far as it tells thoughts, text and calls apart."""

    choices: list[_TurnChoice] = Field(min_length=1, max_length=1)


class _Caller(Shape):
    tool_calls: list[Call]


class _CallingChoice(Shape):
    message: _Caller
    finish_reason: Text


class Calling(Shape):
    """`POST /v1/chat/completions`, as far as it calls tools."""

    choices: list[_CallingChoice] = Field(min_length=1, max_length=1)


class _FunctionPiece(Shape):
    name: Text | None = None
    arguments: Text | None = None


class CallPiece(Shape):
    """What a chunk adds to a call."""

    index: Count
    function: _FunctionPiece


class Delta(Shape):
    """What a chunk adds."""

    role: Literal["assistant"] | None = None
    content: Text | None = None
    reasoning_content: Text | None = None
    tool_calls: list[CallPiece] | None = None


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
