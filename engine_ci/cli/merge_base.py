"""Makes the engine of a change and that of its merge base, each as its own files say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from engine_ci.bump.named import Named
    from engine_ci.cli.progress import Progress
    from engine_ci.cli.workspace import Workspace
    from engine_ci.pins.model import Pin, Platform
    from engine_ci.records.bundle import Bundle
    from engine_ci.records.candidate import Release
    from engine_ci.system.git import Repository


@dataclass(frozen=True, kw_only=True, slots=True)
class Base:
    """Where a change began.

    Attributes:
        config: the configuration's path there, from the top of the clone.
        named: what its files say.
    """

    clone: Repository
    commit: str
    config: str
    named: Named


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """Both bundles, and what they are of.

    Attributes:
        head: the commit that is checked out.
        base: the merge base; None where there is none.
        pin_moved: whether any pin names another engine than there.
        baseline: None where it could not be made.
        no_baseline: why not.
        baseline_argv: the app's arguments there, `candidate_argv` here.
    """

    head: str
    base: str | None
    pin_moved: bool
    candidate: Bundle
    candidate_argv: tuple[str, ...]
    baseline: Bundle | None
    baseline_argv: tuple[str, ...] | None
    no_baseline: str

    @property
    def same(self) -> bool:
        """Whether nothing differs that could make one slower than the other."""
        alike = self.candidate_argv == self.baseline_argv
        before = self.baseline.tree_sha256 if self.baseline else None
        return alike and self.candidate.tree_sha256 == before


def prepared(workspace: Workspace, *, config: Path, ref: str, say: Progress) -> Pair:
    """Makes the candidate of the working tree, and a baseline where that can be done.

    Raises:
        UsageError: there is no commit `ref`.
        EngineCIError: the candidate cannot be made.
    """
    from engine_ci.bump import moves, named
    from engine_ci.cli import prepare
    from engine_ci.errors import EngineCIError
    from engine_ci.system import git_change
    from engine_ci.system.git import Repository

    clone = Repository.containing(workspace.root)
    path, platform = place(clone, config), prepare.known_platform(None)
    head, commit = git_change.head(clone), git_change.merge_base(clone, ref)
    after = named.read(path, text=lambda name: _text(clone.path / name))
    candidate = _candidate(workspace, after, platform=platform, say=say)
    base, baseline, reason = None, None, ""
    try:
        base = find(clone, path, commit=commit)
        baseline = _baseline(workspace, base, platform=platform, say=say)
    except EngineCIError as problem:
        reason = f"the merge base has no engine to compare with: {problem}"
    change = moves.decide(
        base.named if base else None, after, files=(), head=head, base=commit, branch=None
    )
    return Pair(
        head=head,
        base=commit,
        pin_moved=change.pin_moved,
        candidate=candidate,
        candidate_argv=workspace.config.engine.argv,
        baseline=baseline,
        baseline_argv=base.named.config.engine.argv if base else None,
        no_baseline=reason,
    )


def find(clone: Repository, config: str, *, commit: str | None) -> Base:
    """What the files of a merge base name.

    Args:
        clone: with that commit.
        config: the configuration's path now, from the top of the clone.
        commit: None where there is no merge base.

    Raises:
        UsageError: there is none.
        ConfigError, PinError: its files cannot be read, or name no engine.
    """
    from engine_ci.bump import named
    from engine_ci.errors import UsageError
    from engine_ci.system import git_change

    if commit is None:
        raise UsageError("there is no commit before these")
    renamed = git_change.difference(clone, base=commit, to="HEAD").renamed
    path = renamed.get(config, config)
    found = named.read(path, text=lambda name: clone.read(name, at=commit))
    return Base(clone=clone, commit=commit, config=path, named=found)


def place(clone: Repository, config: Path) -> str:
    """The configuration's path from the top of the clone."""
    return config.resolve().relative_to(clone.path.resolve()).as_posix()


def _text(path: Path) -> str | None:
    """The text of a file, as git would have it; None where there is none to read."""
    try:
        return path.read_bytes().decode(errors="replace")
    except OSError:
        return None


def _candidate(workspace: Workspace, named: Named, *, platform: Platform, say: Progress) -> Bundle:
    from engine_ci.cli import prepare

    engine = named.engines[workspace.pin.name]
    _refuse_without_hash(workspace, engine, platform=platform)
    return prepare.make(workspace, engine, into=workspace.candidate, platform=platform, say=say)


def _baseline(workspace: Workspace, base: Base, *, platform: Platform, say: Progress) -> Bundle:
    """Made in a worktree of its own, where its own configuration, pin and command are."""
    from engine_ci.cli import prepare
    from engine_ci.cli.workspace import open_workspace
    from engine_ci.system import git_change

    work = workspace.work / "merge-base"
    # A pin that was renamed is the only one there, or nobody can say which one it was.
    name = workspace.pin.name if workspace.pin.name in base.named.engines else None
    with git_change.worktree(base.clone, base.commit, at=work / "tree") as tree:
        there = open_workspace(tree / base.config, pin=name, work=work)
        engine = base.named.engines[there.pin.name]
        _refuse_without_hash(there, engine, platform=platform)
        return prepare.make(
            replace(there, hashed=workspace.hashed),
            engine,
            into=workspace.baseline,
            platform=platform,
            say=say,
        )


def _refuse_without_hash(
    workspace: Workspace, engine: Pin | Release, *, platform: Platform
) -> None:
    """What another bot names is fetched by its hash, or brought by the app's own command."""
    from engine_ci.cli import prepare
    from engine_ci.errors import ConfigError
    from engine_ci.records.candidate import Release

    known = not isinstance(engine, Release) or platform in engine.assets
    if known or prepare.delegated(workspace) is not None:
        return
    group = f"sha256_{platform.replace('-', '_')}"
    raise ConfigError(
        f"a target names {engine.version}, {workspace.pin_file} names {workspace.pin.version}, "
        f"and no sha256 of the file for {platform} is known",
        hint=f"let a target find it with a group `{group}`, move the pin, or let the app's own "
        "command prepare the engine",
    )
