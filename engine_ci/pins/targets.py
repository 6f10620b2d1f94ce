"""Pure. The app's own files that carry the pin too: a build, a commit, the hash of a file.

A pattern says where, with named groups for what stands there. It must match exactly once and find
what the pin says now: a file that says something else was changed by hand, and a person decides.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Final, get_args

from pydantic import AfterValidator

from engine_ci.errors import ConfigError
from engine_ci.pins.model import Platform
from engine_ci.system.documents import Document, RelativePath

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine_ci.pins.model import Pin

_PLATFORMS: Final = "|".join(name.replace("-", "_") for name in get_args(Platform))
_GROUP: Final = re.compile(rf"version|build|commit|(asset|size|sha256)_({_PLATFORMS})")
# `asset_macos_arm64` and its like name what each file of a pin has.
_SHORTEST_COMMIT: Final = 7
_GROUPS: Final = "version, build, commit, and asset_, size_ or sha256_ with a platform"


def _readable(pattern: str) -> str:
    try:
        groups = _compiled(pattern).groupindex
    except re.error as problem:
        msg = f"no regular expression: {problem}"
        raise ValueError(msg) from problem
    unknown = [name for name in groups if not _GROUP.fullmatch(name)]
    if unknown or not groups:
        found = ", ".join(unknown) or "none"
        msg = f"expected named groups of {_GROUPS}; found {found}"
        raise ValueError(msg)
    return pattern


class Target(Document):
    """One place in one file.

    Attributes:
        file: relative to the configuration's folder.
        pattern: a regular expression with a named group for each value; `^` and `$` match at
            every line.
    """

    file: RelativePath
    pattern: Annotated[str, AfterValidator(_readable)]


def moved(text: str, target: Target, *, old: Pin, new: Pin) -> str:
    """The text of the target's file with the new pin's values in place of the old one's.

    A `build` that is written with its `b` keeps it, and a commit that is shortened stays so long.

    Raises:
        ConfigError: the pattern does not match exactly once, the file says something else than
            the old pin, or the new pin has no such value.
    """
    pieces, end = [], 0
    for start, stop, name in _spans(_match(text, target), target):
        written = text[start:stop]
        pinned, proposed = (_value(pin, name, like=written) for pin in (old, new))
        if pinned is None or proposed is None:
            raise _wrong(target, f"the pin has no value for `{name}` that fits {written!a}")
        if written != pinned:
            raise _wrong(
                target,
                f"`{name}` is {written!a}, and the pin says {pinned!a}",
                hint="somebody changed one of them: make them agree first",
            )
        pieces += [text[end:start], proposed]
        end = stop
    return "".join([*pieces, text[end:]])


def named(text: str, target: Target) -> dict[str, str]:
    """What stands in the target's place, by the names of its groups; ConfigError as for `moved`."""
    return {name: text[start:stop] for start, stop, name in _spans(_match(text, target), target)}


def agree(found: Mapping[str, str], pin: Pin) -> bool:
    """Whether a pin says what was found in targets."""
    return all(written == _value(pin, name, like=written) for name, written in found.items())


def _match(text: str, target: Target) -> re.Match[str]:
    found = list(_compiled(target.pattern).finditer(text))
    if len(found) != 1:
        raise _wrong(target, f"expected one match, found {len(found)}")
    return found[0]


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.MULTILINE)


def _spans(match: re.Match[str], target: Target) -> Iterator[tuple[int, int, str]]:
    end = -1
    for start, stop, name in sorted((*match.span(name), name) for name in match.groupdict()):
        if start < 0:
            raise _wrong(target, f"the group `{name}` is not part of the match")
        if start < end:
            raise _wrong(target, f"the group `{name}` lies in another one")
        yield start, stop, name
        end = stop


def _value(pin: Pin, name: str, *, like: str) -> str | None:
    """What a pin says under a group's name, in the form of what is written there."""
    what, _, platform = name.partition("_")
    if what == "build":
        return None if pin.build is None else f"{'b' * like.startswith('b')}{pin.build}"
    if what == "commit":
        fits = _SHORTEST_COMMIT <= len(like) <= len(pin.commit.id)
        return pin.commit.id[: len(like)] if fits else None
    if what == "version":
        return pin.version
    assets = {key.replace("-", "_"): asset for key, asset in pin.platforms.items()}
    if platform not in assets:
        return None
    asset = assets[platform]
    return {"asset": asset.name, "size": str(asset.size), "sha256": asset.sha256}[what]


def _wrong(target: Target, what: str, *, hint: str | None = None) -> ConfigError:
    return ConfigError(
        f"{target.file}: target `{target.pattern}`: {what}",
        hint=hint or "correct the file, or `targets` in engine-ci.yaml",
    )
