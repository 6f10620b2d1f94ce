"""The app's own patches: checked, and applied in their order; one that does not fit is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine_ci.errors import CommandError, UsageError, VerificationError
from engine_ci.system import documents
from engine_ci.system.git_source import Tree

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from engine_ci.pins.model import Patch


def check(patches: Sequence[Patch], *, root: Path) -> None:
    """Holds the files of patches, below `root`, against their digests.

    Raises:
        UsageError: a file cannot be read.
        VerificationError: one has another digest.
    """
    for patch in patches:
        try:
            found = documents.sha256_of(root / patch.file)
        except OSError as problem:
            raise UsageError(
                f"the patch {patch.file}: not readable: {problem.strerror}"
            ) from problem
        if found != patch.sha256:
            raise VerificationError(
                f"the patch {patch.file}: expected sha256 {patch.sha256}, found {found}",
                hint="if its edit was meant, write the new digest into the pin",
            )


def apply(
    patches: Sequence[Patch], *, root: Path, tree: Path, repository: Path, parent: str | None
) -> str | None:
    """Applies patches to the source code in `tree`.

    Args:
        patches: in this order.
        root: where their paths begin.
        tree: the files.
        repository: a new folder, for git.
        parent: the upstream commit of the files.

    Returns:
        the commit of the patched files; None where there are no patches.

    Raises:
        VerificationError: one does not apply, or is not the one that the pin names.
    """
    if not patches:
        return None
    check(patches, root=root)
    code = Tree(files=tree, repository=repository)
    code.begin()
    for place, patch in enumerate(patches, start=1):
        try:
            code.apply(root / patch.file)
        except CommandError as problem:
            said = problem.stderr.strip().removeprefix("error: ").partition("\n")[0]
            raise VerificationError(
                f"the patch {patch.file} ({place} of {len(patches)}) no longer applies: {said}",
                hint="bring the patch up to date, or drop it from the pin if upstream has it",
            ) from problem
    return code.commit("\n".join(patch.file for patch in patches), parent=parent)
