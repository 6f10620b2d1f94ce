"""Pure. The one way to read what a `llama-server` answers.

Builds rename and drop fields, so nothing is taken for granted: what does not fit becomes an
EngineAnswerError that names the endpoint, the field, what was expected and what was found.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from engine_ci.engine.answers import Shape, Text
from engine_ci.errors import EngineAnswerError, EngineRefusedError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from engine_ci.system.http import Answer

_OK = 200
_SHOWN = 200


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
        item = error.errors(include_url=False)[0]
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


def _mismatch(item: ErrorDetails) -> str:
    if item["type"] == "missing":
        return f"expected, but found only {_short(sorted(item['input']))}"
    expected = item["msg"].removeprefix("Input should be ")
    return f"expected {expected}, found {_short(item['input'])}"


def _short(value: object) -> str:
    shown = ascii(value)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
