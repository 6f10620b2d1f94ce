"""What llama.cpp's repository says of a candidate, where the configuration names one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine_ci.cli.workspace import Workspace
    from engine_ci.pins.model import Commit
    from engine_ci.records.bundle import Bundle
    from engine_ci.records.candidate import Candidate
    from engine_ci.records.upstream import Upstream


def ask(
    workspace: Workspace, *, build: int | None = None, commit: Commit | None = None
) -> Upstream:
    """What is known between the pin and a build, or a commit where its source tells one."""
    from engine_ci.releases import upstream
    from engine_ci.releases.relevance import Shipped

    return upstream.ask(
        workspace.pin,
        address=workspace.upstream,
        cache=workspace.cache,
        shipped=Shipped.of(workspace.pin, wanted=workspace.config.bundle.backends),
        build=build,
        commit=commit,
    )


def prepared(workspace: Workspace, candidate: Candidate, bundle: Bundle) -> Candidate:
    """The candidate once its bytes have told build and commit, where nothing else did; on disk."""
    from engine_ci.records.upstream import Unavailable
    from engine_ci.system import documents

    told = candidate.upstream
    if told is None or not isinstance(told.range, Unavailable):
        return candidate
    asked = ask(workspace, build=bundle.build, commit=bundle.commit)
    completed = candidate.model_copy(update={"upstream": asked})
    documents.write(workspace.candidate_json, documents.dump_json(completed))
    return completed


def lines(upstream: Upstream | None) -> list[str]:
    """What is known, for people."""
    if upstream is None:
        return []
    faults = [
        f"known of b{each.first} to b{each.last}: {each.what} ({each.link})"
        for each in upstream.regressions
    ]
    return [_changed(upstream), *faults]


def _changed(upstream: Upstream) -> str:
    from engine_ci.records.upstream import Unavailable

    changes, missed = upstream.range, upstream.missed
    if isinstance(changes, Unavailable) and upstream.repository is None:
        return f"upstream: not asked: {changes.reason}"
    if isinstance(changes, Unavailable):
        first = f"upstream: commits not available: {changes.reason}"
    else:
        relevant = sum(commit.relevant for commit in changes.commits)
        first = f"upstream: {len(changes.commits):,} commits, {relevant:,} relevant"
    if isinstance(missed, Unavailable):
        second = f"architectures missed: not available: {missed.reason}"
    else:
        second = f"architectures missed since: {', '.join(missed.architectures) or 'none'}"
    return f"{first}; {second}"
