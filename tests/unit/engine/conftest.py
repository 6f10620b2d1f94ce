"""Small real programs that stand in for a `llama-server`."""

from __future__ import annotations

import json
import os
import select
import stat
import sys
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from engine_ci.engine import supervisor
from engine_ci.engine.adapters.contract import Command
from engine_ci.engine.states import Ready

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from engine_ci.engine.ready_engine import Engine
    from engine_ci.engine.runtime import Runtime

    Run = Callable[..., AbstractContextManager[Engine]]
    StandIn = Callable[..., Path]

# A server as honest as it is small. What a test adds comes before it serves and can change all of
# it, or never let it come to that. It holds `life` open, as do all of its children.
_PROGRAM = """#!{python} -IS
import json, os, signal, socket, sys, threading

signal.alarm(60)  # whatever becomes of the test
life = os.open({life!r}, os.O_WRONLY)
os.set_inheritable(life, True)
options = dict(zip(sys.argv, sys.argv[1:]))
port, model = int(options.get("--port", 0)), options.get("-m", "")
answers = {{
    "/health": {{"status": "ok"}},
    "/slots": [],
    "/props": {{"model_path": model, "total_slots": 1, "build_info": "b1-0", "chat_template": ""}},
    "/completion": {{"content": "a", "tokens": [1], "stop_type": "limit"}},
}}
status = dict.fromkeys(answers, 200)


def never():
    signal.alarm(60)
    while True:
        signal.pause()


def serve():
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen()
    print("listening on", port, flush=True)
    while True:
        connection, _ = listener.accept()
        stream = connection.makefile("rwb")
        if not (line := stream.readline()):
            continue  # whoever connected has given up
        path = line.split()[1].decode()
        length = 0
        while (line := stream.readline().strip()):
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        stream.read(length)
        answer = answers[path]
        answer = answer() if callable(answer) else answer
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        head = f"HTTP/1.1 {{status[path]}} X\\r\\nContent-Length: {{len(body)}}\\r\\n\\r\\n"
        stream.write(head.encode() + body)
        stream.close()
        connection.close()


{change}
serve()
"""


class Life:
    """A pipe that every stand-in holds open: its end is the end of the last of them."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        self._ends = [os.open(path, os.O_RDONLY | os.O_NONBLOCK)]
        # A pipe that nobody has opened for writing yet has no end to be seen.
        self._ends.append(os.open(path, os.O_WRONLY))

    def is_over(self, *, within_s: float = 10.0) -> bool:
        """Whether all have ended within that time."""
        while len(self._ends) > 1:
            os.close(self._ends.pop())
        readable, _, _ = select.select(self._ends, [], [], within_s)
        return bool(readable) and os.read(self._ends[0], 1) == b""

    def close(self) -> None:
        for end in self._ends:
            os.close(end)


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    made = Life(tmp_path / "life")
    yield made
    made.close()


@pytest.fixture
def stand_in(tmp_path: Path, life: Life) -> StandIn:
    """`stand_in("sys.exit(3)")` is the path of a program that does this instead of serving."""

    return partial(write_stand_in, tmp_path / "llama-server", life)


def write_stand_in(program: Path, life: Life, change: str = "") -> Path:
    """Writes a program that does this before it serves."""
    program.write_text(_PROGRAM.format(python=sys.executable, life=str(life.path), change=change))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def command(program: Path, *, model: Path) -> Command:
    """A start of such a program."""
    return Command(
        program=program,
        arguments=lambda port: ("-m", str(model), "--port", str(port)),
        model=model,
    )


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A file that a stand-in says it serves."""
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF" + bytes(20))
    return path


@pytest.fixture
def run(tmp_path: Path, model: Path) -> Run:
    """`run(program, grace_s=1)` is a context in which that program is a ready engine."""

    def running(
        program: Path,
        *,
        port: int | None = None,
        ready_timeout_s: float = 60.0,
        grace_s: float = 5.0,
    ) -> AbstractContextManager[Engine]:
        return supervisor.running(
            command(program, model=model),
            log=tmp_path / "log",
            port=port,
            ready_timeout_s=ready_timeout_s,
            grace_s=grace_s,
        )

    return running


class Canned:
    """A server in this process: what it answers by path, and what it was asked.

    An answer is an object (sent as JSON), bytes, or a pair of a status and either.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[tuple[str, Any]] = []
        canned = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                canned.asked.append((self.path, None))
                self._answer()

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                canned.asked.append((self.path, json.loads(self.rfile.read(length))))
                self._answer()

            def _answer(self) -> None:
                answer = canned.answers[self.path]
                status, content = answer if isinstance(answer, tuple) else (200, answer)
                body = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="session")
def one_canned() -> Iterator[Canned]:
    server = Canned()
    yield server
    server.close()


@pytest.fixture
def canned(one_canned: Canned) -> Canned:
    """A server that answers what a test puts into `answers`."""
    one_canned.answers.clear()
    one_canned.asked.clear()
    return one_canned


@pytest.fixture
def stage() -> SimpleNamespace:
    """A runtime whose engine, of this process, has just become ready again."""
    engine = SimpleNamespace(loaded_s=0.25, started_s=0.5, pid=os.getpid())
    return SimpleNamespace(state=Ready(), ailment=None, restarts=1, engine=engine)


def as_runtime(stage: SimpleNamespace) -> Runtime[Engine]:
    """What is measured of a runtime is all there."""
    return cast("Runtime[Engine]", stage)
