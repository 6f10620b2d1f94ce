"""Pure. How the images of a macOS bundle find each other: one folder, whatever the archive had.

A library is called `@rpath/NAME` by all that need it. Run paths lead to the image's own folder and,
for an app that keeps libraries apart from programs, to `Frameworks` beside the program's.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Final

from engine_ci.artifact.macho.edit import Changes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine_ci.artifact.macho.read import Image

RUN_PATHS: Final = ("@loader_path", "@loader_path/../Frameworks")


def name(path: str, image: Image) -> str:
    """What a file is called in a bundle: as others ask for it, or as it was called before.

    The name that others ask for stays from build to build where the file's has a version in it.
    """
    return posixpath.basename(image.id or path)


def changes(image: Image, *, found: Mapping[str, str], names: Mapping[str, str]) -> Changes:
    """What to change in one image.

    Args:
        image: as it is.
        found: the path in the archive of each library that it names and that is in the bundle.
        names: what those are called in the bundle, by path in the archive.
    """
    return Changes(
        install_name=None if image.id is None else f"@rpath/{posixpath.basename(image.id)}",
        dependencies={asked: f"@rpath/{names[path]}" for asked, path in found.items()},
        run_paths=RUN_PATHS,
    )
