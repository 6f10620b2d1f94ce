"""Makes the engine of a change and that of its merge base, each as its own files say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from engine_ci.bump.named import Named
    from engine_ci.cli.progress import Progress
    from engine_ci.cli.workspace import Workspace
    from engine_ci.pins.model import Platform
    from engine_ci.records.bundle import Bundle
    from engine_ci.system.git import Repository
    from engine_ci.system.git_change import Difference


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
        pull: the pull request that `head` merged, where its first line names one.
        pin_moved: whether any pin names another engine than there.
        baseline: None where it could not be made.
        no_baseline: why not.
        baseline_argv: the app's arguments there, `candidate_argv` here.
    """

    head: str
    base: str | None
    pull: int | None
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
    from engine_ci.bump import merged, moves, named
    from engine_ci.cli import named_engine
    from engine_ci.cli.platforms import known_platform
    from engine_ci.errors import EngineCIError
    from engine_ci.system import git_change
    from engine_ci.system.git import Repository

    clone = Repository.containing(workspace.root)
    path, platform = clone.relative(config), known_platform(None)
    head, commit = git_change.head(clone), git_change.merge_base(clone, ref)
    after = named.read(path, text=lambda name: named_engine.text_of(clone.path / name))
    candidate = _candidate(workspace, after, platform=platform, say=say)
    base, baseline, reason = None, None, ""
    try:
        since = git_change.difference(clone, base=commit, to=head)
        base = find(clone, path, commit=commit, since=since)
        baseline = _baseline(workspace, base, platform=platform, say=say)
    except EngineCIError as problem:
        reason = f"the merge base has no engine to compare with: {problem}"
    change = moves.decide(
        base.named if base else None, after, files=(), head=head, base=commit, branch=None
    )
    return Pair(
        head=head,
        base=commit,
        pull=merged.pull(git_change.subject(clone, head)),
        pin_moved=change.pin_moved,
        candidate=candidate,
        candidate_argv=workspace.config.engine.argv,
        baseline=baseline,
        baseline_argv=base.named.config.engine.argv if base else None,
        no_baseline=reason,
    )


def find(clone: Repository, config: str, *, commit: str | None, since: Difference) -> Base:
    """What the files of a merge base name.

    Args:
        clone: with that commit.
        config: the configuration's path now, from the top of the clone.
        commit: None where there is no merge base.
        since: in what HEAD differs from it.

    Raises:
        UsageError: there is none.
        ConfigError, PinError: its files cannot be read, or name no engine.
    """
    from engine_ci.bump import named
    from engine_ci.errors import UsageError

    if commit is None:
        raise UsageError("there is no commit before these")
    path = since.renamed.get(config, config)
    found = named.read(path, text=lambda name: clone.read(name, at=commit))
    return Base(clone=clone, commit=commit, config=path, named=found)


def _candidate(workspace: Workspace, named: Named, *, platform: Platform, say: Progress) -> Bundle:
    from engine_ci.cli import bundles, named_engine

    engine = named_engine.of(workspace, named, platform=platform)
    return bundles.make(workspace, engine, into=workspace.candidate, platform=platform, say=say)


def _baseline(workspace: Workspace, base: Base, *, platform: Platform, say: Progress) -> Bundle:
    """Made in a worktree of its own, where its own configuration, pin and command are."""
    from engine_ci.cli import bundles, named_engine
    from engine_ci.cli.workspace import open_workspace
    from engine_ci.system import git_change

    work = workspace.work / "merge-base"
    # A pin that was renamed is the only one there, or nobody can say which one it was.
    name = workspace.pin.name if workspace.pin.name in base.named.engines else None
    with git_change.worktree(base.clone, base.commit, at=work / "tree") as tree:
        there = open_workspace(tree / base.config, pin=name, work=work)
        engine = named_engine.of(there, base.named, platform=platform)
        return bundles.make(
            replace(there, hashed=workspace.hashed),
            engine,
            into=workspace.baseline,
            platform=platform,
            say=say,
        )
