"""The language of templates, asked of Jinja2 itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from engine_ci.gate import jinja, templates
from engine_ci.gate.vocabulary import CHATML
from tests.unit.gate.api.asked import Asked, answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine_ci.system.http import Answer

TOPICS: Final = jinja.topics()
SOURCE: Final = jinja.source(TOPICS)


class Renders(Asked):
    """An engine with the template, of which one piece reads otherwise."""

    def __init__(self, piece: str = "", becomes: str = "") -> None:
        super().__init__()
        self._source = SOURCE.replace(piece, becomes) if piece else SOURCE

    def call(
        self, method: str, path: str, *, body: Mapping[str, Any] | bytes | None = None
    ) -> Answer:
        del method, path
        assert isinstance(body, dict)
        return answer({"prompt": templates.render(self._source, body["messages"])})


@pytest.mark.parametrize("name", TOPICS)
def test_one_template_renders_each_topic_as_it_is_rendered_alone(name: str) -> None:
    assert [*jinja.differences(name, TOPICS[name], Renders())] == []


@pytest.mark.parametrize("name", TOPICS)
def test_every_snippet_says_something(name: str) -> None:
    _, *snippets = TOPICS[name].split("\u2016")

    for snippet in snippets:
        assert templates.render(snippet, [{"role": "user", "content": name}]).strip()


def test_what_is_rendered_otherwise_is_named_by_its_snippet() -> None:
    found = [*jinja.differences("logic", TOPICS["logic"], Renders("x | d('e')", "x | d('f')"))]

    assert found == ["`{{ x | d('e') }}`: expected 'e\\n', found 'f\\n'"]


def test_a_prompt_without_the_snippets_is_one_difference() -> None:
    (found,) = jinja.differences("tests", TOPICS["tests"], Renders("'tests'", "'others'"))

    assert found.startswith("tests: expected ")


def test_any_other_chat_is_that_of_a_model() -> None:
    chat = ({"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"})

    assert templates.render(SOURCE, chat) == templates.render(CHATML, chat)


def test_topics_are_told_by_name() -> None:
    assert [*TOPICS] == [
        "json", "late", "lists", "logic", "loops", "maps", "numbers", "space", "strings", "tests",
    ]  # fmt: skip
