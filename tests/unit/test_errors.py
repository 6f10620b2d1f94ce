from __future__ import annotations

import inspect

import pytest

from engine_ci import errors
from engine_ci.errors import CommandError, EngineCIError, EngineError, EngineStartError, Exit

CODES = {
    "EngineCIError": 70,
    "UsageError": 2,
    "ConfigError": 2,
    "PinError": 2,
    "RecordError": 2,
    "GoldenError": 2,
    "UnsupportedError": 2,
    "ForeignCommitError": 2,
    "VerificationError": 3,
    "MachOError": 3,
    "OutsideError": 4,
    "BuildError": 4,
    "MovedError": 4,
    "CommandError": 4,
    "GitHubError": 4,
    "NotThereError": 4,
    "DownloadError": 4,
    "EngineError": 1,
    "EngineStartError": 1,
    "EngineSilentError": 1,
    "IllegalInstructionError": 1,
    "ClaimError": 1,
    "EngineAnswerError": 1,
    "EngineDiedError": 1,
    "EngineLateError": 1,
    "EngineRefusedError": 1,
    "NotAdmittedError": 4,
    "NeverFitsError": 2,
    "HarnessError": 4,
}
CLASSES = {
    name: found
    for name, found in inspect.getmembers(errors, inspect.isclass)
    if issubclass(found, EngineCIError)
}


def test_every_error_has_the_documented_exit_code() -> None:
    assert {name: int(found.exit_code) for name, found in CLASSES.items()} == CODES


def test_the_exit_codes_are_the_documented_ones() -> None:
    assert sorted(Exit) == [0, 1, 2, 3, 4, 5, 70, 129, 130, 143]


@pytest.mark.parametrize("name", CLASSES)
def test_every_error_shows_its_message_and_keeps_its_hint(name: str) -> None:
    error = CLASSES[name]("it broke", hint="mend it")

    assert (str(error), error.message, error.hint) == ("it broke", "it broke", "mend it")
    assert CLASSES[name]("it broke").hint == CLASSES[name].usual_hint


@pytest.mark.parametrize(
    "name", ["UsageError", "ConfigError", "PinError", "RecordError", "HarnessError"]
)
def test_where_a_person_can_always_do_something_the_kind_of_error_says_what(name: str) -> None:
    assert CLASSES[name].usual_hint


def test_a_failed_command_keeps_what_the_program_left() -> None:
    error = CommandError("it broke", status=9, stdout="out", stderr="err")

    assert (error.status, error.stdout, error.stderr) == (9, "out", "err")


def test_a_fault_of_the_engine_keeps_the_end_of_its_log() -> None:
    assert EngineError("it died", log=("first", "last")).log == ("first", "last")
    assert EngineError("it died").log == ()


def test_an_engine_that_ended_before_it_was_ready_keeps_its_status() -> None:
    assert EngineStartError("it ended", log=("last",), status=2).status == 2
    assert EngineStartError("it hangs").status is None
