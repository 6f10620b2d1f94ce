"""HTTP to engines on loopback: bounded in time and size, no proxy, no redirect; and free ports.

The standard library's client, because it takes nothing from the environment, and everything that
can go wrong is an OSError or an HTTPException. Each request has a connection of its own, so threads
can share a `Loopback` and no request meets what an earlier one left behind.
"""

from __future__ import annotations

import json
import secrets
import socket
import threading
import time
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, IncompleteRead
from typing import TYPE_CHECKING, Any

from engine_ci.errors import EngineAnswerError, EngineLateError, HarnessError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

    # Seconds to wait before it is asked again, time and again until none are left.
    Left = Callable[[], float]

HOST = "127.0.0.1"
MAX_ANSWER = 64 << 20
_OK = 200
# Below the ranges from which Linux (32768 up) and macOS (49152 up) serve outgoing connections, so
# that nobody's connection takes the port between our choice and the engine's bind by chance.
_PORTS = range(20_000, 32_768)
_PORT_TRIES = 100
# Any port will do where nothing is sent.
_DISCARD = 9
# A socket's timeout of 0 would mean something else.
_SOON_S = 0.001


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """An HTTP answer, whole."""

    status: int
    body: bytes

    def json(self) -> Any:  # noqa: ANN401 - JSON is whatever the other side sent
        """The body as JSON; EngineAnswerError when it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            shown = self.body[:200].decode(errors="replace")
            message = f"the answer (status {self.status}) is not JSON: {shown!r}"
            raise EngineAnswerError(message) from error


class Loopback:
    """One server on this machine."""

    def __init__(self, port: int) -> None:
        self.port = port

    def request(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | bytes | None = None,
        left: Left,
    ) -> Answer:
        """Sends one request and reads the whole answer, whatever its status.

        Args:
            method: `GET` or `POST`.
            path: from the root, with a leading slash.
            body: sent as JSON, or as it is where it is bytes already.
            left: for everything, from connecting to the last byte.

        Raises:
            EngineLateError: no whole answer in time.
            EngineAnswerError: no connection, or no answer that can be read, or one too long.
        """
        with self._exchange(method, path, body=body, left=left) as response:
            content = response.read(MAX_ANSWER + 1)
            _refuse_more_than_allowed(content)
            _refuse_less_than_announced(response)
            return Answer(status=response.status, body=content)

    def stream(
        self, path: str, *, body: Mapping[str, Any], left: Left
    ) -> Generator[bytes, None, None]:
        """POSTs and yields the answer's lines as they come in, without empty ones and line ends.

        To close the generator is to break the connection.

        Raises:
            EngineAnswerError: as for `request`, or a status other than 200.
        """
        with self._exchange("POST", path, body=body, left=left) as response:
            if response.status != _OK:
                shown = response.read(500).decode(errors="replace")
                raise EngineAnswerError(f"POST {path}: status {response.status}: {shown}")
            while line := response.readline(MAX_ANSWER + 1):
                _refuse_more_than_allowed(line)
                if stripped := line.rstrip(b"\r\n"):
                    yield stripped
            _refuse_less_than_announced(response)

    @contextmanager
    def _exchange(
        self, method: str, path: str, *, body: Mapping[str, Any] | bytes | None, left: Left
    ) -> Iterator[HTTPResponse]:
        begin = time.monotonic()
        connection = HTTPConnection(HOST, self.port, timeout=max(left(), _SOON_S))
        sent = body if body is None or isinstance(body, bytes) else json.dumps(body)
        try:
            with closing(connection), _cut_off(connection, left=left):
                connection.request(method, path, sent, {"Content-Type": "application/json"})
                with connection.getresponse() as response:
                    yield response
        except TimeoutError as error:
            seconds = time.monotonic() - begin
            message = f"{method} {path}: no whole answer within {seconds:.1f} s"
            raise EngineLateError(message) from error
        except (OSError, HTTPException) as error:
            raise EngineAnswerError(f"{method} {path}: {_reason(error)}") from error


@contextmanager
def _cut_off(connection: HTTPConnection, *, left: Left) -> Iterator[None]:
    """Connects, and breaks the connection when no time is left for the block.

    A timeout of the socket would start anew with every byte; a server that drips would never end.

    Raises:
        TimeoutError: it was broken, and whatever else went wrong, that is why.
    """
    connection.connect()
    connection.sock.settimeout(None)
    done, late = threading.Event(), threading.Event()

    def watch(sock: socket.socket) -> None:
        while (seconds := left()) > 0:
            if done.wait(seconds):
                return
        late.set()
        with suppress(OSError):  # the other side was quicker
            sock.shutdown(socket.SHUT_RDWR)

    watcher = threading.Thread(target=watch, args=[connection.sock], daemon=True)
    watcher.start()
    try:
        yield
    except (OSError, HTTPException) as error:
        if late.is_set():
            raise TimeoutError from error
        raise
    finally:
        done.set()
        watcher.join()
    if late.is_set():  # an answer without a length looks whole when it is cut
        raise TimeoutError


def _refuse_more_than_allowed(content: bytes) -> None:
    if len(content) > MAX_ANSWER:
        raise HTTPException(f"more than {MAX_ANSWER} bytes")


def _refuse_less_than_announced(response: HTTPResponse) -> None:
    # Reading by lines ends in silence at a broken end; these two tell what was still to come.
    if response.length or (response.chunked and response.chunk_left is not None):
        raise IncompleteRead(b"")


def _reason(error: OSError | HTTPException) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "the connection was refused"
    if isinstance(error, OSError | IncompleteRead):
        return "the connection was broken off"
    return f"no HTTP that can be read: {error}"


def require_loopback() -> None:
    """Asks the system for a way to this machine itself; sends nothing.

    Raises:
        HarnessError: there is none, so that no engine could be reached.
    """
    with closing(socket.socket(type=socket.SOCK_DGRAM)) as sock:
        try:
            sock.connect((HOST, _DISCARD))
        except OSError as error:
            raise HarnessError(
                f"this machine cannot reach itself at {HOST}: {error.strerror}",
                hint="raise loopback, on Linux with `ip link set lo up`",
            ) from error


def free_port() -> int:
    """A port on loopback, chosen at random, on which nobody listens at this moment.

    Raises:
        HarnessError: many in a row were taken.
    """
    for _ in range(_PORT_TRIES):
        port = secrets.choice(_PORTS)
        if port_is_free(port):
            return port
    raise HarnessError(
        f"no free port found in {_PORT_TRIES} tries between {_PORTS.start} and {_PORTS.stop - 1}"
    )


def port_is_free(port: int) -> bool:
    """Whether a server could listen on `port` of loopback now."""
    with closing(socket.socket()) as sock:
        # Connections that ended a moment ago do not keep a server from the port.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((HOST, port))
        except OSError:
            return False
    return True
