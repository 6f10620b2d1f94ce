"""Pure. Where the links of an archive lead, by its own names alone: no link is ever created."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from engine_ci.artifact import names
from engine_ci.artifact.archive import member_refused

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_MOST_HOPS = 40  # as Linux has it


def place(link: str, *, to: str, folder: str, archive: str) -> str:
    """The path in the archive that a link names.

    Args:
        link: the link's own path.
        to: what it holds.
        folder: of the archive, where `to` begins.
        archive: what the archive is called.

    Raises:
        VerificationError: it leads out of the archive, or cannot be a path.
    """
    if to.startswith("/"):
        raise member_refused(archive, link, f"it is a link to the absolute path {to!a}")
    path = posixpath.normpath(posixpath.join(folder, to))
    if path == ".." or path.startswith("../"):
        raise member_refused(archive, link, f"it is a link out of the archive, to {to!a}")
    if not to or (path != "." and names.fault(path)):
        raise member_refused(archive, link, f"it is a link to {to!a}, which is no plain path")
    return path


def resolved(links: Mapping[str, str], *, files: Collection[str], archive: str) -> dict[str, str]:
    """The file that each link leads to in the end.

    Args:
        links: by path, the path that each one names.
        files: paths of the archive's files.
        archive: what the archive is called.

    Raises:
        VerificationError: a link leads nowhere, to a folder, or in a circle.
    """
    return {link: _end(link, links=links, files=files, archive=archive) for link in links}


def _end(link: str, *, links: Mapping[str, str], files: Collection[str], archive: str) -> str:
    path = link
    for _ in range(_MOST_HOPS):
        path = links[path]
        if path in files:
            return path
        if path not in links:
            raise member_refused(archive, link, _why_not(path, among=[*files, *links]))
    raise member_refused(
        archive, link, f"it is a link in a circle, or over more than {_MOST_HOPS} others"
    )


def _why_not(path: str, *, among: Collection[str]) -> str:
    if path == "." or any(name.startswith(f"{path}/") for name in among):
        return f"it is a link to the folder {path!a}"
    return f"it is a broken link: {path!a} is not in the archive"
