"""Shows regressions of llama.cpp's history by hand, apart from the gate.

`python -m benchmarks.gate.history [NAME...]` asks each engine and the one that it is compared with
for what the report of the regression says, prints both answers, and keeps them in
`results/history/`.
"""

from __future__ import annotations

import json
import struct
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import platformdirs

from benchmarks.gate import catalogue, engines
from benchmarks.gate.results import Shown, shown_file
from engine_ci.cli import models
from engine_ci.engine import supervisor
from engine_ci.engine.adapters.llama_server import LlamaServer, Settings
from engine_ci.engine.client import GREEDY
from engine_ci.errors import EngineError
from engine_ci.system import documents

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.gate.catalogue import Engine
    from engine_ci.engine.client import Client

CHAT: Final = "/v1/chat/completions"
MESSAGES: Final = ({"role": "user", "content": "What is the capital of France?"},)
OTHER: Final = 7  # a token that no prompt here has


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
        edits: bytes of the model that others take the place of, equally many, where no model of the
            zoo shows it.
    """

    issue: str
    repair: str
    builds: str
    model: str
    asked: str
    show: Callable[[Client], str]
    settings: Settings = Settings(context=2048)
    edits: tuple[tuple[bytes, bytes], ...] = ()


def _text(text: str) -> bytes:
    """A text as a GGUF has it."""
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def loads(client: Client) -> str:
    """Whether it came this far."""
    return f"{client.props().total_slots} slot ready"


def null_parameter(client: Client) -> str:
    """The status of a chat whose temperature is null, and what an error says."""
    reply = client.call(
        "POST", CHAT, body={"messages": MESSAGES, "temperature": None, "max_tokens": 4}
    )
    said = reply.json()
    return f"{reply.status} {said.get('error', {}).get('message', '')}".strip()


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


def streamed_escape(client: Client) -> str:
    """The arguments of a tool call whose text has a line end and a quotation mark, streamed."""
    text = 'one\ntwo "three" \u00e9'
    tool = {
        "type": "function",
        "function": {
            "name": "write",
            "parameters": {
                "type": "object",
                "properties": {"text": {"type": "string", "enum": [text]}},
                "required": ["text"],
            },
        },
    }
    (brace,) = client.tokenize("{")
    body: dict[str, Any] = GREEDY | {
        "messages": MESSAGES,
        "max_tokens": 400,
        "tools": [tool],
        "tool_choice": "required",
        "logit_bias": {str(brace): 100},
        "stream": True,
    }
    arguments = "".join(
        call["function"].get("arguments", "")
        for line in client.lines(CHAT, body=body)
        if line.startswith(b"data: {")
        for choice in json.loads(line[6:]).get("choices", [])
        for call in choice["delta"].get("tool_calls", [])
        if call["index"] == 0
    )
    try:
        json.loads(arguments)
    except ValueError as problem:
        return f"{arguments!r} is not JSON: {problem}"
    return f"{arguments!r} is JSON"


def tilde(client: Client) -> str:
    """How a text with tildes is split."""
    text = "see ~foo and ~/.bashrc ~ 5"
    return repr([piece.decode(errors="replace") for _, piece in client.pieces(text)])


REGRESSIONS: Final = {
    "b9802": Regression(
        issue="none found",
        repair="the sources of b9811",
        builds="b9802",
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
        show=null_parameter,
    ),
    "23280-same-prompt-again": Regression(
        issue="#23280",
        repair="#23280, #24110",
        builds="",
        model="sensitive-falcon-h1",
        asked="one token after the same prompt, twice",
        show=same_again,
    ),
    "24411-checkpoint-ahead": Regression(
        issue="#24411",
        repair="#24411",
        builds="up to b9592, repaired in b9596",
        model="sensitive-gemma3",
        asked="an answer after a longer conversation that began alike",
        show=checkpoint_ahead,
        settings=Settings(context=2048, strict=True),
    ),
    "26658-streamed-escape": Regression(
        issue="#26658",
        repair="#26780",
        builds="up to b10355, repaired in b10362",
        model="stable-tools",
        asked="the streamed arguments of a tool call",
        show=streamed_escape,
    ),
    "26972-tilde": Regression(
        issue="#26972",
        repair="#26972",
        builds="",
        model="bpe-deepseek-v3",
        asked="the pieces of a text with tildes, where the vocabulary has ` ~`, as DeepSeek's has",
        show=tilde,
        edits=(
            (_text("e \u0120"), _text("\u0120 ~")),
            (_text("e\u0120"), _text("\u0120~")),
        ),
    ),
    "28302-checkpoint-evicted": Regression(
        issue="#28302, since #25472",
        repair="#28302",
        builds="",
        model="sensitive-falcon-h1",
        asked="the third of four turns of a chat edited",
        show=checkpoint_evicted,
    ),
}


def main(names: Sequence[str]) -> None:
    """Shows all, or those named."""
    located, _ = models.located(cache=platformdirs.user_cache_path("engine-ci"))
    for engine in catalogue.engines(names or tuple(REGRESSIONS)):
        regression = REGRESSIONS[engine.name]
        (baseline,) = catalogue.engines([engine.baseline])
        with tempfile.TemporaryDirectory() as folder:
            model = edited(located[regression.model].path, regression.edits, folder=Path(folder))
            found = Shown(
                engine=engine.name,
                broken=said(engine, regression, model=model),
                sound=said(baseline, regression, model=model),
            )
        documents.write(shown_file(engine.name), documents.dump_json(found))
        print(f"{engine.name}\n  broken: {found.broken}\n  sound:  {found.sound}", flush=True)


def edited(model: Path, edits: Sequence[tuple[bytes, bytes]], *, folder: Path) -> Path:
    """A copy of the model with the edits in it; the model itself where there are none."""
    if not edits:
        return model
    data = model.read_bytes()
    for old, new in edits:
        data = data.replace(old, new)
    copy = folder / model.name
    copy.write_bytes(data)
    return copy


def said(engine: Engine, regression: Regression, *, model: Path) -> str:
    """What an engine answers, or how it fails."""
    server = LlamaServer.in_folder(engines.ensure(engine))
    with tempfile.TemporaryDirectory() as logs:
        try:
            with supervisor.start(
                server, model=model, settings=regression.settings, log=Path(logs, "log")
            ) as running:
                try:
                    return regression.show(running.client)
                except EngineError as problem:
                    ended = "" if running.alive() else f"; the server ended: {running.stop()}"
                    return f"{problem}{ended}"
        except EngineError as problem:
            return str(problem)


def _numbers(count: int) -> list[int]:
    """Tokens without a pattern, within every vocabulary of ours."""
    return [10 + (number * number * 31 + number * 17) % 211 for number in range(count)]


if __name__ == "__main__":
    main(sys.argv[1:])
