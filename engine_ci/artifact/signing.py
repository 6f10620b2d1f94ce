"""Signs the images of a macOS bundle, by the signer that is wanted.

On a Mac both sign, one after the other: theirs is what ships, and whether the two found the same
code is told. Ours was verified on Linux only; codesign has not been run by this program yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine_ci.artifact.macho import codesign, pages, sign, signature

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine_ci.artifact.macho.edit import Changes
    from engine_ci.artifact.signer import Signer


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
