"""What a bump left behind, and whether it belongs together.

Which builds work on a machine is found out, never assumed: another outcome than the usual one is
shown as such, and only one that contradicts itself is wrong.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine_ci.errors import Exit, RecordError
from engine_ci.records.candidate import Candidate
from engine_ci.records.gate import GateResult, Verdict
from engine_ci.system import documents

if TYPE_CHECKING:
    from pathlib import Path

    from engine_ci.records.candidate import Refusal
    from fixtures.github import GitHubServer
    from fixtures.github.records import Pull

USUAL_REFUSALS = ("0.1.4", "0.1.5", "0.2.0")
USUAL_PROPOSAL = "0.1.3"


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """One bump, seen from outside.

    Attributes:
        status: the exit code.
        gated: the version that the last gate result is about, and its verdict.
        main_moved: whether anything reached the main branch.
        merge_requests: how often a client asked the server to merge.
    """

    status: int
    refused: tuple[Refusal, ...]
    gated: tuple[str, Verdict] | None
    pull: Pull | None
    pinned: str
    page: Path | None
    main_moved: bool
    merge_requests: int

    @property
    def summary(self) -> str:
        """One sentence for people."""
        versions = tuple(sorted(refusal.version for refusal in self.refused))
        proposed = self.gated[0] if self.pull is not None and self.gated else None
        if (versions, proposed) == (USUAL_REFUSALS, USUAL_PROPOSAL):
            return "as on other machines: 0.2.0 is refused, its twins too, and 0.1.3 is proposed"
        told = f"refused {', '.join(versions) or 'nothing'}, proposed {proposed or 'nothing'}"
        return f"another outcome than on the machines known so far: {told}"


def read(work: Path, server: GitHubServer, *, status: int, moved: bool) -> Outcome:
    """Collects what the run left on disk and on the server."""
    candidate = documents.load_json(work / "candidate.json", Candidate, error=RecordError)
    result = work / "gate" / "gate.json"
    gate = documents.load_json(result, GateResult, error=RecordError) if result.exists() else None
    pull = server.hub.pulls[0] if server.hub.pulls else None
    pinned = _file(server.repository.path, f"{pull.head_sha}:pins/llama.cpp.yaml") if pull else ""
    page = work / "gate" / "gate.html"
    return Outcome(
        status=status,
        refused=candidate.refused,
        gated=(gate.engines.candidate.version, gate.verdict) if gate else None,
        pull=pull,
        pinned=pinned,
        page=page if page.exists() else None,
        main_moved=moved,
        merge_requests=sum(record.path.endswith("/merge") for record in server.requests),
    )


def _file(repository: Path, name: str) -> str:
    command = ["git", "-C", str(repository), "show", name]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def wrong(outcome: Outcome) -> list[str]:
    """Every way in which the outcome contradicts itself; empty when it holds together."""
    faults = []
    if outcome.main_moved or outcome.merge_requests:
        faults.append("something was merged")
    if outcome.pull is None:
        if outcome.status != Exit.GATE_SAYS_NO:
            faults.append(f"no pull request, and exit status {outcome.status}")
        return faults
    if outcome.status != Exit.OK:
        faults.append(f"a pull request, and exit status {outcome.status}")
    if outcome.gated is None:
        return [*faults, "a pull request without a gate"]
    version, verdict = outcome.gated
    if verdict not in (Verdict.PASS, Verdict.INCONCLUSIVE):
        faults.append(f"a pull request for {version}, about which the gate says {verdict.value}")
    if outcome.pull.draft != (verdict is Verdict.INCONCLUSIVE):
        faults.append(f"verdict {verdict.value}, and draft is {outcome.pull.draft}")
    if f"version: {version}\n" not in outcome.pinned:
        faults.append(f"{version} was gated, and the branch does not pin it")
    if version in {refusal.version for refusal in outcome.refused}:
        faults.append(f"{version} was refused and is proposed all the same")
    return faults
