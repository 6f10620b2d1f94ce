from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.gate import forms
from tests.unit.gate.api.asked import Asked, answer

if TYPE_CHECKING:
    from collections.abc import Mapping

FITS: Mapping[str, Any] = {
    "code": "AF-abcdx",
    "day": "2026-11-22",
    "hour": "23:59:59.999+05:30",
    "moment": "2026-11-22T13:30:00Z",
    "id": "0bF0a7c2-6a3e-4f1d-9d0e-2f6a1c5b7e90",
    "name": 'ä"😀',
    "count": 1203,
    "choice": None,
    "either": "none",
    "perhaps": True,
    "point": {"x": True},
    "some": [True, False],
    "pair": [1, False],
}
MISFITS = [
    ("code", "AG-abcd"),
    ("code", "AF-ab"),
    ("name", "a"),
    ("name", "abcd"),
    ("count", 96),
    ("count", 1204),
    ("count", 100.5),
    ("choice", "b"),
    ("either", None),
    ("perhaps", "true"),
    ("point", {"y": True}),
    ("point", {"x": True, "z": True}),
    ("some", [True]),
    ("some", [True] * 5),
    ("pair", [2, True]),
    ("pair", [1, "true"]),
]
DEFINITIONS = {"$defs": forms.SCHEMA["$defs"]}


def valid(name: str, value: object) -> bool:
    schema = dict(forms.FIELDS[name].schema) | DEFINITIONS
    return jsonschema_rs.validator_for(schema).is_valid(value)


def said(value: object) -> list[str]:
    return list(forms.misfits(value if isinstance(value, str) else json.dumps(value)))


def test_a_form_whose_values_fit_is_fine() -> None:
    assert jsonschema_rs.validator_for(dict(forms.SCHEMA)).is_valid(dict(FITS))
    assert said(FITS) == []


@pytest.mark.parametrize(("name", "value"), MISFITS)
def test_a_value_that_does_not_fit_the_schema_is_told_of(name: str, value: object) -> None:
    assert not valid(name, value)
    (told,) = said({**FITS, name: value})
    assert told.startswith(f"{name}: expected ")


@pytest.mark.parametrize(
    ("name", "value"),
    [("day", "2026-13-01"), ("day", "2026-01-32"), ("hour", "24:00:00Z"), ("hour", "12:00"),
     ("moment", "2026-11-22 13:30:00Z"), ("id", "0bF0a7c2")],
)  # fmt: skip
def test_a_value_of_another_format_is_told_of(name: str, value: str) -> None:
    assert len(said({**FITS, name: value})) == 1


@pytest.mark.parametrize("name", forms.FIELDS)
@given(data=st.data())
def test_whatever_a_pattern_allows_fits_the_schema(name: str, data: st.DataObject) -> None:
    # Half a surrogate pair is a character to the pattern and to engines, but not to this validator.
    whole = st.from_regex(forms.FIELDS[name].pattern, fullmatch=True).filter(
        lambda text: "\\ud" not in text
    )
    text = data.draw(whole)
    try:
        value = json.loads(text)
    except ValueError:
        return  # some texts of the pattern are no JSON, which no server may say either
    assert valid(name, value)


@pytest.mark.parametrize("text", ["", "[]", "{", '"x"', "[" * 100_000])
def test_what_is_no_object_is_told_of(text: str) -> None:
    (told,) = said(text)
    assert told.startswith("expected an object in JSON, found ")


def test_fields_that_are_not_there_or_that_nobody_asked_for_are_told_of() -> None:
    more = {name: value for name, value in FITS.items() if name != "id"} | {"other": 1}

    (told,) = said(more)
    assert told.startswith("properties: expected ")


def test_every_answer_is_looked_at() -> None:
    chat = {
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": json.dumps({**FITS, "count": 7})},
            }
        ]
    }
    told = list(forms.filled(Asked({"/v1/chat/completions": answer(chat)})))

    assert [each.partition(",")[0] for each in told] == [f"seed {n}" for n in range(1, 7)]
