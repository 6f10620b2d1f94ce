"""Pure. How the images of a macOS bundle find each other: one folder, whatever the archive had.

A library is called `@rpath/NAME` by all that need it. Run paths lead to the image's own folder and,
for an app that keeps libraries apart from programs, to `Frameworks` beside the program's.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine_ci.artifact import names
from engine_ci.artifact.macho.edit import Changes
from engine_ci.errors import VerificationError
from engine_ci.records.bundle import Edit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine_ci.artifact.macho.read import Image

RUN_PATHS: Final = ("@loader_path", "@loader_path/../Frameworks")


@dataclass(frozen=True, kw_only=True, slots=True)
class Relocation:
    """What becomes of an image that is signed: what is changed first, and all that is new then."""

    changes: Changes
    edits: tuple[Edit, ...]


def name(path: str, image: Image) -> str:
    """What a file is called in a bundle: as others ask for it, or as it was called before.

    The name that others ask for stays from build to build where the file's has a version in it.

    Raises:
        VerificationError: others ask for it by a name that no file can have.
    """
    asked = posixpath.basename(image.id or path)
    if names.fault(asked):
        raise VerificationError(
            f"{path}: expected an install name that ends with the name of a file, "
            f"found {image.id!a}",
            hint="do not use this file",
        )
    return asked


def relocated(image: Image, *, found: Mapping[str, str], placed: Mapping[str, str]) -> Relocation:
    """What becomes of one image, of several in a file the one for the bundle's processor.

    Args:
        image: as it is.
        found: the path in the archive of each library that it names and that is in the bundle.
        placed: their paths in the bundle, by those in the archive.
    """
    changes = Changes(
        install_name=None if image.id is None else f"@rpath/{posixpath.basename(image.id)}",
        dependencies={asked: f"@rpath/{placed[path]}" for asked, path in found.items()},
        run_paths=RUN_PATHS,
    )
    return Relocation(changes=changes, edits=tuple(_edits(image, changes)))


def _edits(image: Image, changes: Changes) -> Iterator[Edit]:
    """What is otherwise in an image once the changes are made and it is signed."""
    if changes.install_name != image.id:
        yield Edit(what="install name", old=image.id, new=changes.install_name)
    for old, new in changes.dependencies.items():
        if new != old:
            yield Edit(what="dependency", old=old, new=new)
    yield from (
        Edit(what="run path", old=path) for path in image.run_paths if path not in RUN_PATHS
    )
    yield from (
        Edit(what="run path", new=path) for path in RUN_PATHS if path not in image.run_paths
    )
    yield Edit(what="signature", new="ad hoc")
