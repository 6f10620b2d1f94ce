"""Pure. Every key of a file that is read or written, from the model that reads it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from docs.generator.regions import row, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine_ci.system.documents import Document

    Schema = dict[str, Any]

_KINDS: Final = {
    "boolean": "true or false",
    "integer": "whole number",
    "number": "number",
    "object": "mapping",
}
_BOUNDS: Final = {
    "minimum": "at least",
    "exclusiveMinimum": "above",
    "maximum": "at most",
    "exclusiveMaximum": "below",
}
_ATTRIBUTE: Final = re.compile(r"(?m)^ {4}([a-z_0-9]+(?:, [a-z_0-9]+)*): ")


def reference(model: type[Document]) -> str:
    """A table of keys, those of mappings inside with a dot."""
    schema = model.model_json_schema(by_alias=True)
    rows = [row(*cells) for cells in _rows(schema, path="", known=schema.get("$defs", {}))]
    return table("key", "value", "default", "", rows=rows)


def _rows(schema: Schema, *, path: str, known: Schema) -> Iterator[tuple[str, str, str, str]]:
    told = _attributes(schema.get("description", ""))
    required = schema.get("required", [])
    for name, value in schema.get("properties", {}).items():
        key = f"{path}{name}"
        default = "required" if name in required else _default(value)
        inside = list(_inside(value, known=known, key=key))
        about = told.get(name) or value.get("description") or _kind(inside)
        yield f"`{key}`", _words(value, known), default, about
        for prefix, below in inside:
            yield from _rows(below, path=f"{prefix}.", known=known)


def _inside(value: Schema, *, known: Schema, key: str) -> Iterator[tuple[str, Schema]]:
    """The mappings that a value may hold, each with the key under which it does."""
    if "$ref" in value:
        meant = _meant(value, known)
        if "properties" in meant:
            yield key, meant
    elif "items" in value:
        yield from _inside(value["items"], known=known, key=f"{key}[]")
    elif isinstance(value.get("additionalProperties"), dict):
        yield from _inside(value["additionalProperties"], known=known, key=f"{key}.*")
    for choice in value.get("oneOf", []):
        kind = _meant(choice, known)["properties"]["kind"]["const"]
        yield from _inside(choice, known=known, key=f"{key} ({kind})")
    for choice in value.get("anyOf", []):
        yield from _inside(choice, known=known, key=key)


def _meant(value: Schema, known: Schema) -> Schema:
    found: Schema = known[value["$ref"].rpartition("/")[2]]
    return found


def _words(value: Schema, known: Schema) -> str:
    """What a value may be."""
    if "$ref" in value:
        return _words(_meant(value, known), known)
    if choices := value.get("oneOf") or value.get("anyOf"):
        words = [_words(each, known) for each in choices if each.get("type") != "null"]
        return " or ".join(dict.fromkeys(words))
    if literals := value.get("enum") or ([value["const"]] if "const" in value else []):
        return ", ".join(f"`{each}`" for each in literals)
    if value.get("type") == "array":
        return f"list of {_words(value.get('items', {}), known)}"
    return _plain(value)


def _plain(value: Schema) -> str:
    """The same of what holds nothing else."""
    kind, pattern = value.get("type"), value.get("pattern")
    if kind == "string":
        return f"{value.get('format', 'text')}" + (f" `{pattern}`" if pattern else "")
    return _KINDS.get(str(kind), "anything") + _bounds(value)


def _bounds(value: Schema) -> str:
    return "".join(f", {words} {value[key]}" for key, words in _BOUNDS.items() if key in value)


def _default(value: Schema) -> str:
    """Of a mapping the keys have theirs."""
    default = value.get("default")
    if default is None or isinstance(default, dict):
        return ""
    return f"`{json.dumps(default)}`"


def _attributes(docstring: str) -> dict[str, str]:
    """What a class says of its attributes; two may share a line."""
    _, _, listed = docstring.partition("Attributes:\n")
    parts = _ATTRIBUTE.split(listed)[1:]
    return {
        name: _capital(" ".join(text.split()))
        for names, text in zip(parts[::2], parts[1::2], strict=True)
        for name in names.split(", ")
    }


def _kind(inside: list[tuple[str, Schema]]) -> str:
    """Of the one mapping that a value may hold, the first sentence of its class."""
    if len(inside) != 1:
        return ""
    return str(inside[0][1].get("description", "")).partition("\n")[0]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
