from __future__ import annotations

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.gate import structured, templates
from tests.unit.gate.api.asked import Asked, answer

scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3)
values = st.recursive(
    scalars,
    lambda inner: (
        st.dictionaries(st.text(max_size=2), inner, max_size=2)
        | st.lists(inner, min_size=1, max_size=1)
    ),
    max_leaves=4,
)


@given(value=values, other=values)
def test_a_schema_allows_its_value_and_no_other(value: object, other: object) -> None:
    schema = jsonschema_rs.validator_for(structured._only(value))

    assert schema.is_valid(value)
    assert schema.is_valid(other) == (other == value and repr(other) == repr(value))


def test_the_tool_allows_the_arguments_that_are_expected_and_no_others() -> None:
    schema = jsonschema_rs.validator_for(templates.TOOL["function"]["parameters"])

    assert schema.is_valid(templates.ARGUMENTS)
    for name in templates.ARGUMENTS:
        assert not schema.is_valid({**templates.ARGUMENTS, name: "other"})


@pytest.mark.parametrize(
    ("status", "expected"),
    [(200, []), (400, ['expected status 200, found 400: b\'{"error": "no grammar"}\''])],
)
def test_a_tool_with_a_long_text_is_accepted_or_told_of(status: int, expected: list[str]) -> None:
    said = {"/v1/chat/completions": answer({"error": "no grammar"}, status=status)}

    assert list(structured.long_text(Asked(said))) == expected
