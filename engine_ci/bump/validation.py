"""Pure. What the gate ran, what it did not run, and what a reviewer should worry about."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine_ci.bump.changes import closure
from engine_ci.config import ALL_SUITES
from engine_ci.gate.metal import kernels
from engine_ci.records.gate import SPEED, Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engine_ci.bump.changes import Changes, Closure
    from engine_ci.pins.model import Pin
    from engine_ci.records.bundle import Bundle
    from engine_ci.records.candidate import Candidate
    from engine_ci.records.gate import Check, GateResult
    from engine_ci.records.upstream import Names

_ANSWERED = (Status.PASS, Status.WARN, Status.FAIL)
# Beyond this, a bundle's growth is worth a look.
_GROWTH = 1.1


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """Something to say about `subject`, which is a name out of records and shown as code."""

    subject: str
    text: str


def tier(result: GateResult) -> Note:
    """How far the validation went: `compared`, `partial` or `absolute`, and what that means."""
    if result.engines.baseline is None:
        text = "no pinned engine to compare with: the proposed one was held to fixed answers only"
        return Note(subject="absolute", text=text)
    # How it started and what the host was like is nothing about its speed.
    answered = {note.subject for note in ran(result)} - {SPEED}
    if result.performance:
        answered.add(SPEED)
    left_out = [suite for suite in ALL_SUITES if suite not in answered]
    if left_out:
        text = f"both engines were asked, and nothing was learnt of {', '.join(left_out)}"
        return Note(subject="partial", text=text)
    return Note(subject="compared", text="both engines were asked, in all suites")


def ran(result: GateResult) -> tuple[Note, ...]:
    """One note per suite that answered something, in the gate's order."""
    suites = dict.fromkeys(check.suite for check in result.checks)
    counts = {
        suite: Counter(check.status for check in result.checks if check.suite == suite)
        for suite in suites
    }
    return tuple(
        Note(subject=suite, text=", ".join(f"{count[status]} {status}" for status in count))
        for suite, count in counts.items()
        if any(count[status] for status in _ANSWERED)
    )


def not_run(result: GateResult, *, pin: Pin) -> tuple[Note, ...]:
    """What a reviewer may not take for tested, with the reason."""
    here = result.engines.candidate.platform
    return (
        *(
            _untested(platform, made=asset.tree_sha256 is not None, here=here)
            for platform, asset in pin.platforms.items()
            if platform != here
        ),
        *_metal(result),
        *_missing_suites(result),
        *(Note(subject=check.id, text=_told(check)) for check in _with(result, Status.SKIP)),
        *(Note(subject=check.id, text=_told(check)) for check in _with(result, Status.ERROR)),
    )


def reasons(result: GateResult) -> tuple[Note, ...]:
    """Why the gate's verdict is not `pass`, most telling first; empty when it is."""
    if result.verdict is Verdict.PASS:
        return ()
    wanted = Status.FAIL if result.verdict is Verdict.FAIL else Status.ERROR
    blocking = [check for check in _with(result, wanted) if check.blocking]
    found = [
        Note(subject=check.id, text=f"expected {check.expected}, observed {check.observed}")
        for check in blocking
    ]
    return tuple(found) or tuple(_undecided(result)) or (_UNEXPLAINED,)


def risks(
    *,
    old: Pin,
    new: Pin,
    candidate: Candidate,
    bundle: Bundle,
    changes: Changes,
    elsewhere: Sequence[Note],
    result: GateResult,
    argv: Sequence[str],
) -> tuple[Note, ...]:
    """What may still go wrong, most telling first; `elsewhere` is what changed for others."""
    return (
        *_lost_flags(changes, argv=argv),
        *elsewhere,
        *(_lost("model architecture", changes.closure.architectures) if changes.closure else ()),
        *(Note(subject=check.id, text=_told(check)) for check in _with(result, Status.WARN)),
        *_growth(changes),
        *_known_of(candidate),
        *(
            Note(subject=finding.path, text=f"audit {finding.level}: {finding.message}")
            for finding in bundle.findings
            if finding.level != "note"
        ),
        *(
            Note(subject=refusal.version, text=f"newer, and refused: {refusal.reason}")
            for refusal in candidate.refused
        ),
        *_commit(old, new),
    )


