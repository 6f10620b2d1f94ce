"""GitHub's language server, asked over its standard streams what it finds in files."""

from __future__ import annotations

import json
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVER = "node_modules/@actions/languageserver/bin/actions-languageserver"
PUBLISHED = "textDocument/publishDiagnostics"
PATIENCE_S = 60.0


@dataclass(frozen=True)
class LanguageServer:
    """A running server."""

    stdin: IO[bytes]
    stdout: IO[bytes]

    @classmethod
    @contextmanager
    def start(cls, tools: Path) -> Iterator[Self]:
        """Runs the server that is in the folder `tools`; one that says nothing is ended."""
        with subprocess.Popen(
            ["node", str(tools / SERVER), "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            limit = threading.Timer(PATIENCE_S, process.kill)
            limit.start()
            try:
                assert process.stdin is not None
                assert process.stdout is not None
                server = cls(process.stdin, process.stdout)
                # Without a name of a repository it asks nobody about secrets and runners.
                about: dict[str, Any] = {
                    "capabilities": {},
                    "initializationOptions": {},
                    "processId": None,
                }
                _send(server.stdin, {"id": 1, "method": "initialize", "params": about})
                _send(server.stdin, {"method": "initialized", "params": {}})
                yield server
            finally:
                limit.cancel()
                process.kill()

    def findings(self, file: Path) -> list[str]:
        """What it says of a workflow or an action; the folder tells which of both it is."""
        document = {
            "uri": file.as_uri(),
            "languageId": "yaml",
            "version": 1,
            "text": file.read_text(encoding="utf-8"),
        }
        opened = {"method": "textDocument/didOpen", "params": {"textDocument": document}}
        _send(self.stdin, opened)
        while True:
            message = _receive(self.stdout)
            told = message.get("params") or {}
            if message.get("method") == PUBLISHED and told["uri"] == file.as_uri():
                return [diagnostic["message"] for diagnostic in told["diagnostics"]]


def _send(stdin: IO[bytes], message: dict[str, Any]) -> None:
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    stdin.flush()


def _receive(stdout: IO[bytes]) -> dict[str, Any]:
    size = 0
    while (line := stdout.readline().strip()) or not size:
        assert line, "the language server ended before it answered"
        name, _, value = line.partition(b":")
        size = int(value) if name.lower() == b"content-length" else size
    message: dict[str, Any] = json.loads(stdout.read(size))
    return message
