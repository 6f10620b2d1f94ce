"""One engine runs at a time, and none is left behind."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

import pytest

from engine_ci.engine.swap import Collated, InOrder, Request
from engine_ci.engine.swapping import served
from engine_ci.errors import EngineStartError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine_ci.engine.ready_engine import Engine

REQUESTS = [Request(name=f"{number}", engine=engine) for number, engine in enumerate("ABAB")]


class Launcher:
    """Gives names in place of engines, and keeps what happens to them."""

    def __init__(self) -> None:
        self.told: list[str] = []

    @contextmanager
    def __call__(self, name: str) -> Iterator[Engine]:
        if name == "broken":
            raise EngineStartError("it does not start")
        self.told.append(f"+{name}")
        try:
            yield cast("Engine", name)
        finally:
            self.told.append(f"-{name}")


@pytest.fixture
def launch() -> Launcher:
    return Launcher()


def test_each_request_gets_its_engine(launch: Launcher) -> None:
    found = [
        (request.name, str(engine))
        for request, engine in served(REQUESTS, strategy=Collated(), launch=launch)
    ]
    assert found == [("0", "A"), ("2", "A"), ("1", "B"), ("3", "B")]


def test_an_engine_ends_before_the_next_is_started(launch: Launcher) -> None:
    assert len(list(served(REQUESTS, strategy=InOrder(), launch=launch))) == 4
    assert launch.told == ["+A", "-A", "+B", "-B"] * 2


def test_the_engine_ends_when_nobody_goes_on(launch: Launcher) -> None:
    serving = served(REQUESTS, strategy=Collated(), launch=launch)
    next(serving)
    serving.close()
    assert launch.told == ["+A", "-A"]


def test_an_engine_that_does_not_start_is_said(launch: Launcher) -> None:
    serving = served(
        [*REQUESTS[:1], Request(name="bad", engine="broken")], strategy=Collated(), launch=launch
    )
    next(serving)
    with pytest.raises(EngineStartError):
        next(serving)
    assert launch.told == ["+A", "-A"]
