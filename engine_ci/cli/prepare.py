"""`engine-ci prepare`: makes the bundle of the candidate, or of the current pin."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Final

import typer

from engine_ci.cli import options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine_ci.records.bundle import Bundle, BundleFile, Edit

_SIGNERS: Final = {"codesign": "codesign", "builtin": "builtin (verified on Linux only)"}


def prepare(
    *,
    into: Annotated[
        Path | None,
        typer.Option("--into", help="Where the bundle goes.", metavar="DIR", show_default=False),
    ] = None,
    current: Annotated[
        bool, typer.Option("--current", help="What the app uses now instead of the candidate.")
    ] = False,
    archive: Annotated[
        Path | None,
        typer.Option(
            "--archive",
            help="A local file, as strictly verified.",
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
    dry_run: options.DryRun = False,
    platform: options.Platform = None,
    signer: options.Signer = None,
    config: options.Config = options.CONFIG,
    pin: options.Pin = None,
    work: options.Work = options.WORK,
    json: options.Json = False,
) -> None:
    """Fetch, verify, unpack, prune and audit the candidate or the current engine.

    For example: engine-ci prepare --current --dry-run

    Exit codes: 0 the bundle is there; 2 configuration, pin, records or platform; 3 bytes are not
    what they should be, and no bundle was left; 4 a file was not to be had, or the disk refused.
    """
    from engine_ci.cli import bundles, candidates, named_engine, upstream
    from engine_ci.cli.output import emit
    from engine_ci.cli.platforms import known_platform
    from engine_ci.cli.progress import Progress
    from engine_ci.cli.workspace import open_workspace

    workspace = open_workspace(config, pin=pin, work=work)
    wanted = known_platform(platform)
    release = (
        named_engine.current(workspace, config=config, platform=wanted)
        if current
        else candidates.chosen(workspace)
    )
    target = into or (workspace.baseline if current else workspace.candidate)
    with Progress() as say, ExitStack() as stack:
        if dry_run:
            target = Path(stack.enter_context(TemporaryDirectory()), "bundle")
        bundle = bundles.make(
            workspace,
            release,
            into=target,
            platform=wanted,
            archive=archive,
            signer=signer,
            say=say,
        )
    if not current and not dry_run:
        upstream.prepared(workspace, candidates.read_candidate(workspace), bundle)
    emit(bundle, as_json=json, otherwise=listed(bundle) if dry_run else str(target))


def listed(bundle: Bundle) -> str:
    """What is in a bundle, in the order in which it is made, and what is not, with the reasons."""
    lines = [
        *(line for file in bundle.files for line in kept(file)),
        *(f"drop  {file.path} ({file.size:,} bytes): {file.why}" for file in bundle.dropped),
        *(f"{found.level}  {found.path}: {found.message}" for found in bundle.findings),
        *([f"signer  {_SIGNERS[bundle.signer]}"] if bundle.signer else []),
        f"tree  {bundle.tree_sha256}",
    ]
    return "\n".join(lines)


def kept(file: BundleFile) -> Iterator[str]:
    """A file of a bundle, and a line for all that is otherwise than in the archive."""
    yield f"keep  {file.path} ({file.size:,} bytes): {file.why}"
    yield from (f"      {edited(edit)}" for edit in file.edits)


def edited(edit: Edit) -> str:
    """What is otherwise in a file."""
    if edit.old is None:
        return f"new {edit.what}  {edit.new}"
    if edit.new is None:
        return f"without {edit.what}  {edit.old}"
    return f"{edit.what}  {edit.old} → {edit.new}"
