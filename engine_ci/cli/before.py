"""What happened before this run: proposals on GitHub, moves of the pin, what was refused."""

from __future__ import annotations

import hashlib
import os
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from engine_ci import __version__
from engine_ci.cli import app, doors

if TYPE_CHECKING:
    from pathlib import Path

    from engine_ci.cli.workspace import Workspace
    from engine_ci.pins.model import Pin
    from engine_ci.records.candidate import Refusal
    from engine_ci.releases.throttle import Proposals
    from engine_ci.system.github import PullRequest


@dataclass(frozen=True, kw_only=True, slots=True)
class Past:
    """What was before this run.

    Attributes:
        failed: whether a gate, here or on the main branch, refused the pinned build itself.
        refused: releases that need no other try.
    """

    proposals: Proposals
    failed: bool
    refused: tuple[Refusal, ...] = ()


def learn(
    workspace: Workspace, *, repository: str | None, api_url: str, remote: str, ask: bool
) -> Past:
    """Finds out by the pull requests, where GitHub is asked, and by git and the records here.

    Args:
        workspace: the app's.
        repository: of the app on GitHub; that of the remote when not given.
        api_url: GitHub's.
        remote: of the clone.
        ask: whether GitHub is asked, which needs a token.

    Raises:
        UsageError: no token, or no repository can be told.
        GitHubError: GitHub refused or did not answer.
        RecordError: what the last gate left cannot be read.
    """
    from engine_ci.bump import polls
    from engine_ci.bump.proposals import made

    pulls: tuple[PullRequest, ...] = ()
    if ask:
        hub = app.hub(workspace, repository=repository, api_url=api_url, remote=remote)
        with closing(hub):
            pulls = hub.pull_requests(workspace.config.pull_request.branch)
    kept, _ = polls.load(workspace.polls_json, pin=workspace.pin.name, now=datetime.now(UTC))
    bad = failed(workspace)
    return Past(
        proposals=made(pulls, pin=workspace.pin, moved=moved(workspace)),
        failed=bad,
        refused=polls.refused(kept, judged=judged_by(workspace, failed=bad)),
    )


def failed(workspace: Workspace) -> bool:
    """Whether a gate, here or on the main branch, refused the pinned build itself."""
    folders = (workspace.gate, workspace.failed, workspace.on_main)
    return any(refused(folder, pin=workspace.pin) for folder in folders)


def judged_by(workspace: Workspace, *, failed: bool) -> str:
    """A digest of all that decides whether a release is refused, but for its own bytes.

    Args:
        workspace: the app's.
        failed: whether a gate refused the pinned build itself.
    """
    from engine_ci.pins import store
    from engine_ci.system import documents

    said = (
        __version__,
        store.dump(workspace.pin),
        documents.dump_json(workspace.config),
        str(failed),
    )
    return hashlib.sha256("\0".join(said).encode()).hexdigest()


def can_ask(repository: str | None) -> bool:
    """Whether GitHub can be asked without being told to: a token is here, and a repository."""
    return bool(repository and os.environ.get(doors.TOKEN))


def refused(folder: Path, *, pin: Pin) -> bool:
    """Whether the gate whose results a folder holds refused the pinned build itself.

    Raises:
        RecordError: they cannot be read.
    """
    from engine_ci.errors import RecordError
    from engine_ci.records.gate import GateResult, Verdict
    from engine_ci.system import documents

    path = folder / "gate.json"
    if not path.exists():
        return False
    result = documents.load_json(path, GateResult, error=RecordError)
    tested = result.engines.candidate
    same = (tested.pin, tested.version) == (pin.name, pin.version)
    return same and result.verdict is Verdict.FAIL


def moved(workspace: Workspace) -> datetime | None:
    """When the pin moved; None where that is not known, as outside of a clone."""
    from engine_ci.errors import UsageError
    from engine_ci.pins import store
    from engine_ci.system.git import Repository

    try:
        clone = Repository.containing(workspace.root)
        path = clone.relative(workspace.root / workspace.pin_file)
    except UsageError:
        return None
    return clone.changed(path, line=store.MOVES)
