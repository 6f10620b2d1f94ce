"""A folder, read as strictly as an archive."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine_ci.artifact import folder_archive
from engine_ci.errors import VerificationError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    (folder / "lib").mkdir(parents=True)
    (folder / "lib" / "x.so.1").write_bytes(b"code")
    (folder / "lib" / "x.so").symlink_to("x.so.1")
    (folder / "current").symlink_to("lib")
    (folder / "program").write_bytes(b"run")
    (folder / "program").chmod(0o755)
    return folder


def test_files_and_links_to_files_are_entries_and_folders_are_none(folder: Path) -> None:
    entries = folder_archive.in_place(folder).entries

    assert {path: entry.target for path, entry in entries.items()} == {
        "lib/x.so": "lib/x.so.1",
        "lib/x.so.1": None,
        "program": None,
    }
    assert entries["lib/x.so.1"].size == 4


def test_a_copy_leaves_the_folder_alone_and_keeps_what_can_be_run(
    folder: Path, tmp_path: Path
) -> None:
    archive = folder_archive.copied(folder, into=tmp_path / "into")
    library, program = archive.unpack("lib/x.so"), archive.unpack("program")
    library.path.unlink()

    assert program.path == tmp_path / "into" / "program"
    assert program.path.stat().st_mode & 0o111
    assert library.path == tmp_path / "into" / "lib" / "x.so.1"
    assert (folder / "lib" / "x.so.1").read_bytes() == b"code"


def test_what_is_only_read_stays_where_it_is(folder: Path) -> None:
    seen = folder_archive.in_place(folder).unpack("lib/x.so")

    assert (seen.path, seen.size) == (folder / "lib" / "x.so.1", 4)
    assert seen.sha256 == folder_archive.in_place(folder).entries["lib/x.so.1"].fingerprint


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("/etc/passwd", "out of the folder"),
        ("../../other", "out of the folder"),
        ("nothing", "leads nowhere"),
        ("evil", "leads nowhere"),
    ],
)
def test_links_out_and_to_nothing_are_refused(
    folder: Path, tmp_path: Path, target: str, why: str
) -> None:
    (tmp_path / "other").write_bytes(b"")
    (folder / "lib" / "evil").symlink_to(target)

    with pytest.raises(VerificationError, match=f"'lib/evil' is refused: .*{why}"):
        folder_archive.in_place(folder)
