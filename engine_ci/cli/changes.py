"""`engine-ci changes`: whether a branch moves a pin, and whether a bump touches anything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from engine_ci.cli import merge_base, options

if TYPE_CHECKING:
    from pathlib import Path

    from engine_ci.bump.named import Named
    from engine_ci.records.change import Change
    from engine_ci.system.git import Repository
    from engine_ci.system.git_change import Difference

Base = Annotated[
    str,
    typer.Option(
        "--base", help="What the branch is for; a commit, or zeros for none.", metavar="REF"
    ),
]
Branch = Annotated[
    str | None,
    typer.Option(
        "--branch",
        envvar="GITHUB_HEAD_REF",
        help="The branch of the pull request.",
        metavar="NAME",
        show_default=False,
    ),
]


def changes(
    *,
    base: Base,
    branch: Branch = None,
    config: options.Config = options.CONFIG,
    work: options.Work = options.WORK,
    json: options.Json = False,
) -> None:
    """Say which pins HEAD moves, and whether a bump touches anything else.

    Leaves `changes.json` in the work folder.

    For example: engine-ci changes --base origin/main

    Exit codes: 0 done; 1 it is a bump, and touches more than a bump may; 2 HEAD names no engine
    that can be read, or there is no such commit.
    """
    from engine_ci.cli.output import emit
    from engine_ci.errors import Exit
    from engine_ci.system import actions, documents

    change = read(config, base=base, branch=branch or None)
    documents.write(work / "changes.json", documents.dump_json(change))
    actions.output("pin-moved", str(change.pin_moved).lower())
    actions.output("bump", str(change.bump).lower())
    emit(change, as_json=json, otherwise=told(change))
    for stray in change.strays[: actions.ANNOTATIONS]:
        actions.annotate("error", stray.why, title="Not part of a bump", file=stray.path)
    if change.strays:
        raise typer.Exit(Exit.GATE_SAYS_NO)


def read(config: Path, *, base: str, branch: str | None) -> Change:
    """What HEAD changes since it left `base`.

    Raises:
        UsageError: there is no such clone or commit.
        ConfigError, PinError: HEAD names no engine.
    """
    from engine_ci.bump import moves, named
    from engine_ci.system import git_change
    from engine_ci.system.git import Repository

    clone = Repository.containing(config.resolve().parent)
    path = clone.relative(config)
    head, left = git_change.head(clone), git_change.merge_base(clone, base)
    after = named.read(path, text=lambda name: clone.read(name, at=head))
    since = git_change.difference(clone, base=left, to=head)
    before = _before(clone, path, commit=left, since=since)
    return moves.decide(before, after, files=since.files, head=head, base=left, branch=branch)


def _before(
    clone: Repository, config: str, *, commit: str | None, since: Difference
) -> Named | None:
    from engine_ci.errors import ConfigError, PinError, UsageError

    try:
        return merge_base.find(clone, config, commit=commit, since=since).named
    except (ConfigError, PinError, UsageError):
        return None


def told(change: Change) -> str:
    """The same for people: the pins, the files by kind, and what must not be there."""
    from collections import Counter

    from engine_ci.system.markdown import visible

    count = Counter(file.kind for file in change.files)
    since = change.base[:10] if change.base else "no commit in common"
    lines = [
        *(
            f"{pin.name}: {pin.before or 'none'} -> {pin.after or 'none'}, "
            f"{'moved' if pin.moved else 'the same engine'}"
            for pin in change.pins
        ),
        f"files changed since {since}: "
        + ", ".join(f"{count[kind]} {kind}" for kind in ("pin", "target", "other")),
        *(f"not part of a bump: {visible(stray.path)}: {stray.why}" for stray in change.strays),
    ]
    return "\n".join(lines)
