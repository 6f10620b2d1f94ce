"""Pure. JSON Schemas of documents, in which every field says what its class says of it."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

if TYPE_CHECKING:
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core.core_schema import DataclassField, ModelField, ModelSchema, TypedDictField

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_SECTION: Final = "Attributes:"
# `name: words` or `one, other: words`; lines of words that go on are indented.
_FIELD: Final = re.compile(r"^(\w+(?:, \w+)*): (.*(?:\n +.*)*)", re.MULTILINE)


class _Described(GenerateJsonSchema):
    """Moves what a class says of its attributes to these, and asks for all that we write."""

    def field_is_required(
        self, field: ModelField | DataclassField | TypedDictField, total: bool
    ) -> bool:
        return self.mode == "serialization" or super().field_is_required(field, total)

    def model_schema(self, schema: ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        words, fields = described(inspect.getdoc(schema["cls"]) or "")
        made["description"] = words
        for name, field in made.get("properties", {}).items():
            if told := fields.get(name):
                field["description"] = told
        return made


def of(document: Any, *, name: str, written: bool) -> dict[str, Any]:  # noqa: ANN401 - whatever pydantic takes for a type
    """The schema of a document.

    Args:
        document: a class of one, or a type that pydantic knows.
        name: its title.
        written: by us, so that each field is there; else those with a default may be missing.
    """
    schema = TypeAdapter[Any](document).json_schema(
        mode="serialization" if written else "validation", schema_generator=_Described
    )
    return {"$schema": _DIALECT, **schema, "title": f"engine-ci {name}"}


def described(docstring: str) -> tuple[str, dict[str, str]]:
    """What a class says of itself, and of each of its attributes, each in one line."""
    words, _, section = docstring.partition(_SECTION)
    fields = {
        name: " ".join(told.split())
        for names, told in _FIELD.findall(inspect.cleandoc(section))
        for name in names.split(", ")
    }
    return " ".join(words.split()), fields
