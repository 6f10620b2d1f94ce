"""Shows faults of llama.cpp's history by hand, apart from the gate.

`python -m benchmarks.gate.history [NAME...]` asks each engine and the one that it is compared with
for what the report of the regression says, prints both answers, and keeps them in
`results/history/`.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import platformdirs

from benchmarks.gate import catalogue, engines
from benchmarks.gate.results import Shown, shown_file
from engine_ci.cli import models
from engine_ci.engine import supervisor
from engine_ci.engine.adapters.llama_server import LlamaServer
from engine_ci.engine.adapters.settings import Settings
from engine_ci.engine.tasks import Task
from engine_ci.errors import EngineAnswerError, EngineStartError
from engine_ci.gate import formats, zoo
from engine_ci.system import documents

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.gate.catalogue import Engine
    from engine_ci.engine.client import Client
    from engine_ci.engine.ready_engine import Engine as Running
    from engine_ci.gate.context import LocatedModel

MESSAGES: Final = ({"role": "user", "content": "What is the capital of France?"},)
LONG: Final = Settings(context=2048)
STRICT: Final = Settings(context=2048, strict=True)
OTHER: Final = 7  # a token that no prompt here has
LFM2: Final = zoo.template_folder() / "lfm2.jinja"


@dataclass(frozen=True, kw_only=True, slots=True)
class Regression:
    """One of history.

    Attributes:
        issue: the report, or the repair where there is none.
        repair: the change that ended it.
        builds: those that had it, as far as the sources in the index tell.
        model: that shows it.
        asked: what the one line of the answer is of.
        show: asks for that.
        real: a build that had it, where one is built.
        missed: why the gate passed it when it was first asked; "" where it did not.
    """

    issue: str
    repair: str
    builds: str
    model: str
    asked: str
    show: Callable[[Client], str]
    settings: Settings = LONG
    real: str = ""
    missed: str = ""


def loads(client: Client) -> str:
    """Whether it came this far."""
    return f"{client.props().total_slots} slot ready"


def null_parameter(client: Client) -> str:
    """The status of a chat whose temperature is null, and what an error says."""
    return _status(client, {"temperature": None})


def longest_text(client: Client) -> str:
    """The status of a chat with a tool that takes a text of up to 2,000 characters."""
    parameters = {
        "type": "object",
        "properties": {"text": {"type": "string", "maxLength": 2000}},
        "required": ["text"],
    }
    tool = {"type": "function", "function": {"name": "write", "parameters": parameters}}
    return _status(client, {"tools": [tool], "tool_choice": "required"})


def accents(client: Client) -> str:
    """How a word is split whose accent is a character of its own."""
    return _pieces(client, "cafe\u0301 nai\u0308ve")


def same_again(client: Client) -> str:
    """One token after a prompt, and after the same prompt."""
    prompt = _numbers(64)
    answers = [client.complete(prompt, count=1, cache=True).tokens for _ in range(2)]
    return f"{answers[0]}, then {answers[1]}"


def checkpoint_ahead(client: Client) -> str:
    """A prompt after a longer one that begins alike: how far its answer is from the fresh one."""
    long = _numbers(1200)
    short = [*long[:200], OTHER]
    fresh = client.complete(short, count=1, top=1).steps[0].logprob
    for length in (400, 800, 1200):
        client.complete(long[:length], count=1, cache=True)
    again = client.complete(short, count=1, top=1, cache=True).steps[0].logprob
    return f"log-probability {again:.3f}, with an empty cache {fresh:.3f}"


def checkpoint_evicted(client: Client) -> str:
    """A conversation of four turns, the third one edited: how many tokens are read again."""
    turns = _numbers(1200)
    for length in (300, 600, 900, 1200):
        client.complete(turns[:length], count=1, cache=True)
    edited_turns = [*turns[:600], *[OTHER] * 8]
    evaluated = client.complete(edited_turns, count=1, cache=True).evaluated
    return f"{evaluated} of {len(edited_turns)} tokens evaluated, 8 are new"


def tilde(client: Client) -> str:
    """How a text with tildes is split."""
    return _pieces(client, "see ~foo and ~/.bashrc ~ 5")


def python_call(client: Client) -> str:
    """What differs where a model calls tools as Python would write it."""
    return (
        "; ".join(formats.differences("lfm2", LFM2.read_text(encoding="utf-8"), client))
        or "nothing"
    )


def _status(client: Client, asked: Mapping[str, object]) -> str:
    body = {"messages": MESSAGES, "max_tokens": 4, **asked}
    reply = client.call("POST", "/v1/chat/completions", body=body)
    return f"{reply.status} {reply.json().get('error', {}).get('message', '')}".strip()


def _pieces(client: Client, text: str) -> str:
    return repr([piece.decode(errors="replace") for _, piece in client.pieces(text)])


REGRESSIONS: Final = {
    "b9802": Regression(
        issue="none found",
        repair="b9811",
        builds="b9802, repaired in b9811",
        model="sensitive-mamba2",
        asked="the model loads",
        show=loads,
    ),
    "25515-null-parameter": Regression(
        issue="#25515, since #24150",
        repair="#25538",
        builds="up to b9957, repaired in b9967",
        model="stable",
        asked="the status of a chat with `temperature: null`",
        missed="no question of the gate had a parameter that is null",
        show=null_parameter,
        real="b9811",
    ),
    "23280-same-prompt-again": Regression(
        issue="#23280",
        repair="#23280 (as #24110 left it)",
        builds="up to b9113, repaired in b9246",
        model="sensitive-falcon-h1",
        asked="one token after the same prompt, twice",
        missed="the same prompt was asked again, but after an answer of several tokens: it takes "
        "one of a single token",
        show=same_again,
    ),
    "24411-checkpoint-ahead": Regression(
        issue="#24411",
        repair="#24411",
        builds="up to b9592, repaired in b9596",
        model="sensitive-gemma3",
        asked="an answer after a longer conversation that began alike",
        missed="no model with a sliding window was asked for less of a prompt than it has in its "
        "cache",
        show=checkpoint_ahead,
        settings=STRICT,
    ),
    "24371-accents": Regression(
        issue="#24371",
        repair="#24371",
        builds="up to b9592, repaired in b9596",
        model="embedding-bert",
        asked="the pieces of a text with accents written apart",
        missed="every text that an embedding model was given had letter and accent in one "
        "character",
        show=accents,
        settings=Settings(task=Task.VECTORS),
    ),
    "25746-max-length": Regression(
        issue="#25746",
        repair="one line of b10830",
        builds="up to b10448, repaired in b10830",
        model="stable-tools",
        asked="the status of a chat with a tool that takes 2,000 characters",
        missed="no tool of the gate took a text with a limit",
        show=longest_text,
        real="b10423",
    ),
    "26658-half-escape": Regression(
        issue="#26658",
        repair="#26780",
        builds="up to b10355, repaired in b10362",
        model="echo",
        asked="what differs in a call of a tool, streamed, with an apostrophe that Python escapes",
        missed="no model of the gate could be made to write such a call",
        show=python_call,
        settings=Settings(extra=("--chat-template-file", str(LFM2))),
        real="b9811",
    ),
    "26972-tilde": Regression(
        issue="#26972",
        repair="#26972",
        builds="up to b10456, repaired in b10502",
        model="bpe-deepseek-v3",
        asked="the pieces of a text with tildes, by DeepSeek's rule",
        missed="the vocabulary had no token that joins a space and a tilde, so that the tokens "
        "were the same",
        show=tilde,
        real="b10423",
    ),
    "28302-checkpoint-evicted": Regression(
        issue="#28302, since #25472",
        repair="#28302",
        builds="b9981 to b10852, repaired in b10894; b9811 reads as much",
        model="sensitive-falcon-h1",
        asked="the third of four turns of a chat edited",
        missed="how much is read again was judged for a model that has nothing but attention; of "
        "one with a state, the answer alone was",
        show=checkpoint_evicted,
        real="b10423",
    ),
}


def main(names: Sequence[str]) -> None:
    """Shows all, or those named."""
    located, _ = models.located(cache=platformdirs.user_cache_path("engine-ci"))
    for engine in catalogue.engines(names or tuple(REGRESSIONS)):
        found = shown(engine, REGRESSIONS[engine.name], located=located)
        documents.write(shown_file(engine.name), documents.dump_json(found))
        print(f"{engine.name}\n  broken: {found.broken}\n  real:   {found.real}")
        print(f"  sound:  {found.sound}", flush=True)


def shown(engine: Engine, regression: Regression, *, located: Mapping[str, LocatedModel]) -> Shown:
    """What the engine answers, the one that it is compared with, and a build of that time."""
    said_by = partial(said, regression=regression, model=located[regression.model].path)
    return Shown(
        engine=engine.name,
        broken=said_by(engine.name),
        real=f"{regression.real}: {said_by(regression.real)}" if regression.real else "",
        sound=said_by(engine.baseline),
    )


def said(name: str, *, regression: Regression, model: Path) -> str:
    """What an engine answers, or how it fails."""
    (engine,) = catalogue.engines([name])
    server = LlamaServer.in_folder(engines.ensure(engine))
    with tempfile.TemporaryDirectory() as logs:
        log = Path(logs, "log")
        try:
            with supervisor.start(
                server, model=model, settings=regression.settings, log=log
            ) as running:
                return _answer(running, regression)
        except EngineStartError as problem:
            return str(problem)


def _answer(running: Running, regression: Regression) -> str:
    try:
        return regression.show(running.client)
    except EngineAnswerError as problem:
        return f"{problem}; the engine {running.stop()}" if not running.alive() else str(problem)


def _numbers(count: int) -> list[int]:
    """Tokens without a pattern, within every vocabulary of ours."""
    return [10 + (number * number * 31 + number * 17) % 211 for number in range(count)]


if __name__ == "__main__":
    main(sys.argv[1:])
