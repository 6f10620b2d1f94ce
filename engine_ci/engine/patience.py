"""How long an engine is waited for: as long as it computes, so that a busy host is no fault.

On a busy machine an honest engine gets little of the processor and answers late, yet all the while
it computes, or waits for a core to compute on. One that hangs does neither, and there is no reason
to wait out the time it was given.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

# Without an answer and without computing for so long, an engine has hung.
WINDOW_S = 8.0
_FIRST_S: Final = 0.5
# Of a window. Our own questions after its health cost an engine that hangs less.
_IDLE: Final = 0.02
# However busy the host is, nothing is waited for longer than so many times its time.
_STRETCH: Final = 4


class Effort(NamedTuple):
    """What an engine has had since its start.

    Attributes:
        computed_s: CPU seconds.
        waited_s: seconds in which it was ready to compute and had no core; 0 where the system does
            not tell.
    """

    computed_s: float
    waited_s: float = 0.0


class Patience:
    """One wait. It ends with `timeout_s` by the clock where the engine has computed as long.

    Earlier, when the engine makes no effort for a whole window; later, up to four times
    `timeout_s`, when it does and had less CPU time than that.
    """

    def __init__(
        self,
        timeout_s: float,
        *,
        effort: Callable[[], Effort] | None = None,
        window_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begins to wait.

        Args:
            timeout_s: what it takes at most on an idle machine.
            effort: what the engine has had so far; without it, only the clock counts.
            window_s: without any for so long, it has hung; if not given, `WINDOW_S`.
            clock: in seconds.
        """
        self._timeout_s = timeout_s
        self._clock = clock
        self._effort = effort
        self._window_s = min(window_s or WINDOW_S, timeout_s)
        self._computed_begin = self._effort_before = 0.0
        self._begin = clock()
        # To ask for it takes longer than most answers, so it is not asked for at once.
        self._first_s = min(_FIRST_S, self._window_s / 10)
        self._end = self._begin + (self._first_s if effort else timeout_s)
        self._measured = False

    def left(self) -> float:
        """Seconds to wait before this is asked again; none are left when it is 0."""
        now = self._clock()
        if now >= self._end and self._effort:
            self._end = now + self._more(self._effort(), now=now)
        return max(0.0, self._end - now)

    def waited(self) -> float:
        """Seconds since the beginning, by the clock."""
        return self._clock() - self._begin

    def _more(self, effort: Effort, *, now: float) -> float:
        """The seconds of another window, 0 where it would be in vain."""
        before, self._effort_before = self._effort_before, sum(effort)
        if not self._measured:
            self._measured, self._computed_begin = True, effort.computed_s
            return self._window_s - self._first_s
        in_window = self._effort_before - before
        waited = now - self._begin
        if in_window < _IDLE * self._window_s or waited >= _STRETCH * self._timeout_s:
            return 0.0
        had_its_time = min(waited, effort.computed_s - self._computed_begin) >= self._timeout_s
        return 0.0 if had_its_time else self._window_s
