"""Who signs the images of a macOS bundle: Apple's `codesign` on a Mac, ours elsewhere."""

from __future__ import annotations

import platform
from typing import Literal, TypeAlias, cast, get_args

from engine_ci.errors import UsageError

Signer: TypeAlias = Literal["codesign", "builtin"]


def named(name: str | None) -> Signer:
    """The signer of that name; the one that a machine like this uses when none is given.

    Raises:
        UsageError: there is no such signer.
    """
    if name is None:
        return "codesign" if platform.system() == "Darwin" else "builtin"
    for known in get_args(Signer):
        if name == known:
            return cast("Signer", known)
    raise UsageError(f"there is no signer `{name}`", hint="choose one of: codesign, builtin")
