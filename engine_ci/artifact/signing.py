"""Who signs the images of a macOS bundle: Apple's `codesign` on a Mac, ours elsewhere.

On a Mac both do, one after the other: theirs is what ships, and whether the two found the same code
is told. Ours was verified on Linux only; codesign has not been run by this program yet.
"""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Literal, TypeAlias, cast, get_args

from engine_ci.artifact.macho import codesign, pages, sign, signature
from engine_ci.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine_ci.artifact.macho.edit import Changes

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


def write(source: Path, target: Path, *, changes: Changes, signer: Signer) -> tuple[str, ...]:
    """Writes an image with the changes, signed ad hoc.

    Returns:
        what a reviewer should know.

    Raises:
        MachOError: it is no Mach-O file, a damaged one, or one without room for the changes.
        VerificationError: codesign refuses its own work.
        OutsideError: a file cannot be read or written, or there is no codesign.
    """
    sign.rewrite(source, target, changes=changes)
    return tuple(_sign_again(target)) if signer == "codesign" else ()


def _sign_again(path: Path) -> Iterator[str]:
    ours = _signatures(path)
    (_, identifier), *_ = ours.values()
    codesign.sign(path, identifier=identifier)
    for arch, (expected, _) in ours.items():
        found = codesign.cdhash(path, arch=arch)
        if found != expected:
            yield f"codesign's hash of the {arch} code is {found}, ours is {expected}"
    codesign.verify(path)


def _signatures(path: Path) -> dict[str, tuple[str, str]]:
    """Hash of the code and identifier, by architecture."""
    with pages.opened(path) as opened:
        found = {image.arch: signature.read(image) for image in opened.slices}
        return {
            arch: (each.cdhash, each.directory.identifier)
            for arch, each in found.items()
            if each is not None
        }
