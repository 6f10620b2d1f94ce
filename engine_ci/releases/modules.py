"""Pure. Which part of llama.cpp a commit is about, by its subject, or else by what it touches."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from engine_ci.releases import relevance

if TYPE_CHECKING:
    from collections.abc import Sequence

OTHER: Final = "other"
# `server : …`, `server, webui: …`, `ci(build): …`, `Revert "sycl : …`, `[SYCL] …`; no prose in
# front of the colon.
_PREFIX: Final = re.compile(
    r"""
    (?: revert \s+ " )?
    (?: \[ (?P<bracketed> [a-z0-9_.-]{1,30} ) \]
      | `? (?P<plain> [a-z0-9][a-z0-9_.-]{0,29} ) `?
        (?: \s? [,+/&(] [^:]{0,40} )?
        \s? : (?![:/])
    )
    """,
    re.VERBOSE | re.IGNORECASE,
)
# Kinds of work, after which the paths tell more.
_KINDS: Final = frozenset(
    ("bug", "bugfix", "build", "chore", "contrib", "feat", "feature", "fix", "hotfix", "minor",
     "misc", "perf", "refactor", "revert", "update")
)  # fmt: skip
_SAME: Final = {
    "doc": "docs", "models": "model", "readme": "docs", "test": "tests", "webui": "ui",
}  # fmt: skip


def module(subject: str, paths: Sequence[str]) -> str:
    """The module that a commit names; the part that most of its paths belong to where it does not.

    Args:
        subject: such as `vulkan : added an operation (#1)`.
        paths: that it touches.
    """
    found = _PREFIX.match(subject)
    named = (found["bracketed"] or found["plain"]).lower() if found else ""
    if named and named not in _KINDS:
        plain = named.removeprefix("ggml-")
        return _SAME.get(plain, plain)
    counts = Counter(map(relevance.part, paths))
    return counts.most_common(1)[0][0] if counts else OTHER
