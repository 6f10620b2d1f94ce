"""The queue of an app's own patches."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from engine_ci.artifact import patches
from engine_ci.errors import UsageError, VerificationError
from tests.unit.artifact import code

if TYPE_CHECKING:
    from pathlib import Path

    from engine_ci.pins.model import Patch

PARENT = "f" * 40
AGAIN = (
    code.PATCH.replace(b"41", b"42 ")
    .replace(b"return 42;", b"return 43;")
    .replace(b"return 42 ;", b"return 42;")
)


def tree(folder: Path) -> Path:
    files = folder / "code"
    files.mkdir()
    for name in ("llama.c", "cpu.c"):
        (files / name).write_bytes(code.FILES[name])
    return files


def applied(tmp_path: Path, *queue: Patch, files: Path, parent: str | None = PARENT) -> str | None:
    return patches.apply(
        queue, root=tmp_path, tree=files, repository=tmp_path / "git", parent=parent
    )


def test_patches_are_applied_in_their_order(tmp_path: Path) -> None:
    files = tree(tmp_path)
    one, two = code.patch(tmp_path), code.patch(tmp_path, AGAIN, name="again.patch")

    commit = applied(tmp_path, one, two, files=files)

    assert b"return 43;" in (files / "llama.c").read_bytes()
    assert commit is not None
    assert re.fullmatch("[0-9a-f]{40}", commit)


def test_the_patched_commit_is_the_same_wherever_it_is_made(tmp_path: Path) -> None:
    commits = []
    for place in ("here", "there"):
        folder = tmp_path / place
        folder.mkdir()
        commits.append(applied(folder, code.patch(folder), files=tree(folder)))
    folder = tmp_path / "else"
    folder.mkdir()
    other = applied(folder, code.patch(folder), files=tree(folder), parent=None)

    assert commits[0] == commits[1] != other


def test_without_patches_nothing_is_committed(tmp_path: Path) -> None:
    assert applied(tmp_path, files=tree(tmp_path)) is None
    assert not (tmp_path / "git").exists()


def test_a_patch_that_no_longer_applies_is_named_with_its_place(tmp_path: Path) -> None:
    files = tree(tmp_path)
    two, one = code.patch(tmp_path), code.patch(tmp_path, AGAIN, name="again.patch")

    with pytest.raises(VerificationError) as caught:
        applied(tmp_path, one, two, files=files)

    assert caught.value.message == (
        "the patch again.patch (1 of 2) no longer applies: patch failed: llama.c:3"
    )
    assert (files / "llama.c").read_bytes() == code.FILES["llama.c"]


def test_a_patch_with_another_digest_is_refused_before_anything_is_changed(tmp_path: Path) -> None:
    files = tree(tmp_path)
    patch = code.patch(tmp_path)
    (tmp_path / patch.file).write_bytes(AGAIN)

    with pytest.raises(VerificationError, match=rf"answer\.patch: expected sha256 {patch.sha256}"):
        applied(tmp_path, patch, files=files)
    assert (files / "llama.c").read_bytes() == code.FILES["llama.c"]


def test_a_patch_that_is_not_there_is_a_fault_of_the_pin(tmp_path: Path) -> None:
    patch = code.patch(tmp_path)
    (tmp_path / patch.file).unlink()

    with pytest.raises(UsageError, match=r"answer\.patch: not readable: No such file"):
        applied(tmp_path, patch, files=tree(tmp_path))


def test_a_patch_cannot_reach_out_of_the_code(tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(b"a\n")
    text = b"--- a/../outside\n+++ b/../outside\n@@ -1 +1 @@\n-a\n+b\n"

    with pytest.raises(VerificationError, match="no longer applies"):
        applied(tmp_path, code.patch(tmp_path, text), files=tree(tmp_path))
    assert (tmp_path / "outside").read_bytes() == b"a\n"
