"""Records in which upstream and an engine say what they like wherever they can."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from engine_ci.records.bundle import Attestation
from engine_ci.records.candidate import Decision, Refusal
from engine_ci.records.gate import Engines, Status, Verdict
from engine_ci.records.upstream import KnownRegression, Missed, Names, Upstream
from engine_ci.report import markdown
from tests.unit.bump import records

if TYPE_CHECKING:
    from engine_ci.bump.plan import Plan
    from engine_ci.pins.model import Platform
    from engine_ci.records.bundle import Provenance
    from engine_ci.records.candidate import Candidate
    from engine_ci.records.gate import GateResult


def told_by_upstream(words: str) -> Upstream:
    """Everything that upstream may word as it likes, so worded."""
    fault = KnownRegression(first=1, last=2, what=words, link=words)
    known = records.upstream(
        records.commit(words[:300], module=words),
        records.commit(words[:300], module=words, relevant=False),
        missed=Missed(tip="3" * 40, at=records.NOW, architectures=(words,)),
        regressions=(fault,),
    )
    named = Names(gained=(words,), lost=(words,))
    changed = known.range.model_copy(update={"architectures": named, "chat_formats": named})
    return known.model_copy(update={"range": changed})


def attested(*attestations: Attestation) -> dict[Platform, Provenance]:
    """The provenance of all files, with what is known of who vouches for the first ones."""
    files = records.bundle().provenance.items()
    return {
        platform: file.model_copy(update={"attestation": attestation})
        for (platform, file), attestation in zip_longest(files, attestations)
    }


def candidate(words: str) -> Candidate:
    """What `detect` found, with `words` for every text of unknown origin."""
    reason = words or "none"
    return records.candidate(
        refused=(Refusal(version="0.2.0", reason=reason, evidence=(words, words)),),
        decisions=(Decision(version="0.1.4", chosen=False, reason=reason),),
        upstream=told_by_upstream(words),
    )


def gated(words: str) -> GateResult:
    """What the gate found, with `words` for whatever an engine said."""
    return records.result(
        verdict=Verdict.FAIL,
        checks=(
            records.check(status=Status.FAIL, expected=words, observed=words, detail=words),
            records.check(status=Status.WARN, observed=words),
            records.check(status=Status.SKIP, observed=words),
        ),
        performance=(records.measurement(metric=words),),
        engines=Engines(
            candidate=records.engine("0.1.3", tree="e", flags=(words, "--a")),
            baseline=records.engine("0.1.2", tree="f", flags=("--b",)),
        ),
    )


def planned(words: str) -> Plan:
    """A pull request in which every text of unknown origin is `words`."""
    doubt = Attestation(state="absent", why=words)
    result = gated(words)
    return records.planned(
        candidate=candidate(words),
        bundle=records.bundle(
            provenance=attested(doubt),
            architectures=(words,),
            system_libraries=(words,),
            findings=(records.finding(message=words),),
        ),
        result=result,
        gate=markdown.render(result),
    )
