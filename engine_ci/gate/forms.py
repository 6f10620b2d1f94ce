"""A form with a field for each kind of JSON Schema, filled in at random: every value has to fit.

What the model would rather say does not matter: the server lets it say nothing but what fits, and
at a high temperature it says any of that. No field is called as a keyword is: builds before b11434
take it for one.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from engine_ci.gate import structured
from engine_ci.gate.api import chat_shapes
from engine_ci.gate.api.questions import CHAT, difference, parsed, post

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine_ci.engine.client import Client


class Field(NamedTuple):
    """A JSON Schema, and a pattern of the JSON, without white space, of each value that fits."""

    schema: Mapping[str, Any]
    pattern: str


_SEEDS: Final = range(1, 7)
_HOT: Final = 4.0
_ROOM: Final = 1500  # tokens; white space is free

_DATE: Final = r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
_TIME: Final = r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{3})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)"
_TRUTH: Final = "(true|false)"
_BOOLEAN: Final = {"type": "boolean"}
_POINT: Final = {
    "type": "object",
    "properties": {"x": _BOOLEAN, "y": _BOOLEAN},
    "required": ["x"],
    "additionalProperties": False,
}


def _text(allowed: str, /, **keywords: object) -> Field:
    return Field({"type": "string"} | keywords, f'"{allowed}"')


FIELDS: Final[Mapping[str, Field]] = {
    "code": _text("[A-F]{2}-(ab|cd){2,3}x?", pattern="^[A-F]{2}-(ab|cd){2,3}x?$"),
    "day": _text(_DATE, format="date"),
    "hour": _text(_TIME, format="time"),
    "moment": _text(f"{_DATE}T{_TIME}", format="date-time"),
    "id": _text("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", format="uuid"),
    "name": _text(r'([^"\\]|\\u[0-9a-f]{4}|\\[^u]){2,3}', minLength=2, maxLength=3),
    "count": Field(
        {"type": "integer", "minimum": 97, "maximum": 1203}, r"9[789]|\d{3}|1[01]\d\d|120[0-3]"
    ),
    "choice": Field({"enum": ["a", "b c", 3, None]}, '"a"|"b c"|3|null'),
    "either": Field({"anyOf": [_BOOLEAN, {"const": "none"}]}, f'{_TRUTH}|"none"'),
    "perhaps": Field({"type": ["boolean", "null"]}, f"{_TRUTH}|null"),
    "point": Field({"$ref": "#/$defs/point"}, rf'\{{"x":{_TRUTH}(,"y":{_TRUTH})?\}}'),
    "some": Field(
        {"type": "array", "items": _BOOLEAN, "minItems": 2, "maxItems": 4},
        rf"\[{_TRUTH}(,{_TRUTH}){{1,3}}\]",
    ),
    "pair": Field(
        {"type": "array", "prefixItems": [{"const": 1}, _BOOLEAN]},
        rf"\[1,{_TRUTH}\]",
    ),
}
SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {name: field.schema for name, field in FIELDS.items()},
    "required": list(FIELDS),
    "additionalProperties": False,
    "$defs": {"point": _POINT},
}


def filled(client: Client) -> Iterator[str]:
    """What of the answers does not fit, in words."""
    body = structured.of_schema(SCHEMA) | {
        "messages": [{"role": "user", "content": "Fill in the form."}],
        "max_tokens": _ROOM,
        "temperature": _HOT,
    }
    for seed in _SEEDS:
        (choice,) = post(client, CHAT, body | {"seed": seed}, chat_shapes.Choices).choices
        yield from (f"seed {seed}, {each}" for each in misfits(choice.message.content))


def misfits(text: str) -> Iterator[str]:
    """What of one answer does not fit."""
    found = parsed(text)
    if not isinstance(found, dict):
        yield f"expected an object in JSON, found {text!r}"
        return
    yield from difference("properties", sorted(FIELDS), sorted(found))
    for name in FIELDS.keys() & found:
        said = json.dumps(found[name], separators=(",", ":"), ensure_ascii=False)
        if not re.fullmatch(FIELDS[name].pattern, said):
            yield f"{name}: expected {FIELDS[name].pattern}, found {said!r}"
