"""Pure. How often a crashed engine is started again, and how long after the crash."""

from __future__ import annotations

from dataclasses import dataclass

# A wait that has doubled so often is longer than any; more would leave the range of a float.
_DOUBLINGS = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """How an engine is kept up.

    Attributes:
        budget: restarts in a row; with 0 the first crash is the end.
        first_s: seconds from the first crash to the next start; they double with every further one.
        longest_s: the most that they grow to.
        stable_s: seconds of readiness after which earlier crashes no longer count.
        health_every_s: seconds between two questions after its health; None asks nothing.
        health_limit_s: seconds in which it has to answer, as `Patience` counts them.
    """

    budget: int = 3
    first_s: float = 0.5
    longest_s: float = 10.0
    stable_s: float = 60.0
    health_every_s: float | None = 5.0
    health_limit_s: float = 15.0

    def backoff_s(self, crashes: int) -> float:
        """Seconds to wait after so many crashes in a row, at least 1."""
        doubled = self.first_s * 2.0 ** min(crashes - 1, _DOUBLINGS)
        return min(self.longest_s, doubled)

    def next_check(self, now: float) -> float | None:
        """When the health is asked for next, if ever."""
        return None if self.health_every_s is None else now + self.health_every_s

    def crashes(self, before: int, *, ready_s: float) -> int:
        """Crashes in a row with the one of an engine that was ready for `ready_s` seconds."""
        return 1 if ready_s >= self.stable_s else before + 1


# One start whose crash is the end, and of which nothing is asked: for those who look themselves.
ONCE = Policy(budget=0, health_every_s=None)
