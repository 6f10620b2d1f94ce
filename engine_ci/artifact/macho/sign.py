"""Signs images ad hoc, as `codesign --sign -` does, into a fresh file: edited first, when asked to.

Each file is read once, piece by piece, whatever its size. The same input gives the same bytes.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from engine_ci.artifact.macho import edit, fat, fat_layout, identifiers, pages, plan, profile
from engine_ci.artifact.macho.algorithms import SHA256
from engine_ci.errors import OutsideError
from engine_ci.system import documents

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from io import BufferedReader, BufferedWriter
    from pathlib import Path

    from engine_ci.artifact.macho.edit import Changes
    from engine_ci.artifact.macho.layout import Slice
    from engine_ci.artifact.macho.pages import Source
    from engine_ci.artifact.macho.plan import Plan
    from engine_ci.artifact.macho.profile import Profile

_MODE = 0o755  # the bits of a source that its target gets: no set-id, nothing for all to write


def rewrite(
    source: Path, target: Path, *, changes: Changes = edit.NONE, identifier: str | None = None
) -> None:
    """Writes `source` with the changes, signed as `codesign --sign -` does it.

    Args:
        source: a thin or a fat file, signed or not.
        target: a fresh file takes its place; it may be the source.
        changes: to every slice.
        identifier: as codesign chooses it from the target's name when not given.

    Raises:
        MachOError: it is no Mach-O file, a damaged one, or one without room for that.
        OutsideError: a file cannot be read or written.
    """

    def profiles(images: Sequence[Slice]) -> list[Profile]:
        name = identifiers.default(target.name, images) if identifier is None else identifier
        return [profile.codesign(image, identifier=name) for image in images]

    write(source, target, profiles=profiles, changes=changes)


def resign(source: Path, target: Path) -> None:
    """Signs again as it was signed: identifier, flags, page size and all places stay.

    Raises:
        MachOError: as for `rewrite`; or it was not signed ad hoc.
        OutsideError: a file cannot be read or written.
    """
    write(source, target, profiles=lambda images: [profile.kept(image) for image in images])


def write(
    source: Path,
    target: Path,
    *,
    profiles: Callable[[Sequence[Slice]], Sequence[Profile]],
    changes: Changes = edit.NONE,
) -> None:
    """Writes `source` with the changes, each slice signed as its profile says.

    The target is never changed in place: macOS remembers the signature of a file that it has seen.
    """
    try:
        with pages.opened(source) as opened, documents.replacing(target) as temporary:
            plans = [
                plan.plan(image, how, changes=changes)
                for image, how in zip(opened.slices, profiles(opened.slices), strict=True)
            ]
            mode = os.fstat(opened.stream.fileno()).st_mode & _MODE
            with temporary.open("wb") as stream:
                _write_slices(opened, plans, stream)
        target.chmod(mode)
    except OSError as error:
        raise OutsideError(f"{target}: cannot be written: {error.strerror}") from error


def _write_slices(source: Source, plans: list[Plan], target: BufferedWriter) -> None:
    head, offsets = b"", [0]
    if fat.is_fat(source.data):
        head, offsets = fat_layout.placed(source.data, sizes=[each.size for each in plans])
    target.write(head)
    for offset, planned in sorted(zip(offsets, plans, strict=True), key=lambda each: each[0]):
        target.write(bytes(offset - target.tell()))
        _write_slice(planned, source.stream, target)


def _write_slice(planned: Plan, source: BufferedReader, target: BufferedWriter) -> None:
    hashes = bytearray()
    for piece in pages.pieces(
        source,
        start=planned.image.offset,
        size=planned.code_limit,
        head=planned.head,
        end=planned.content,
    ):
        target.write(piece)
        hashes += pages.digests(piece, page_size=planned.profile.page_size, algorithm=SHA256)
    built = planned.profile.build(code_limit=planned.code_limit, pages=bytes(hashes))
    target.write(built.ljust(planned.room, b"\0"))
