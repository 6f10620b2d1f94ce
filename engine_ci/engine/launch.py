"""What a runtime has to know of an engine, and of one start of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from engine_ci.errors import EngineCIError


class Running(Protocol):
    """What has to be known of a ready engine."""

    @property
    def address(self) -> str:
        """Where it answers."""

    def outlive(self) -> EngineCIError:
        """Waits until it has ended, and says how."""

    def ailment(self, *, timeout_s: float) -> str | None:
        """What is wrong with its health; no answer in that time is, too."""


RunningT = TypeVar("RunningT", bound=Running)
RunningT_co = TypeVar("RunningT_co", bound=Running, covariant=True)


class Launch(Protocol[RunningT_co]):
    """One start of an engine. To enter is to wait until it is ready, to leave is to end it.

    Where entering raises an error, nothing is left of it either.
    """

    def __enter__(self) -> RunningT_co: ...

    def __exit__(self, *_: object) -> None: ...

    def end(self, *, at_once: bool) -> None:
        """Ends it, whatever it is at, from another thread; `at_once` without any grace."""


@dataclass(eq=False)
class Life(Generic[RunningT]):
    """One engine from its start to its end."""

    launch: Launch[RunningT]
    engine: RunningT | None = None
    problem: Exception | None = None
