"""Rights of files and folders: which are a fault of whoever ships them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine_ci.artifact import rights

if TYPE_CHECKING:
    from pathlib import Path

OPEN = "everybody may write it"
SET_ID = "it has a set-id bit: it runs as its owner or group, whoever starts it"


def told(folder: Path) -> list[tuple[str, str]]:
    return [(each.path, each.message) for each in rights.findings(folder)]


@pytest.mark.parametrize(
    ("mode", "messages"),
    [
        (0o600, []),
        (0o775, []),
        (0o666, [OPEN]),
        (0o602, [OPEN]),
        (0o4755, [SET_ID]),
        (0o2755, [SET_ID]),
        (0o6777, [OPEN, SET_ID]),
    ],
)
def test_a_file_that_everybody_may_write_or_that_runs_as_its_owner_is_told(
    tmp_path: Path, mode: int, messages: list[str]
) -> None:
    file = tmp_path / "bin" / "llama-server"
    file.parent.mkdir()
    file.touch()
    file.chmod(mode)

    assert told(tmp_path) == [("bin/llama-server", message) for message in messages]


def test_a_folder_that_everybody_may_write_is_told_and_one_that_keeps_its_group_is_not(
    tmp_path: Path,
) -> None:
    for name, mode in (("everybodys", 0o1777), ("groups", 0o2775)):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(mode)

    assert told(tmp_path) == [("everybodys", OPEN)]


def test_a_link_has_no_rights_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")

    assert told(tmp_path) == []


@pytest.mark.parametrize(("mode", "program"), [(0o755, True), (0o500, True), (0o644, False)])
def test_a_program_is_what_its_owner_may_start(tmp_path: Path, mode: int, *, program: bool) -> None:
    file = tmp_path / "llama-server"
    file.touch()
    file.chmod(mode)

    assert rights.is_program(file) is program
