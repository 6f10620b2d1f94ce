"""Pure. The last screen of a gate that did not pass: what broke, who is suspected, what to do.

However much has failed, it fits a terminal: one check of each kind of fault comes first, the
gravest kind before the others, and what has no room is counted.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final, Literal

from engine_ci.gate.judge import is_fatal
from engine_ci.records.gate import UNKNOWN, FaultClass, Status, Verdict
from engine_ci.report import summary
from engine_ci.system.markdown import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from engine_ci.records.gate import Check, GateResult

Style = Literal["bad", "unsure", "name", "dim", ""]

# What explains other faults comes before them; the host's and our own are nobody's news.
_GRAVEST_FIRST: Final = (
    FaultClass.PACKAGING,
    FaultClass.MINIMUM_OS,
    FaultClass.CRASH_LOAD,
    FaultClass.CRASH_RUNTIME,
    FaultClass.FALSE_READY,
    FaultClass.CLI,
    FaultClass.FALLBACK,
    FaultClass.NUMERIC,
    FaultClass.TOKENIZER,
    FaultClass.CHAT_TEMPLATE,
    FaultClass.API,
    FaultClass.KV,
    FaultClass.ORPHAN,
    FaultClass.EXIT,
    FaultClass.MEMORY,
    FaultClass.LOAD_TIME,
    FaultClass.PERFORMANCE,
    FaultClass.HARNESS,
)
_ROOM: Final = 16  # lines for checks, of the 25 that the whole may have
_MOST_KINDS: Final = 4
_SUSPECT: Final = "drift/suspect"
_NEXT: Final = {
    Verdict.FAIL: (
        "each one's evidence is in the report; `--suite {suite}` asks it again",
        "for a build that is at fault: `engine-ci hold {version} --reason …`",
    ),
    Verdict.ERROR: ("this says nothing of the engine: mend it, and run the command again",),
    Verdict.INCONCLUSIVE: ("again, on a quieter machine; `--profile nightly` measures longer",),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line, and how its first word is to look where colours are wanted."""

    label: str
    text: str
    style: Style = "dim"


def lines(result: GateResult, *, folder: str) -> tuple[Line, ...]:
    """All of it, at most 25 lines; none for what passed.

    Args:
        result: of the gate.
        folder: where its files lie.
    """
    if result.verdict is Verdict.PASS:
        return ()
    told = _told(result)
    return (_headline(result, told), *_checks(told), *_suspects(result), *_places(result, folder))


def _told(result: GateResult) -> list[Check]:
    """The checks that decided, one of each kind of fault first."""
    if result.verdict is Verdict.FAIL:
        decided = [check for check in result.checks if is_fatal(check)]
    else:
        decided = [check for check in result.checks if check.status is Status.ERROR]
    graded = sorted(decided, key=lambda check: _GRAVEST_FIRST.index(check.fault_class))
    kinds = (list(group) for _, group in groupby(graded, key=lambda check: check.fault_class))
    placed = [(at, check) for kind in kinds for at, check in enumerate(kind)]
    return [check for _, check in sorted(placed, key=lambda pair: pair[0])]


def _headline(result: GateResult, told: Sequence[Check]) -> Line:
    """The verdict, on whom, and how many checks say so."""
    engines = result.engines
    against = f" against {engines.baseline.version}" if engines.baseline else ""
    who = f"{engines.candidate.pin} {engines.candidate.version}{against}"
    if not told:
        return Line(_verdict(result), f"{who}: {summary.headline(result)}", _tone(result))
    word = "failed" if result.verdict is Verdict.FAIL else "could not be asked"
    counted = f"{len(told)} of {len(result.checks)} checks {word}"
    return Line(_verdict(result), f"{who}: {counted}", _tone(result))


def _verdict(result: GateResult) -> str:
    return result.verdict.upper()


def _tone(result: GateResult) -> Style:
    return "bad" if result.verdict is Verdict.FAIL else "unsure"


def _checks(told: Sequence[Check]) -> Iterator[Line]:
    """As many as there is room for, and what the others are."""
    room, shown = _ROOM, 0
    for check in told:
        block = tuple(_check(check))
        room -= len(block)
        if room < 0:
            break
        shown += 1
        yield from block
    if left := told[shown:]:
        yield Line("and", f"{len(left)} more: {_kinds(left)}")


def _check(check: Check) -> Iterator[Line]:
    yield Line(check.id, f"({check.fault_class})", "name")
    yield Line("  expected", visible(check.expected))
    yield Line("  observed", visible(_one_line(check.observed)))
    if last := check.detail.strip().splitlines()[-1:]:
        yield Line("  evidence", visible(last[0].strip()))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _kinds(checks: Iterable[Check]) -> str:
    """How many are of which kind of fault, the most frequent ones by name."""
    counts = Counter(check.fault_class for check in checks).most_common()
    named = [f"{count} {kind}" for kind, count in counts[:_MOST_KINDS]]
    return ", ".join([*named, *(["…"] if len(counts) > _MOST_KINDS else [])])


def _suspects(result: GateResult) -> Iterator[Line]:
    """The operations that would account for all that moved, where the gate names some."""
    for check in result.checks:
        if check.id == _SUSPECT and check.status is Status.WARN:
            yield Line("suspect", visible(check.observed.removeprefix("suspect: ")))


def _places(result: GateResult, folder: str) -> Iterator[Line]:
    yield Line("report", f"{folder}/gate.html")
    yield Line("all of it", f"{folder}/gate.json, and {folder}/logs")
    values = {"version": result.engines.candidate.version, "suite": _first_suite(result)}
    for label, words in zip(("next", ""), _NEXT[result.verdict], strict=False):
        # What has no version cannot be held.
        if "{version}" in words and result.engines.candidate.version == UNKNOWN:
            continue
        yield Line(label, words.format_map(values))


def _first_suite(result: GateResult) -> str:
    return next((check.suite for check in _told(result)), "")
