"""HTTP to engines on loopback: bounded in time and size, never through a proxy."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests

from engine_ci.errors import EngineAnswerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_ANSWER = 64 << 20
_CHUNK = 1 << 16


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
    """A connection to one server on this machine.

    `requests` would take proxies and passwords from the environment; a test of a child process must
    not depend on either.
    """

    def __init__(self, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}"
        self._session = requests.Session()
        self._session.trust_env = False

    def close(self) -> None:
        """Closes what is open; the object can still be used."""
        self._session.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        timeout_s: float = 60.0,
    ) -> Answer:
        """Sends one request and reads the whole answer, whatever its status.

        Args:
            method: `GET` or `POST`.
            path: from the root, with a leading slash.
            body: sent as JSON.
            timeout_s: seconds without a byte after which it is given up.

        Raises:
            EngineAnswerError: no connection, no answer in time, or one without end.
        """
        with self._send(method, path, body=body, timeout_s=timeout_s) as response:
            content = bytearray()
            for chunk in response.iter_content(_CHUNK):
                content += chunk
                if len(content) > MAX_ANSWER:
                    raise EngineAnswerError(
                        f"{method} {path}: more than {MAX_ANSWER} bytes came back"
                    )
            return Answer(status=response.status_code, body=bytes(content))

    @contextmanager
    def stream(
        self, path: str, *, body: Mapping[str, Any], timeout_s: float = 60.0
    ) -> Iterator[Iterator[bytes]]:
        """POSTs and yields the answer's lines as they come in; the block may leave early.

        Raises:
            EngineAnswerError: as for `request`, or a status other than 200.
        """
        with self._send("POST", path, body=body, timeout_s=timeout_s) as response:
            if response.status_code != requests.codes.ok:
                shown = response.raw.read(200, decode_content=True).decode(errors="replace")
                raise EngineAnswerError(f"POST {path}: status {response.status_code}: {shown}")
            yield (line for line in response.iter_lines(chunk_size=None) if line)

    @contextmanager
    def _send(
        self, method: str, path: str, *, body: Mapping[str, Any] | None, timeout_s: float
    ) -> Iterator[requests.Response]:
        try:
            with self._session.request(
                method,
                self.base + path,
                json=body,
                timeout=timeout_s,
                stream=True,
                allow_redirects=False,
            ) as response:
                yield response
        except requests.RequestException as error:
            raise EngineAnswerError(f"{method} {path}: {_reason(error)}") from error


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.ConnectionError):
        return "the connection was refused or broken off"
    return f"not HTTP: {error}"
