"""Has a bundle where an app wants it: what is asked for, and whether it has to be made.

What makes it lives next door, and is loaded only where there is something to make: the build of an
app asks every time.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from engine_ci import __version__
from engine_ci.artifact import install, seal
from engine_ci.artifact.expected import NOTHING_EXPECTED
from engine_ci.artifact.floors import NO_FLOORS
from engine_ci.artifact.hashed import Hashed
from engine_ci.errors import UsageError
from engine_ci.system import documents

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from engine_ci.artifact.delegation import Delegate
    from engine_ci.artifact.expected import Expected
    from engine_ci.artifact.floors import Floors
    from engine_ci.artifact.origins import Origin
    from engine_ci.artifact.signer import Signer
    from engine_ci.artifact.source_build import Recipe
    from engine_ci.artifact.vouching import Vouching
    from engine_ci.pins.model import Asset, Build, Commit, Platform
    from engine_ci.records.bundle import Bundle
    from engine_ci.records.candidate import PublishedAsset


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One engine at one version, and what of it the app wants.

    Attributes:
        assets: published files, this platform's and others'; all are fetched and hashed.
        platform: the one that is prepared.
        source: who publishes the files, as the pin says it.
        origins: where they may come from, in order.
        backends: run-time backends that the app wants.
        keep: patterns of further file names that the app wants.
        cache: downloads by content.
        into: where the bundle goes.
        licences: files of the app's own that go with the engine.
        floors: the oldest systems that the app runs on; where it does not say, a wheel's name does.
        signer: who signs what macOS wants signed.
        expected: what others say is in the bundle.
        recipe: for source code; None where the published archive holds the engine itself.
        delegate: who brings the engine instead; `assets` are hashed for the pin alone then.
        archive: a local file that stands in for the download of `platform`; as strictly verified.
        vouching: who says that the files are upstream's; None where the source has nobody.
        commits: that upstream and the app give the version, by who names it.
        told: how many bytes of a download are there, and of how many, where that is known.
        hashed: what this run has hashed already.
    """

    pin: str
    adapter: str
    version: str
    build: Build | None
    rebuild: int
    source: str
    origins: tuple[Origin, ...]
    assets: Mapping[Platform, Asset | PublishedAsset]
    platform: Platform
    backends: tuple[str, ...]
    keep: tuple[str, ...]
    cache: Path
    into: Path
    licences: tuple[Path, ...] = ()
    floors: Floors = NO_FLOORS
    signer: Signer = "builtin"
    expected: Expected = NOTHING_EXPECTED
    recipe: Recipe | None = None
    delegate: Delegate | None = None
    archive: Path | None = None
    vouching: Vouching | None = None
    commits: Mapping[str, Commit] = field(default_factory=dict)
    told: Callable[[int, int | None], None] = lambda *_: None
    hashed: Hashed = field(default_factory=Hashed)


def prepare(request: Request, *, phase: Callable[[str], None] = lambda _: None) -> Bundle:
    """Makes the bundle for `request.platform` and installs it at `request.into`.

    Whatever goes wrong, what was at `request.into` before is still there.

    Args:
        request: what to prepare.
        phase: told the name of every step when it begins.

    Raises:
        UsageError: the version has no file for the platform, or `into` holds something else.
        VerificationError: bytes that are not what they should be.
        OutsideError: a file could not be fetched, read or written.
    """
    _refuse_platform(request)
    with documents.naming(request.into), install.alone(request.into):
        return _made(request, phase=phase)


def ensure(request: Request, *, phase: Callable[[str], None] = lambda _: None) -> None:
    """Has the bundle at `request.into`; made only where it is not there, whole, for this request.

    Of two runs at once one makes it. Arguments and errors are those of `prepare`.
    """
    with documents.naming(request.into):
        asked = digest(request)
        if seal.intact(request.into, request=asked):
            return
        _refuse_platform(request)
        with install.alone(request.into):
            if not seal.renewed(request.into, request=asked):
                _made(request, phase=phase)
                seal.put(request.into, request=asked)


def _refuse_platform(request: Request) -> None:
    if request.delegate is None and request.platform not in request.assets:
        raise UsageError(
            f"{request.pin} {request.version} has no file for {request.platform}",
            hint="`--platform` names one that the pin has",
        )


def digest(request: Request) -> str:
    """Over all that decides what the bundle holds."""
    asked = {
        "engine-ci": __version__,
        "pin": request.pin,
        "version": request.version,
        "rebuild": request.rebuild,
        "assets": {platform: asset.sha256 for platform, asset in request.assets.items()},
        "platform": request.platform,
        "backends": request.backends,
        "keep": request.keep,
        "licences": [documents.sha256_of(path) for path in request.licences],
        "floors": asdict(request.floors),
        "signer": request.signer,
        "expected": asdict(request.expected),
        "recipe": _recipe(request),
        "delegate": request.delegate.command if request.delegate else None,
    }
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def _recipe(request: Request) -> list[object] | None:
    if request.recipe is None:
        return None
    return [request.recipe.arguments(), [patch.sha256 for patch in request.recipe.patches]]


def _made(request: Request, *, phase: Callable[[str], None]) -> Bundle:
    from engine_ci.artifact import making  # noqa: PLC0415 - a bundle that is there makes none

    return making.made(request, phase=phase)
