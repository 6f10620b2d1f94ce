"""A server of files on loopback that behaves as it is told, request by request."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

    Reply = Callable[[BaseHTTPRequestHandler], None]


class Shelf:
    """Serves `content` under every path, in parts where parts are asked for.

    Attributes:
        replies: what to do instead with the next requests, first come, first served.
        asked: the path and the headers of every request so far.
    """

    def __init__(self) -> None:
        self.content = b""
        self.replies: list[Reply] = []
        self.asked: list[tuple[str, dict[str, str]]] = []
        shelf = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                shelf.asked.append((self.path, dict(self.headers)))
                reply = shelf.replies.pop(0) if shelf.replies else shelf.whole
                reply(self)

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def ranges(self) -> list[str]:
        """Which part each request has asked for."""
        return [headers.get("Range", "") for _, headers in self.asked]

    def whole(self, to: BaseHTTPRequestHandler) -> None:
        """What was asked for."""
        self._send(to, missing=0)

    def breaks_off(self, *, missing: int) -> Reply:
        """Closes the connection that many bytes too early."""
        return lambda to: self._send(to, missing=missing)

    def _send(self, to: BaseHTTPRequestHandler, *, missing: int) -> None:
        asked = to.headers.get("Range", "bytes=0-")
        start = int(asked.removeprefix("bytes=").removesuffix("-"))
        if start >= len(self.content) > 0:
            says(416)(to)
            return
        part = self.content[start:]
        to.send_response(206 if start else 200)
        to.send_header("Content-Length", str(len(part)))
        if start:
            total = len(self.content)
            to.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        to.end_headers()
        to.wfile.write(part[: len(part) - missing])


def says(status: int, body: bytes = b"", **headers: str) -> Reply:
    """That status; underscores in the names of headers are dashes."""

    def reply(to: BaseHTTPRequestHandler) -> None:
        to.send_response(status)
        for name, value in headers.items():
            to.send_header(name.replace("_", "-"), value)
        to.send_header("Content-Length", str(len(body)))
        to.end_headers()
        to.wfile.write(body)

    return reply


def ends_without_a_length(body: bytes) -> Reply:
    """A status, those bytes, and the end of the connection."""

    def reply(to: BaseHTTPRequestHandler) -> None:
        to.send_response(200)
        to.end_headers()
        to.wfile.write(body)

    return reply


def hangs_up(to: BaseHTTPRequestHandler) -> None:
    """No answer at all."""
    to.close_connection = True
