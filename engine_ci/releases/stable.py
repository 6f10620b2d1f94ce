"""Pure. Which build a stable release of upstream stands for.

Such a release, `v0.4.1`, holds no program: its file `nightly-tag.txt` names a build. Where upstream
forgot the file, it is the build whose tag is on the same commit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine_ci.releases import ordering

if TYPE_CHECKING:
    from datetime import datetime

_STABLE: Final = re.compile(r"v(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})")
_LINE: Final = re.compile(r"(b[1-9][0-9]{0,8})\s*")


@dataclass(frozen=True, kw_only=True, slots=True)
class StableMaterial:
    """What upstream shows of a stable release.

    Attributes:
        name: its tag.
        nightly_tag: the content of that file; None where there is none.
        problem: why the file, although there, could not be read.
        commit: that the tag names, asked for only where there is no file.
        builds: the builds whose tags are on that commit.
    """

    name: str
    published: datetime | None
    nightly_tag: str | None = None
    problem: str = ""
    commit: str | None = None
    builds: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class StableRelease:
    """A stable release of upstream.

    Attributes:
        name: its tag.
        build: the build that it stands for; None where that cannot be told.
        reason: why not.
    """

    name: str
    published: datetime | None = None
    build: str | None = None
    reason: str = ""


def order(tag: str) -> tuple[int, ...] | None:
    """What stable releases are compared by; None for a tag of any other form."""
    found = _STABLE.fullmatch(tag)
    return tuple(map(int, found.groups())) if found else None


def resolve(material: StableMaterial) -> StableRelease:
    """The build that a stable release stands for, or why none can be told."""
    build, reason = _resolved(material)
    return StableRelease(
        name=material.name, published=material.published, build=build, reason=reason
    )


def _resolved(material: StableMaterial) -> tuple[str | None, str]:
    if material.problem:
        return None, f"its nightly-tag.txt could not be read: {material.problem}"
    if material.nightly_tag is not None:
        line = _LINE.fullmatch(material.nightly_tag)
        if line is None:
            return None, f"its nightly-tag.txt names no build: {material.nightly_tag[:40]!a}"
        return line[1], ""
    if material.commit is None:
        return None, "it has no nightly-tag.txt, and its tag names no commit"
    builds = [build for build in material.builds if ordering.tag(build) is not None]
    if len(set(builds)) != 1:
        found = ", ".join(sorted(set(builds))) or "none"
        return None, (
            f"it has no nightly-tag.txt, and of builds on its commit {material.commit[:12]} "
            f"one is expected, found {found}"
        )
    return builds[0], ""