def changed_elsewhere(bundles: Sequence[tuple[Bundle | None, Bundle]]) -> tuple[Note, ...]:
    """What changed in bundles for other platforms, each with the pinned one where there is one."""
    notes = []
    for before, after in bundles:
        if before is None:
            text = "there is no bundle of the pinned engine to compare with"
            notes.append(Note(subject=after.platform, text=text))
            continue
        found = closure(before, after)
        for what, names in (
            ("files added", [file.path for file in found.added]),
            ("files removed", [file.path for file in found.removed]),
            ("the system must now have", _demanded(found)),
        ):
            if names:
                notes.append(Note(subject=after.platform, text=f"{what}: {_named(names)}"))
    return tuple(notes)


def _demanded(found: Closure) -> list[str]:
    """What is new, versions of systems before names of symbols, of which there may be many."""
    gained = found.demands.gained if found.demands else ()
    return sorted(gained, key=lambda name: name.startswith("_"))


def _named(names: Sequence[str], *, most: int = 8) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


_UNEXPLAINED = Note(subject="gate", text="it could not tell, and no check says why")


def _untested(platform: str, *, made: bool, here: str) -> Note:
    kernels = ", Metal kernels among it" if platform.startswith("macos") else ""
    done = (
        "its bundle was made and audited"
        if made
        else "its file was hashed, its bundle not made here,"
    )
    text = f"{done} and nothing of it was started{kernels}: this gate ran on {here}"
    return Note(subject=platform, text=text)


def _metal(result: GateResult) -> Iterator[Note]:
    """Of this platform; of others nothing was started at all."""
    engine = result.engines.candidate
    found = kernels(engine)
    if engine.platform.startswith("macos") and found.state == "not-run":
        yield Note(subject="Metal kernels", text=f"not run: {found.why}")


def _missing_suites(result: GateResult) -> Iterator[Note]:
    for suite in ALL_SUITES:
        if suite not in result.suites:
            yield Note(subject=suite, text="the suite was not part of this run")


def _with(result: GateResult, status: Status) -> list[Check]:
    return [check for check in result.checks if check.status is status]


def _told(check: Check) -> str:
    first = (check.detail.strip().splitlines() or [""])[0]
    return f"{check.status}: {check.observed or first or 'no reason was given'}"


def _undecided(result: GateResult) -> Iterator[Note]:
    """What kept the gate from telling."""
    if result.engines.baseline is None:
        yield Note(subject="baseline", text="the pinned engine could not run: nothing was compared")
    unclear = [measured for measured in result.performance if measured.verdict == "inconclusive"]
    for measured in unclear:
        text = (
            f"the speed ratio is {measured.ratio:.3f}, anywhere from {measured.low:.3f} to "
            f"{measured.high:.3f} after {measured.pairs} pairs: too noisy to tell"
        )
        yield Note(subject=measured.metric, text=text)
    said = {f"{SPEED}/{measured.metric}" for measured in unclear}
    for check in result.checks:
        unsure = check.suite == SPEED and check.status is not Status.PASS
        if unsure and check.id not in said:
            yield Note(subject=check.id, text=_told(check))


def _lost_flags(changes: Changes, *, argv: Sequence[str]) -> Iterator[Note]:
    lost = changes.flags.lost if changes.flags else ()
    used = {word.partition("=")[0] for word in argv}
    for flag in sorted(lost, key=lambda flag: flag not in used):
        breaking = "breaking: the flag is gone, and the app passes it"
        yield Note(subject=flag, text=breaking if flag in used else "the flag is gone")


def _lost(what: str, names: Names | None) -> Iterator[Note]:
    for name in names.lost if names else ():
        yield Note(subject=name, text=f"the {what} is gone")


def _growth(changes: Changes) -> Iterator[Note]:
    closure = changes.closure
    if closure and closure.after > closure.before * _GROWTH:
        grown = closure.after / closure.before - 1
        yield Note(subject="bundle", text=f"it grows by {grown:.0%}")


def _known_of(candidate: Candidate) -> Iterator[Note]:
    for fault in candidate.upstream.regressions if candidate.upstream else ():
        builds = f"b{fault.first} to b{fault.last}"
        yield Note(subject=builds, text=f"known upstream: {fault.what} ({fault.link})")


def _commit(old: Pin, new: Pin) -> Iterator[Note]:
    if new.commit.abbreviated:
        text = f"only {len(new.commit.id)} digits of the upstream commit are known"
        yield Note(subject=new.commit.id, text=text)
    if new.commit.same_as(old.commit):
        text = "the upstream commit is the pinned one: only the packaging differs"
        yield Note(subject=new.commit.id, text=text)
