from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import pytest

from engine_ci.engine.spawn_gate import refusal
from tests.unit.engine.test_executables import elf

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "llama-server"
    path.write_text("#!/bin/sh")
    path.chmod(0o755)
    return path


def test_what_can_run_is_not_refused(program: Path, model: Path) -> None:
    assert refusal(program, model) is None


def test_a_program_that_is_not_there_is_refused(program: Path, model: Path) -> None:
    program.unlink()

    assert refusal(program, model) == f"{program}: there is no such program"


def test_a_folder_is_no_program(program: Path, model: Path) -> None:
    assert refusal(program.parent, model) == f"{program.parent}: there is no such program"


def test_a_program_that_is_not_executable_is_refused(program: Path, model: Path) -> None:
    program.chmod(0o644)

    assert refusal(program, model) == f"{program}: is not executable"


def test_a_program_for_another_processor_is_refused(program: Path, model: Path) -> None:
    program.write_bytes(elf(22))
    here = f"{platform.system()} {platform.machine()}"

    expected = f"{program}: is for Linux machine 22, and this host is {here}"
    assert refusal(program, model) == expected


def test_a_program_that_may_only_be_run_is_not_refused(
    program: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = type(program).open

    def forbidden(path: Path, mode: str) -> object:
        if path == program:
            raise PermissionError
        return opened(path, mode)

    monkeypatch.setattr(type(program), "open", forbidden)

    assert refusal(program, model) is None


def test_what_is_no_model_is_refused(program: Path, model: Path) -> None:
    model.write_bytes(b"PK\x03\x04 a wheel")

    found = refusal(program, model)
    assert found == f"{model}: expected a GGUF file, found one that begins with b'PK\\x03\\x04'"
