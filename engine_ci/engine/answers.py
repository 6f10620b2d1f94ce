"""Pure. The shapes of what a `llama-server` answers, and the one way to read them.

Builds rename and drop fields, so nothing is taken for granted: what does not fit becomes an
EngineAnswerError that names the endpoint, the field, what was expected and what was found.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from engine_ci.errors import EngineAnswerError, EngineRefusedError

if TYPE_CHECKING:
    from engine_ci.system.http import Answer

_OK = 200
_SHOWN = 200


def _encodable(text: str) -> str:
    """JSON can spell half of a surrogate pair, which no file of ours could hold."""
    text.encode()
    return text


Text = Annotated[str, AfterValidator(_encodable)]
Filled = Annotated[Text, Field(min_length=1)]
Count = Annotated[int, Field(ge=0, lt=1 << 31)]
Positive = Annotated[int, Field(gt=0)]
# Rounding may lift a certainty a little above zero; a probability in its place does more.
LogProbability = Annotated[float, Field(le=1e-4)]


class Shape(BaseModel):
    """The fields that we rely on; an answer may have more of them, of any kind."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", allow_inf_nan=False)


class Health(Shape):
    """`GET /health`."""

    status: Text


class Props(Shape):
    """`GET /props`: what the engine says about itself."""

    model_path: Text
    total_slots: Count
    build_info: Text
    chat_template: Text


class Likely(Shape):
    """A token and its natural log-probability before any sampler."""

    id: Count
    logprob: LogProbability


class Position(Likely):
    """A generated token, and the likeliest ones in its place."""

    top_logprobs: list[Likely]


class Timings(Shape):
    """What a completion took: how many tokens of the prompt were not in the cache."""

    prompt_n: Count | None = None


class Completed(Shape):
    """`POST /completion`."""

    content: Text
    tokens: list[Count]
    stop_type: Text
    completion_probabilities: list[Position] = []
    truncated: bool = False
    timings: Timings = Timings()


class Piece(Shape):
    """One event of `POST /completion` with `stream`."""

    tokens: list[Count]
    stop: bool
    tokens_predicted: Count


class Tokens(Shape):
    """`POST /tokenize`."""

    tokens: list[Count]


class SpelledToken(Shape):
    """A token and what it spells; its bytes where they are no whole characters."""

    id: Count
    piece: Text | list[Annotated[int, Field(ge=0, le=255)]]


class SpelledTokens(Shape):
    """`POST /tokenize` with `with_pieces`."""

    tokens: list[SpelledToken]


class Content(Shape):
    """`POST /detokenize`."""

    content: Text


class Prompt(Shape):
    """`POST /apply-template`."""

    prompt: Text


class _Said(Shape):
    content: Text


class Choice(Shape):
    """One answer of a chat completion."""

    message: _Said
    finish_reason: Text


class Usage(Shape):
    """What a chat completion took."""

    prompt_tokens: Count
    completion_tokens: Count


class ChatCompletion(Shape):
    """`POST /v1/chat/completions`."""

    choices: list[Choice] = Field(min_length=1)
    usage: Usage


class Embedding(Shape):
    """The vector of one input, its components as numbers or packed (float32, base64)."""

    embedding: list[float] | Text


class Embeddings(Shape):
    """`POST /v1/embeddings`."""

    data: list[Embedding]


class SlotDone(Shape):
    """`POST /slots/N?action=…`."""

    id_slot: Count


class _Problem(Shape):
    type: Text
    message: Text


class _Refused(Shape):
    error: _Problem


ShapeT = TypeVar("ShapeT", bound=Shape)


def read(answer: Answer, shape: type[ShapeT], *, endpoint: str) -> ShapeT:
    """The answer in its shape.

    Raises:
        EngineRefusedError: another status than 200, with an error in the documented form.
        EngineAnswerError: any other status, an error under a 200, no JSON, or another shape.
    """
    if answer.status != _OK:
        raise _refusal(answer, endpoint=endpoint)
    try:
        value = answer.json()
    except EngineAnswerError as error:
        raise EngineAnswerError(f"{endpoint}: {error}") from error
    return fit(value, shape, endpoint=endpoint)


def _refusal(answer: Answer, *, endpoint: str) -> EngineAnswerError:
    shown = answer.body[:_SHOWN].decode(errors="replace")
    message = f"{endpoint}: expected status 200, found {answer.status}: {shown}"
    try:
        problem = _Refused.model_validate_json(answer.body).error
    except ValidationError:
        return EngineAnswerError(message)
    return EngineRefusedError(
        message, status=answer.status, kind=problem.type, said=problem.message
    )


def fit(value: object, shape: type[ShapeT], *, endpoint: str) -> ShapeT:
    """`value` in its shape; errors as for `read`."""
    if isinstance(value, dict) and "error" in value:
        raise EngineAnswerError(f"{endpoint}: an error under status 200: {_short(value['error'])}")
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        item: Any = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in item["loc"]) or "the whole answer"
        raise EngineAnswerError(f"{endpoint}: `{field}`: {_mismatch(item)}") from error


def event(line: bytes, *, endpoint: str) -> object:
    """The JSON of one server-sent event; EngineAnswerError when there is none."""
    kind, _, data = line.partition(b":")
    try:
        if kind == b"data":
            return json.loads(data)
    except (ValueError, RecursionError):
        pass
    raise EngineAnswerError(f"{endpoint}: expected `data: JSON`, found {line[:_SHOWN]!r}")


def _mismatch(item: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails, a TypedDict of unions
    if item["type"] == "missing":
        return f"expected, but found only {_short(sorted(item['input']))}"
    expected = item["msg"].removeprefix("Input should be ")
    return f"expected {expected}, found {_short(item['input'])}"


def _short(value: object) -> str:
    shown = ascii(value)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
