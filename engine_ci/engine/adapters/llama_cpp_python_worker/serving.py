"""HTTP: finds the endpoint of a request, and sends what it answers, whole or as it comes."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import TYPE_CHECKING, Any, Final

from .refusals import RefusedError, invalid, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from .endpoints import Endpoints, Wanted

    Answering = Callable[[Wanted], object]

_MAX_BODY: Final = 64 << 20
_STREAMED: Final = "/completion"


class Server(ThreadingTCPServer):
    """Listens for requests. Not `HTTPServer`, which would look up the name of its address."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, place: tuple[str, int], endpoints: Endpoints) -> None:
        """`place` is an address and a port; OSError when somebody has it."""
        super().__init__(place, Handler)
        self.stream = endpoints.stream
        self.gets: Mapping[str, Answering] = {
            "/health": endpoints.health,
            "/props": endpoints.props,
            "/metrics": endpoints.metrics,
            "/slots": endpoints.slots,
        }
        self.posts: Mapping[str, Answering] = {
            "/props": endpoints.change,
            "/tokenize": endpoints.tokenize,
            "/detokenize": endpoints.detokenize,
            "/apply-template": endpoints.apply_template,
            _STREAMED: endpoints.completion,
            "/v1/chat/completions": endpoints.chat,
            "/v1/embeddings": endpoints.embeddings,
            "/slots/0?action=erase": endpoints.erase,
        }


class Handler(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        """Answers what asks for no more than its path says."""
        self._answer(self.server.gets, {})

    def do_POST(self) -> None:
        """Answers what comes with an object of JSON."""
        length = int(self.headers.get("Content-Length", 0))
        if length > _MAX_BODY:
            self.close_connection = True
            self._refuse(RefusedError(413, "invalid_request_error", "the request is too long"))
            return
        try:
            wanted = json.loads(self.rfile.read(length))
        except ValueError:
            wanted = None
        if not isinstance(wanted, dict):
            self._refuse(invalid("expected an object of JSON"))
        elif self.path == _STREAMED and wanted.get("stream"):
            self._stream(self.server.stream(wanted))
        else:
            self._answer(self.server.posts, wanted)

    def _answer(self, known: Mapping[str, Answering], wanted: Wanted) -> None:
        if self.path not in known:
            self._refuse(RefusedError(404, "not_found_error", "there is no such endpoint"))
            return
        try:
            found = known[self.path](wanted)
        except Exception as problem:  # noqa: BLE001 - whatever the package raises is answered
            self._refuse(refusal(problem))
        else:
            self._send(200, found if isinstance(found, str) else json.dumps(found))

    def _stream(self, pieces: Generator[dict[str, Any], None, None]) -> None:
        """The first piece decides the status; who breaks the connection ends the work."""
        try:
            first = next(pieces)
        except Exception as problem:  # noqa: BLE001 - whatever the package raises is answered
            self._refuse(refusal(problem))
            return
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            self._send_event(first)
            for piece in pieces:
                self._send_event(piece)
            self.wfile.write(b"0\r\n\r\n")
        except Exception as problem:  # noqa: BLE001 - an answer has begun: it is broken off
            self.log_error("a stream ended early: %r", problem)
            self.close_connection = True
        finally:
            pieces.close()

    def _send_event(self, piece: dict[str, Any]) -> None:
        event = f"data: {json.dumps(piece)}\n\n".encode()
        self.wfile.write(b"%x\r\n%b\r\n" % (len(event), event))

    def _refuse(self, problem: RefusedError) -> None:
        error = {"code": problem.status, "type": problem.kind, "message": str(problem)}
        self._send(problem.status, json.dumps({"error": error}))

    def _send(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, *_: object) -> None:
        """Says nothing; a log is for what goes wrong."""
