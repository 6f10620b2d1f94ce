"""A client whose answers a test writes down, and what is known of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from engine_ci.engine.client import Client
from engine_ci.gate.api.questions import Known
from engine_ci.system.http import Answer

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

KNOWN = Known(
    messages=({"role": "user", "content": "Where?"},),
    prompt="<user>Where?",
    prompted=3,
    answer="In Paris.",
    tokens=(1, 2, 3, 4, 5, 6),
    slots=1,
)


class Asked(Client):
    """Answers by path; streams are the events of `POST PATH`, each a line already."""

    def __init__(
        self, said: Mapping[str, Answer] | None = None, *, lines: tuple[bytes, ...] = ()
    ) -> None:
        super().__init__(0)
        self._said = said or {}
        self._lines = lines

    def call(
        self, method: str, path: str, *, body: Mapping[str, Any] | bytes | None = None
    ) -> Answer:
        del method, body
        return self._said[path]

    def lines(self, path: str, *, body: Mapping[str, Any]) -> Generator[bytes, None, None]:
        del path, body
        yield from self._lines


def answer(value: object, *, status: int = 200) -> Answer:
    """A JSON answer."""
    return Answer(status=status, body=json.dumps(value).encode())


def event(value: object) -> bytes:
    """One line of a stream."""
    return b"data: " + json.dumps(value).encode()


def named(*events: Mapping[str, Any]) -> tuple[bytes, ...]:
    """The lines of a stream whose events have their types as names."""
    return tuple(
        line for each in events for line in (b"event: " + each["type"].encode(), event(each))
    )
