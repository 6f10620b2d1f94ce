"""Pure. What both renderings say about a gate result, and in which order."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine_ci.gate.judge import is_fatal
from engine_ci.gate.metal import kernels
from engine_ci.records.gate import Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine_ci.records.gate import Check, EngineFacts, GateResult, Measurement

# A report must fit into a pull request; the whole evidence is in `gate.json` and the logs.
LONGEST_LINE = 300
MOST_LINES = 40
MOST_NAMES = 5

_WORST_FIRST = (Status.FAIL, Status.ERROR, Status.WARN, Status.SKIP, Status.PASS)
_TO_READ = (Status.FAIL, Status.ERROR, Status.WARN)
# As servers, loaders and C's library say it.
_AMISS = re.compile(
    r"error|fail|abort|assert|fatal|exception|invalid|corrupt|terminat|cannot|unable|not found"
    r"|undefined symbol|overflow|segmentation|illegal|died|killed|SIG[A-Z]{3}",
    re.IGNORECASE,
)
_WORDS = {
    Status.FAIL: "failed",
    Status.ERROR: "could not be asked",
    Status.WARN: "warned",
    Status.SKIP: "skipped",
    Status.PASS: "passed",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Suite:
    """The checks of one suite, the worst first."""

    name: str
    checks: tuple[Check, ...]

    @property
    def tally(self) -> str:
        """How many came out how: `1 failed, 5 passed`."""
        return tally(self.checks)

    @property
    def needs_reading(self) -> bool:
        """Whether something other than a pass or a skip is in it."""
        return any(check.status in _TO_READ for check in self.checks)


def suites(result: GateResult) -> list[Suite]:
    """All checks by suite: the suite with the worst check first, else as they were asked."""
    names = dict.fromkeys(check.suite for check in result.checks)
    found = [
        Suite(name=name, checks=_sorted(check for check in result.checks if check.suite == name))
        for name in names
    ]
    return sorted(found, key=lambda suite: _rank(suite.checks[0]))


def skipped(result: GateResult) -> list[Check]:
    """What was not asked."""
    return [check for check in result.checks if check.status is Status.SKIP]


def evidence(result: GateResult) -> list[Check]:
    """The checks that a reader wants to see more of, the worst first."""
    return [check for check in _sorted(result.checks) if check.status in _TO_READ and check.detail]


def headline(result: GateResult) -> str:
    """Why the verdict is what it is, in one sentence without a final period."""
    if result.verdict is Verdict.PASS:
        return "Nothing got worse"
    if result.verdict is Verdict.FAIL:
        return f"Failed: {_names(check for check in result.checks if is_fatal(check))}"
    if result.verdict is Verdict.ERROR:
        errors = [check for check in result.checks if check.status is Status.ERROR]
        return f"Could not be asked: {_names(errors)}" if errors else "No check was run"
    return _undecided(result)


def tally(checks: Iterable[Check]) -> str:
    """How many checks came out how, the worst first."""
    counts = Counter(check.status for check in checks)
    found = [f"{counts[status]} {_WORDS[status]}" for status in _WORST_FIRST if counts[status]]
    return ", ".join(found) or "none"


def build(engine: EngineFacts) -> str:
    """Upstream's build, `b11194`, or that it is unknown."""
    return f"b{engine.build}" if engine.build else "unknown"


def commit(engine: EngineFacts) -> str:
    """The upstream commit; an ellipsis stands for the digits that are not known."""
    if engine.commit is None:
        return "unknown"
    return f"{engine.commit}…" if engine.commit.abbreviated else str(engine.commit)


def bounds(measurement: Measurement) -> str:
    """The interval that the ratio is in: `0.981 to 1.012`."""
    return f"{measurement.low:.3f} to {measurement.high:.3f}"


def memory(size: int) -> str:
    """Bytes of memory as people say them."""
    return f"{size / 2**30:.1f} GiB"


def size(size: float) -> str:
    """Bytes of a file as people say them."""
    return f"{size / 2**20:.2f} MiB" if size >= 2**20 else f"{size / 2**10:.1f} KiB"


def more(change: int) -> str:
    """How many bytes more, or fewer; "" where there are as many."""
    return f"{'+' if change > 0 else '-'}{size(abs(change))}" if change else ""


def log(text: str) -> list[tuple[str, bool]]:
    """The lines of an excerpt, and whether each tells of something that went wrong."""
    return [(line, bool(_AMISS.search(line))) for line in excerpt(text).splitlines()]


def to_read(result: GateResult) -> list[Check]:
    """What did not come out well, the worst first."""
    return [check for check in _sorted(result.checks) if check.status in _TO_READ]


def status(check: Check) -> str:
    """The status, and whether a failure counts."""
    blocks = check.blocking or check.status is not Status.FAIL
    return str(check.status) if blocks else f"{check.status}, not blocking"


def shortened(text: str) -> str:
    """One line, cut where nobody reads on."""
    return text if len(text) <= LONGEST_LINE else f"{text[:LONGEST_LINE]} …"


def excerpt(text: str) -> str:
    """The last lines of a text, each cut: the end of a log tells most."""
    lines = text.rstrip().splitlines()
    left_out = len(lines) - MOST_LINES
    note = [f"… {left_out} lines before"] if left_out > 0 else []
    return "\n".join([*note, *map(shortened, lines[-MOST_LINES:])])


def _undecided(result: GateResult) -> str:
    unsure = [item.metric for item in result.performance if item.verdict == "inconclusive"]
    reasons = [
        *([] if result.engines.baseline else ["There was no baseline to compare with"]),
        *([f"Too noisy to tell: {', '.join(unsure)}"] if unsure else []),
    ]
    return ". ".join(reasons) or "The checks do not say why"


def _names(checks: Iterable[Check]) -> str:
    names = [check.id for check in checks]
    rest = [f"and {len(names) - MOST_NAMES} more"] if len(names) > MOST_NAMES else []
    return ", ".join([*names[:MOST_NAMES], *rest])


def _sorted(checks: Iterable[Check]) -> tuple[Check, ...]:
    return tuple(sorted(checks, key=_rank))


def _rank(check: Check) -> int:
    return _WORST_FIRST.index(check.status)


def metal(result: GateResult) -> str:
    """Whether kernels for Metal ran; nothing of an engine for another system."""
    engine = result.engines.candidate
    if not engine.platform.startswith("macos"):
        return ""
    found = kernels(engine)
    return "ran" if found.state == "ran" else f"not run: {found.why}"
