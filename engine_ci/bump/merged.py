"""Pure. Which pull request a commit of the main branch merged, by its first line."""

from __future__ import annotations

import re
from typing import Final

# As GitHub writes it of a merge, and of a squash; a rebase leaves no word of it.
_MERGED: Final = re.compile(r"^Merge pull request #([1-9]\d{0,8}) from |\(#([1-9]\d{0,8})\)$")


def pull(subject: str) -> int | None:
    """The number in the first line of a commit; None where it names none."""
    found = _MERGED.search(subject)
    return int(found[1] or found[2]) if found else None
