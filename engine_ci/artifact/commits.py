"""Pure. Whether all who name the commit of a release name the same one."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from engine_ci.errors import VerificationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine_ci.pins.model import Commit


def agree(said: Mapping[str, Commit | None], *, version: str) -> None:
    """Holds against each other what the pin, the tag, an attestation and the engine itself say.

    Args:
        said: the commit, by who names it; None where that is nobody.
        version: what it is the commit of.

    Raises:
        VerificationError: two of them differ: the tag was moved, or the files are of other code.
    """
    known = [(who, commit) for who, commit in said.items() if commit is not None]
    for (one, expected), (other, found) in combinations(known, 2):
        if not expected.same_as(found):
            raise VerificationError(
                f"{version}: expected the commit {expected}, as {one} says, "
                f"found {found}, as {other} says",
                hint="a tag that was moved is no release; ask upstream before you pin it",
            )
