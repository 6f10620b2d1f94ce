"""Holds what other jobs left against the source and against itself, before anything is proposed.

A job that runs a foreign engine may leave whatever that engine wants. The job that writes starts
no engine: it asks the source again, hashes every file again, and judges the gate's answers again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine_ci.errors import VerificationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine_ci.cli.progress import Progress
    from engine_ci.cli.workspace import Workspace
    from engine_ci.records.bundle import Bundle
    from engine_ci.records.candidate import PublishedAsset, Release

_HINT = "do not trust these records; look at the job that made them, and run `bump` again"


def records(workspace: Workspace, *, say: Progress) -> None:
    """Confirms the records of a candidate that was prepared and gated.

    Raises:
        VerificationError: they are not what the source says, what the files are, or what follows
            from the gate's answers.
        OutsideError: the source did not answer, or a file could not be fetched.
    """
    from engine_ci.cli.bundles import read_bundle
    from engine_ci.cli.candidates import chosen

    release, bundle = chosen(workspace), read_bundle(workspace.candidate)
    _refuse(_judged_otherwise(workspace), of="gate.json")
    say(f"confirm {release.version}: what the source says")
    _refuse(_told_otherwise(workspace, release, say=say), of="candidate.json")
    say(f"confirm {release.version}: every file's hash")
    _refuse(_hashed_otherwise(workspace, release, bundle, say=say), of="bundle.json")


def _refuse(differences: Iterator[str], *, of: str) -> None:
    found = list(differences)
    if found:
        raise VerificationError(f"{of} cannot be true: {'; '.join(found)}", hint=_HINT)


def _judged_otherwise(workspace: Workspace) -> Iterator[str]:
    """Whether the verdict follows from the answers."""
    from engine_ci.cli.report import read
    from engine_ci.gate.judge import judge

    result = read(workspace.gate / "gate.json")
    compared = result.engines.baseline is not None
    verdict = judge(result.checks, result.performance, compared=compared)
    if verdict is not result.verdict:
        yield f"its verdict is {result.verdict}, and its checks say {verdict}"


def _told_otherwise(workspace: Workspace, release: Release, *, say: Progress) -> Iterator[str]:
    """Whether the source has this release, with these files."""
    from engine_ci.cli import detect
    from engine_ci.releases.detect import files

    listed = detect.ask(workspace, told=say)
    offer = next((each for each in listed.offers if each.version.text == release.version), None)
    if offer is None:
        yield f"the source has no {release.version}"
        return
    yield from offer.flaws
    if (offer.version.build, offer.version.rebuild) != (release.build, release.rebuild):
        yield f"{release.version} is not build {release.build}, rebuild {release.rebuild}"
    now = files(offer, workspace.pin)
    for platform in workspace.pin.platforms:
        found, recorded = now.get(platform), release.assets.get(platform)
        if found != recorded:
            yield (
                f"the file for {platform} is {_named(found)} at the source, and recorded as "
                f"{_named(recorded)}"
            )


def _named(file: PublishedAsset | None) -> str:
    return f"{file.name} with sha256 {file.sha256}" if file else "none"


def _hashed_otherwise(
    workspace: Workspace, release: Release, bundle: Bundle, *, say: Progress
) -> Iterator[str]:
    """Whether the files that the next pin names have these bytes, and come from upstream."""
    from engine_ci.artifact import commits, inputs
    from engine_ci.cli import bundle_request
    from engine_ci.cli.platforms import known_platform

    request = bundle_request.request_for(
        workspace,
        release,
        into=workspace.candidate,
        platform=known_platform(None),
        told=say.bytes,
    )
    request = bundle_request.vouched(request, workspace)
    commits.agree({"bundle.json": bundle.commit, **request.commits}, version=release.version)
    now = inputs.provenance(request)
    for platform in workspace.pin.platforms:
        found, recorded = now.get(platform), bundle.provenance.get(platform)
        if found != recorded:
            yield f"of the file for {platform} it says {recorded}, and found was {found}"
