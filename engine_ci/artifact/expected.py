"""Pure. What others say is in a bundle: the pin, and the app's own list of libraries.

A library that comes or goes without them breaks the app's signing or its start; so a difference
ends the preparation, with the names.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine_ci.errors import VerificationError

if TYPE_CHECKING:
    from engine_ci.artifact.plan import PrunePlan


@dataclass(frozen=True, kw_only=True, slots=True)
class Expected:
    """What a bundle must hold; None where nobody says.

    Attributes:
        images: paths of the program, its libraries and backends, as the pin lists them.
        tree_sha256: of the whole bundle, as the pin has it.
        frameworks: file names of the libraries and backends, as the app lists them.
        frameworks_list: where it does.
    """

    images: tuple[str, ...] | None = None
    tree_sha256: str | None = None
    frameworks: tuple[str, ...] | None = None
    frameworks_list: str = ""

    def check(self, plan: PrunePlan) -> None:
        """Holds a plan against the lists.

        Raises:
            VerificationError: names were added or lost.
        """
        found = {file.path for file in plan.images}
        if self.images is not None:
            _compare("the pin", set(self.images), found)
        if self.frameworks is not None:
            libraries = {posixpath.basename(path) for path in found - {plan.server}}
            _compare(self.frameworks_list, set(self.frameworks), libraries)

    def check_tree(self, tree_sha256: str) -> None:
        """Holds the finished bundle against the pin; VerificationError when it is another."""
        if self.tree_sha256 not in (None, tree_sha256):
            raise VerificationError(
                f"the bundle's tree has the sha256 {tree_sha256}, the pin says {self.tree_sha256}",
                hint="the same file gave other bytes: by another engine-ci, or by codesign? "
                "`--signer builtin` signs as everywhere but on a Mac",
            )


NOTHING_EXPECTED: Final = Expected()


def _compare(who: str, expected: set[str], found: set[str]) -> None:
    told = [
        f"{what} {', '.join(sorted(names))}"
        for what, names in (("added", found - expected), ("lost", expected - found))
        if names
    ]
    if told:
        raise VerificationError(
            f"the engine's files are not those that {who} lists: {'; '.join(told)}",
            hint="look why, and correct the list if that is right",
        )
