"""How far a gate is: suites that have ended, of those asked, and checks that were made."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import TypeVar

    T = TypeVar("T")

    # Told of the suites that have ended, of how many, and of the checks so far.
    Told = Callable[[int, int, int], None]


class Tally:
    """Counts, in whatever threads the suites run."""

    def __init__(self, suites: int, *, told: Told) -> None:
        self._suites = suites
        self._told = told
        self._lock = Lock()
        self._ended = self._answers = 0

    def counted(self, answers: Iterable[T]) -> Iterator[T]:
        """The answers of one suite."""
        for answer in answers:
            self._add(answers=1)
            yield answer
        self._add(ended=1)

    def _add(self, *, ended: int = 0, answers: int = 0) -> None:
        with self._lock:
            self._ended += ended
            self._answers += answers
            self._told(self._ended, self._suites, self._answers)
