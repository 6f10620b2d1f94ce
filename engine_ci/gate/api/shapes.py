"""Pure. What apps read in the answers of a `llama-server`; a fixed value is part of a shape."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from engine_ci.engine import answers
from engine_ci.engine.answers import Count, Filled, Positive, Shape, Text

Amount = Annotated[float, Field(ge=0)]


class Sampling(Shape):
    """The defaults that an app shows in its settings."""

    temperature: float
    top_k: int
    top_p: float
    min_p: float
    n_predict: int


class Slot(Shape):
    """One place at which a request is worked on; `n_ctx` in tokens."""

    n_ctx: Positive


class Generation(Slot):
    """What a request gets that asks for nothing else."""

    params: Sampling


class Sized(Shape):
    """`GET /props`, as far as it tells how long a prompt may be."""

    default_generation_settings: Slot


class Props(answers.Props):
    """`GET /props`; a model with tools may have a template of its own for them, ours have none."""

    chat_template: Filled
    chat_template_tool_use: Text | None = None
    default_generation_settings: Generation


class Model(Shape):
    """One of the models on offer."""

    id: Filled
    object: Literal["model"]


class Models(Shape):
    """`GET /v1/models`: one process, one model."""

    object: Literal["list"]
    data: list[Model] = Field(min_length=1, max_length=1)


class Timings(Shape):
    """How many tokens, in how many milliseconds."""

    prompt_n: Count
    prompt_ms: Amount
    prompt_per_second: Amount
    predicted_n: Count
    predicted_ms: Amount
    predicted_per_second: Amount


class End(Shape):
    """The last event of a `POST /completion`, or what ends the only answer."""

    stop: Literal[True]
    stop_type: Text
    stopping_word: Text
    truncated: Literal[False]
    tokens_predicted: Count
    tokens_evaluated: Count
    tokens_cached: Count
    timings: Timings


class Completion(End):
    """`POST /completion` in one piece."""

    content: Text
    tokens: list[Count]


class Stopped(Shape):
    """`POST /completion`, as far as it is about where the text ends."""

    content: Text
    stop_type: Text
    stopping_word: Text


class Ended(Shape):
    """`POST /completion`, as far as it is about which tokens there are."""

    tokens: list[Count]
    stop_type: Text


class Piece(Shape):
    """One event of `POST /completion` with `stream`."""

    content: Text
    stop: bool
    timings: Timings | None = None


class Refusal(Shape):
    """What stands under `error` in an answer to a request that makes no sense."""

    code: int
    message: Filled
    type: Filled


class TooLong(Refusal):
    """The refusal of a prompt that does not fit; an app shortens it by these numbers."""

    n_prompt_tokens: Count
    n_ctx: Positive
