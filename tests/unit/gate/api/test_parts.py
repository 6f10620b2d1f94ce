"""What is wrong with the parts of a stream, and with their order."""

from __future__ import annotations

import pytest

from engine_ci.gate.api import parts
from engine_ci.gate.api.parts import Part, Step

THINKS = Step(0, "begins", "thoughts")
THOUGHT = Step(0, "goes on", "thoughts", "Hm.")
SPEAKS = Step(1, "begins", "text")
SPOKEN = Step(1, "goes on", "text", "Paris.")
SILENT = Step(1, "ends")
DONE = Step(0, "ends", "thoughts")
# Builds end thoughts only when the text is over too.
SOUND = [THINKS, THOUGHT, THOUGHT, SPEAKS, SPOKEN, DONE, SILENT]


def test_parts_are_joined_of_their_pieces() -> None:
    call = [Step("a", "begins", "call", name="town"), Step("a", "goes on", "call", '{"n": 1}')]

    assert parts.joined(SOUND) == (Part("thoughts", "Hm.Hm."), Part("text", "Paris."))
    assert parts.joined(call) == (Part("call", {"n": 1}, "town"),)
    assert parts.joined([THINKS, Step(0, "goes on", "text", "?")]) == (
        Part("thoughts and text", "?"),
    )


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        (SOUND, []),
        (
            [THINKS, THOUGHT, THINKS, THOUGHT, DONE],
            ["times part 0 begins: expected 1, found 2"],
        ),
        (
            [THOUGHT, DONE],
            [
                "times part 0 begins: expected 1, found 0",
                "ends of part 0: expected ('begins', 'ends'), found ('goes on', 'ends')",
            ],
        ),
        (
            [THINKS, DONE, THOUGHT],
            ["ends of part 0: expected ('begins', 'ends'), found ('begins', 'goes on')"],
        ),
        ([THINKS, THOUGHT, DONE, DONE], ["times part 0 ends: expected 1, found 2"]),
        (
            [THINKS, THOUGHT, SPEAKS, SPOKEN, THOUGHT, DONE, SILENT],
            ["parts in pieces: expected [], found [0]"],
        ),
    ],
)
def test_a_part_begins_once_goes_on_and_ends_once(steps: list[Step], told: list[str]) -> None:
    assert list(parts.disorder(steps)) == told


@pytest.mark.parametrize(
    ("types", "told"),
    [
        (["start", "piece", "end", "stop"], []),
        (["piece", "start", "end", "stop"], ["ends: expected"]),
        (["start", "start", "piece", "end", "stop"], ["events had once: expected"]),
        (["start", "piece", "stop"], ["ends: expected", "events had once: expected"]),
    ],
)
def test_a_stream_has_one_beginning_and_one_end(types: list[str], told: list[str]) -> None:
    found = list(parts.frame(types, first="start", last=("end", "stop")))

    assert [each[: len(begin)] for each, begin in zip(found, told, strict=True)] == told
