"""Pure. The required check: how every job ended, whether its record says so, and what counts.

GitHub takes a skipped job for a success; here a job that did not run needs a reason.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from engine_ci.bump import evidence, jobs
from engine_ci.bump.evidence import Evidence, differs
from engine_ci.bump.jobs import AGAIN, ARTIFACTS, GATE, METAL, OLDEST
from engine_ci.gate.judge import is_fatal
from engine_ci.records.change import Change
from engine_ci.records.decision import OVERRIDE_LABEL, Decision, Override
from engine_ci.records.doctor import Answer, Outcome
from engine_ci.records.gate import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine_ci.bump.evidence import Asked
    from engine_ci.records.gate import GateResult

Ended: TypeAlias = Literal["success", "failure", "cancelled", "skipped"]

# Beside those that start an engine: the one that says what they have to do, and its artifact; and
# one that has none.
CHANGES, LINUX = "changes", "linux"
JOBS: Final = (CHANGES, LINUX, *ARTIFACTS)
# Of the checks that failed.
_NAMED: Final = 3


def decide(
    needs: Mapping[str, Ended],
    asked: Asked,
    *,
    results: Mapping[str, Evidence | str],
    override: Override | str | None = None,
) -> Decision:
    """Whether the change may be merged, as far as the gate is concerned.

    Args:
        needs: how each job ended.
        asked: what they are about.
        results: by job, what it left; a text says why that cannot be read.
        override: a maintainer's word, or why what looks like one does not count.
    """
    found = {job: _found(job, needs, asked, results) for job in ARTIFACTS}
    answers = [
        _changes(needs.get(CHANGES), asked),
        _plain(LINUX, needs.get(LINUX)),
        *(_answer(job, found, needs, asked, override) for job in ARTIFACTS),
        *(_plain(job, needs[job]) for job in sorted(set(needs) - set(JOBS))),
    ]
    if isinstance(override, str):
        answers.append(_fail(OVERRIDE_LABEL, override))
    kept = override if isinstance(override, Override) else None
    return Decision(schema=1, commit=asked.head, answers=tuple(answers), override=kept)


def _changes(ended: Ended | None, asked: Asked) -> Answer:
    if ended != "success":
        return _ended(CHANGES, ended)
    if isinstance(asked.change, str):
        return _fail(CHANGES, asked.change)
    if asked.change.head != asked.head:
        return _fail(CHANGES, differs("the commit", asked.head, asked.change.head))
    if asked.change.strays:
        first, count = asked.change.strays[0], len(asked.change.strays)
        return _fail(CHANGES, f"not part of a bump: {first.path}: {first.why} ({count} in all)")
    kind = "a bump" if asked.change.bump else "no bump"
    moved = "moves a pin" if asked.change.pin_moved else "moves no pin"
    return Answer(id=CHANGES, outcome=Outcome.OK, observed=f"{kind}, {moved}")


def _plain(job: str, ended: Ended | None) -> Answer:
    if ended == "success":
        return Answer(id=job, outcome=Outcome.OK, observed="success")
    return _ended(job, ended)


def _found(
    job: str,
    needs: Mapping[str, Ended],
    asked: Asked,
    results: Mapping[str, Evidence | str],
) -> Verdict | str:
    """The verdict that a job stands for, or why it stands for none."""
    ended = needs.get(job)
    if ended not in ("success", "failure"):
        return _ended(job, ended).observed
    left = results.get(job, "it left no record")
    if isinstance(left, str):
        return f"{ended}; {left}"
    others = [each for other, each in results.items() if other != job]
    wrong = evidence.flaw(left, replace(asked, suites=jobs.asks(job, asked.suites)), others=others)
    if wrong is not None:
        return f"{ended}; its record does not hold: {wrong}"
    verdict = left.result.verdict
    # A doubt may have ended the job either way: a gate without a job's name fails with it.
    if (ended, verdict) == ("failure", Verdict.PASS):
        return "failure; its record says pass, so it failed before or after the gate"
    if verdict in (Verdict.FAIL, Verdict.ERROR):
        return f"the gate says {verdict}{_reasons(left.result)}"
    return verdict


def _reasons(result: GateResult) -> str:
    names = [check.id for check in result.checks if is_fatal(check)]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f": {', '.join(names[:_NAMED])}{more}" if names else ""


def _answer(
    job: str,
    found: Mapping[str, Verdict | str],
    needs: Mapping[str, Ended],
    asked: Asked,
    override: Override | str | None,
) -> Answer:
    verdict = found[job]
    if verdict is Verdict.PASS:
        return Answer(id=job, outcome=Outcome.OK, observed="pass")
    if verdict is Verdict.INCONCLUSIVE:
        return _doubt(job, found, asked, override)
    if needs.get(job) == "skipped" and (reason := _spared(job, found, asked)):
        return Answer(id=job, outcome=Outcome.OK, observed=reason)
    return _fail(job, str(verdict))


def _spared(job: str, found: Mapping[str, Verdict | str], asked: Asked) -> str:
    """Why a job was not to run; empty where it was."""
    if job == METAL:
        return "not asked for: no Mac with a GPU of its own is set up, or it is a fork's change"
    change = asked.change
    if isinstance(change, str) or change.head != asked.head:
        return ""
    if job == OLDEST and not change.pin_moved:
        return "not asked for: no pin moves"
    if job == AGAIN and not (change.bump and found[GATE] is Verdict.INCONCLUSIVE):
        return "not asked for: nothing of a bump was left in doubt"
    return ""


def _doubt(
    job: str,
    found: Mapping[str, Verdict | str],
    asked: Asked,
    override: Override | str | None,
) -> Answer:
    """An ordinary change may be in doubt; a bump needs another runner's pass, or a person."""
    told = "inconclusive: this host was too noisy, or there was nothing to compare with"
    other = next((each for each in (GATE, AGAIN) if found[each] is Verdict.PASS), None)
    if isinstance(asked.change, Change) and not asked.change.bump:
        return Answer(id=job, outcome=Outcome.WARN, observed=told)
    if other is not None:
        observed = f"inconclusive here, and pass on another runner: {other}"
        return Answer(id=job, outcome=Outcome.WARN, observed=observed)
    if isinstance(override, Override):
        observed = f"{told}; {override.by} answers for it since {override.at.isoformat()}"
        return Answer(id=job, outcome=Outcome.WARN, observed=observed)
    hint = (
        f"look at the results; a maintainer who answers for them sets the label {OVERRIDE_LABEL} "
        "and runs this job again"
    )
    return Answer(id=job, outcome=Outcome.FAIL, observed=told, hint=hint)


def _ended(job: str, ended: Ended | None) -> Answer:
    if ended is None:
        return _fail(job, "expected among the jobs that this one needs, found nothing of it")
    return _fail(job, ended)


def _fail(name: str, observed: str) -> Answer:
    return Answer(id=name, outcome=Outcome.FAIL, observed=observed)
