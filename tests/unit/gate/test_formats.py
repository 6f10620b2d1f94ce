"""The formats, asked of a reader of one of them that is written here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine_ci.gate import echo, formats, templates, zoo
from engine_ci.gate.formats import Turn
from tests.unit.gate.hermes import HERMES, Hermes, pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


FOLDER = zoo.template_folder()
NAMES = sorted(path.stem for path in FOLDER.glob("*.jinja"))


def source(name: str) -> str:
    return (FOLDER / f"{name}.jinja").read_text(encoding="utf-8")


def test_what_is_read_as_it_is_written_is_no_difference() -> None:
    assert [*formats.differences("hermes", HERMES, Hermes())] == []


def changed(change: Callable[[dict[str, Any]], object]) -> Hermes:
    class Changed(Hermes):
        def read(self, body: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
            message, finish = super().read(body)
            change(message)
            return message, finish

    return Changed()


@pytest.mark.parametrize(
    ("client", "told"),
    [
        (
            changed(lambda message: message.update(reasoning_content=None)),
            ["thoughts of all", "thoughts of all (stream)"],
        ),
        (
            changed(lambda message: message.update(content=None)),
            ["text of text", "text of text (stream)", "text of all", "text of all (stream)"],
        ),
        (
            changed(
                lambda message: [
                    call["function"].update(
                        arguments=call["function"]["arguments"].replace("true", "1")
                    )
                    for call in message["tool_calls"]
                ]
            ),
            ["calls of calls", "calls of calls (stream)"],
        ),
        (
            changed(lambda message: message["tool_calls"].__delitem__(slice(1, None))),
            ["calls of calls", "calls of calls (stream)"],
        ),
    ],
)
def test_what_is_lost_is_told_of(client: Hermes, told: list[str]) -> None:
    found = formats.differences("hermes", HERMES, client)

    assert [difference.partition(": expected ")[0] for difference in found] == told


def test_of_another_prompt_nothing_more_is_asked() -> None:
    class Other(Hermes):
        template = f"{HERMES}!"

        def read(self, body: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
            raise AssertionError(body)

    found = [*formats.differences("hermes", HERMES, Other())]

    assert [difference.partition(": expected ")[0] for difference in found] == [
        "prompt before text",
        "prompt before calls",
        "prompt before all",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_each_format_writes_all_that_is_to_be_read_and_its_end(name: str) -> None:
    turn = Turn(thoughts="Hm, so.", text="I will.", calls=({"text": "abc", "times": 7},))

    said = formats.written(source(name), turn, known={})

    places = [said.index(part) for part in ("Hm, so.", "I will.", "write", "abc", "7")]
    assert places == sorted(places)
    assert said.endswith(formats._ENDS)


@pytest.mark.parametrize("name", NAMES)
def test_each_format_fits_between_a_text_and_what_says_it_again(name: str) -> None:
    for turn in formats._TURNS.values():
        said = formats.written(source(name), turn, known={})
        begun = templates.render(source(name), [{"role": "user", "content": ""}])
        assert len(pieces(said)) + len(pieces(begun)) < echo.OURS.distance


def test_there_are_the_formats_of_popular_models() -> None:
    assert NAMES == [
        "deepseek", "gemma4", "glm", "gpt-oss", "granite", "hermes", "kimi-k2", "lfm2", "llama",
        "minimax", "ministral", "mistral", "qwen3-coder",
    ]  # fmt: skip
    assert set(NAMES) > formats._ONE_CALL
