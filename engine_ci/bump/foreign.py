"""Pure. The release that an app's targets name where they do not say what the pin says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pydantic import ValidationError

from engine_ci.errors import ConfigError
from engine_ci.pins.model import WHOLE_COMMIT
from engine_ci.records.candidate import Release

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine_ci.pins.model import Pin


def release(pin: Pin, found: Mapping[str, str]) -> Release:
    """What is named, with a file for each platform whose sha256 is known, and for no other.

    What nobody says is as in the pin: a file's name, in which the version is another.

    Args:
        pin: of another version, or with another hash.
        found: what stands in the targets, by the names of their groups.

    Raises:
        ConfigError: that is no release.
    """
    commit = found.get("commit")
    version = _version(pin, found)
    try:
        return Release.model_validate(
            {
                "version": version,
                "build": _build(version, found),
                "commit": commit and {"id": commit, "abbreviated": len(commit) < WHOLE_COMMIT},
                "assets": dict(_assets(pin, version, found)),
            }
        )
    except ValidationError as problem:
        said = ", ".join(
            f"{'.'.join(map(str, error['loc']))} {error['input']!a}" for error in problem.errors()
        )
        raise ConfigError(
            f"the targets name another engine than {pin.name} {pin.version}, and no such one can "
            f"be: {said}",
            hint="correct the files, or `targets` in engine-ci.yaml",
        ) from problem


def _version(pin: Pin, found: Mapping[str, str]) -> str:
    build = found.get("build")
    if "version" in found or build is None:
        return found.get("version", pin.version)
    if pin.version != f"b{pin.build}":
        raise ConfigError(
            f"the targets name the build {build}, and which version of {pin.name} that is only a "
            "group `version` could tell",
            hint="add it to a pattern of `targets` in engine-ci.yaml",
        )
    return f"b{build.removeprefix('b')}"


def _build(version: str, found: Mapping[str, str]) -> int | str | None:
    """The number that is written with or without its `b`; as it stands where it is none."""
    written = found.get("build", version if re.fullmatch(r"b[0-9]+", version) else None)
    digits = re.fullmatch(r"b?([1-9][0-9]{0,8})", written or "")
    return int(digits[1]) if digits else written


def _assets(pin: Pin, version: str, found: Mapping[str, str]) -> Iterator[tuple[str, object]]:
    for platform, pinned in pin.platforms.items():
        name, size, sha256 = (
            found.get(f"{what}_{platform.replace('-', '_')}")
            for what in ("asset", "size", "sha256")
        )
        if sha256 is not None:
            yield (
                platform,
                {
                    "name": name or _renamed(pinned.name, old=pin.version, new=version),
                    "size": int(size) if size and size.isdecimal() else size,
                    "sha256": sha256.lower(),
                    "wheel_tags": pinned.wheel_tags,
                },
            )


def _renamed(asset: str, *, old: str, new: str) -> str:
    """The file's name with the new version in place of the old one, where it bears that."""
    return re.sub(rf"(?<![0-9A-Za-z]){re.escape(old)}(?![0-9A-Za-z])", lambda _: new, asset)
