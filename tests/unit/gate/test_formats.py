"""The formats, asked of a reader of one of them that is written here."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import pytest

from engine_ci.gate import echo, formats, templates, zoo
from engine_ci.gate.formats import Turn
from engine_ci.gate.vocabulary import END_OF_TURN, START_OF_TURN
from tests.unit.gate.api.asked import Asked, answer, event

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from engine_ci.system.http import Answer

FOLDER = zoo.template_folder()
NAMES = sorted(path.stem for path in FOLDER.glob("*.jinja"))
HERMES = (FOLDER / "hermes.jinja").read_text(encoding="utf-8")
TAGS: Final = (END_OF_TURN, START_OF_TURN, *echo.TAGS)
TOKEN: Final = re.compile(
    b"|".join((*(re.escape(tag.encode()) for tag in TAGS), b"th", b".")), re.DOTALL
)
CALL: Final = re.compile(r"<tool_call>\n(.*?)\n</tool_call>", re.DOTALL)
THOUGHTS: Final = re.compile(r"<think>(.*)</think>", re.DOTALL)


def source(name: str) -> str:
    return (FOLDER / f"{name}.jinja").read_text(encoding="utf-8")


def pieces(text: str) -> list[bytes]:
    """A text as the model's tokenizer splits it."""
    return TOKEN.findall(text.encode())


class Hermes(Asked):
    """Says again what stands so far before the end of the prompt, and reads that."""

    template = HERMES

    def prompt(self, body: Mapping[str, Any]) -> str:
        return templates.render(self.template, body["messages"], tools=body["tools"])

    def read(self, body: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        tokens = pieces(self.prompt(body))[-echo.DISTANCE :]
        said = b"".join(tokens[: tokens.index(END_OF_TURN.encode())]).decode()
        calls = [json.loads(found) for found in CALL.findall(said)]
        functions = [
            {"name": call["name"], "arguments": json.dumps(call["arguments"])} for call in calls
        ]
        message = {
            "content": CALL.sub("", THOUGHTS.sub("", said)),
            "reasoning_content": "".join(THOUGHTS.findall(said)) or None,
            "tool_calls": [
                {"id": "1", "type": "function", "function": function} for function in functions
            ],
        }
        return message, "tool_calls" if calls else "stop"

    def call(
        self, method: str, path: str, *, body: Mapping[str, Any] | bytes | None = None
    ) -> Answer:
        del method
        assert isinstance(body, dict)
        match path:
            case "/tokenize":
                return answer({"tokens": [*range(len(pieces(body["content"])))]})
            case "/apply-template":
                return answer({"prompt": self.prompt(body)})
            case _:
                message, finish = self.read(body)
                choice = {"index": 0, "message": message, "finish_reason": finish}
                return answer({"choices": [choice]})

    def lines(self, path: str, *, body: Mapping[str, Any]) -> Generator[bytes, None, None]:
        del path
        message, finish = self.read(body)
        calls = [
            {"index": number, "function": call["function"]}
            for number, call in enumerate(message.pop("tool_calls"))
        ]
        told = {"id": "1", "created": 1, "model": "m", "object": "chat.completion.chunk"}
        for delta, reason in ((message, None), ({"tool_calls": calls}, None), ({}, finish)):
            choice = {"index": 0, "delta": delta, "finish_reason": reason}
            yield event(told | {"choices": [choice]})
        yield b"data: [DONE]"


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

    said = formats.written(source(name), turn)

    places = [said.index(part) for part in ("Hm, so.", "I will.", "write", "abc", "7")]
    assert places == sorted(places)
    assert said.endswith(formats._ENDS)


@pytest.mark.parametrize("name", NAMES)
def test_each_format_fits_between_a_text_and_what_says_it_again(name: str) -> None:
    for turn in formats._TURNS.values():
        said = formats.written(source(name), turn)
        begun = templates.render(source(name), [{"role": "user", "content": ""}])
        assert len(pieces(said)) + len(pieces(begun)) < echo.DISTANCE


def test_there_are_the_formats_of_popular_models() -> None:
    assert NAMES == [
        "deepseek", "gemma4", "glm", "gpt-oss", "granite", "hermes", "kimi-k2", "lfm2", "llama",
        "minimax", "ministral", "mistral", "qwen3-coder",
    ]  # fmt: skip
    assert set(NAMES) > formats._ONE_CALL
