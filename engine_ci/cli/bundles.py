"""Makes the bundles that stages need, and reads those that are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from engine_ci.cli.progress import Progress
    from engine_ci.cli.workspace import Workspace
    from engine_ci.pins.model import Pin, Platform
    from engine_ci.records.bundle import Bundle
    from engine_ci.records.candidate import Release


def make(
    workspace: Workspace,
    release: Pin | Release,
    *,
    into: Path,
    platform: Platform,
    say: Progress,
    archive: Path | None = None,
    signer: str | None = None,
) -> Bundle:
    """Prepares one release as the configuration wants it.

    Upstream is asked who vouches for a release that is new; a pin was proposed after that, and is
    prepared without asking anybody, as is an archive that is here.
    """
    from engine_ci.artifact import bundle
    from engine_ci.cli import bundle_request
    from engine_ci.pins.model import Pin

    request = bundle_request.request_for(
        workspace,
        release,
        into=into,
        platform=platform,
        archive=archive,
        signer=signer,
        told=say.bytes,
    )
    if archive is None and not isinstance(release, Pin):
        request = bundle_request.vouched(request, workspace)
    return bundle.prepare(
        request, phase=lambda name: say(step(name, version=release.version, platform=platform))
    )


def step(name: str, *, version: str, platform: Platform) -> str:
    """What progress says of a step of preparing; the platform where it is not this machine's."""
    from engine_ci.cli import platforms

    here = platform == platforms.here()
    what = f"prepare {version}" if here else f"prepare {version} for {platform}"
    return f"{what}: {name}"


def read_bundle(folder: Path) -> Bundle:
    """What a prepared folder says of itself; RecordError when it does not."""
    from engine_ci.errors import RecordError
    from engine_ci.records.bundle import RECORD, Bundle
    from engine_ci.system import documents

    return documents.load_json(folder / RECORD, Bundle, error=RecordError)
