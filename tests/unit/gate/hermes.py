"""A reader of one format, that says again what it is given."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from engine_ci.gate import echo, templates, zoo
from engine_ci.gate.vocabulary import END_OF_TURN, START_OF_TURN
from tests.unit.gate.api.asked import Asked, answer, event

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from engine_ci.system.http import Answer

HERMES: Final = (zoo.template_folder() / "hermes.jinja").read_text(encoding="utf-8")
TAGS: Final = (END_OF_TURN, START_OF_TURN, *echo.TAGS)
TOKEN: Final = re.compile(
    b"|".join((*(re.escape(tag.encode()) for tag in TAGS), b"th", b".")), re.DOTALL
)
CALL: Final = re.compile(r"<tool_call>\n(.*?)\n</tool_call>", re.DOTALL)
THOUGHTS: Final = re.compile(r"<think>(.*)</think>", re.DOTALL)


def pieces(text: str) -> list[bytes]:
    """A text as the model's tokenizer splits it."""
    return TOKEN.findall(text.encode())


class Hermes(Asked):
    """Says again what stands so far before the end of the prompt, and reads that."""

    template = HERMES

    def prompt(self, body: Mapping[str, Any]) -> str:
        return templates.render(self.template, body["messages"], tools=body.get("tools"))

    def read(self, body: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        tokens = pieces(self.prompt(body))[-echo.OURS.distance :]
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
