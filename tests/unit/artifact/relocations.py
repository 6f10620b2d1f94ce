"""What a bundle's record says of an image, done to the image."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine_ci.artifact.macho.read import Image
    from engine_ci.records.bundle import Edit


def applied(image: Image, edits: Iterable[Edit]) -> Image:
    """The image with its new names and run paths; those that come are the last."""
    edits = tuple(edits)
    names = {edit.old: edit.new for edit in edits if edit.what == "dependency"}
    paths = [edit for edit in edits if edit.what == "run path"]
    gone = {edit.old for edit in paths}
    return dataclasses.replace(
        image,
        id=next((edit.new for edit in edits if edit.what == "install name"), image.id),
        dependencies=tuple(
            each._replace(name=names.get(each.name) or each.name) for each in image.dependencies
        ),
        run_paths=(
            *(path for path in image.run_paths if path not in gone),
            *(edit.new for edit in paths if edit.new is not None),
        ),
    )
