"""Downloads one file: bounded in size and time, taken up where it broke off, patient when busy.

Over HTTPS, and over HTTP on loopback only. Nothing is sent that says who asks: no token, no
password of the user's, no cookie; a redirect is followed under the same rules.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, BinaryIO, Final
from urllib.parse import quote

import requests

from engine_ci.errors import DownloadError, VerificationError
from engine_ci.system.addresses import host_of, safe

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from requests import PreparedRequest, Response

_WAITS_S: Final = (1.0, 2.0, 4.0, 8.0, 16.0)
_LONGEST_WAIT_S: Final = 120.0
_REDIRECTS: Final = 5
_MOST: Final = 4 << 30  # bytes, where nobody says how many there are
_START_S: Final = 300.0
_SLOWEST: Final = 100_000  # bytes a second, over all tries
_TIMEOUT_S: Final = (10.0, 60.0)  # to connect, and between two pieces
_PIECE: Final = 1 << 16  # what is lost of a piece in which the connection breaks
_BUSY: Final = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}
_MOVED: Final = {301, 302, 303, 307, 308}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Setback:
    """Why a try did not get the whole file, and what the server says about the next one.

    Attributes:
        after_s: seconds that the server asks for; None where it says nothing.
    """

    reason: str
    status: int | None = None
    after_s: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Request:
    """What is wanted, and its bounds; `until` is a time of `now`."""

    url: str
    size: int | None
    hosts: Collection[str] | None
    told: Callable[[int], None]
    now: Callable[[], float]
    until: float


class _Session(requests.Session):
    """Leaves redirects to us: requests would read the whole of what comes with one."""

    def get_redirect_target(self, resp: Response) -> None:
        """None, whatever the answer says."""


def download(
    address: str,
    path: str,
    *,
    into: Path,
    size: int | None,
    hosts: Collection[str] | None = None,
    told: Callable[[int], None] = lambda _: None,
    wait: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.monotonic,
) -> None:
    """Writes what lies under an address into a file, for the caller to verify.

    Args:
        address: of HTTPS, or on loopback.
        path: below it, without escapes.
        into: the file, overwritten; whole when this returns.
        size: bytes that are expected; more of them are not taken. None: nobody knows.
        hosts: that redirects may lead to; any when None.
        told: after every piece, how many bytes are there.
        wait: sleeps for some seconds between two tries.
        now: seconds on a clock that never goes back.

    Raises:
        DownloadError: the server refused, did not give the whole file in several tries, or is so
            slow that it never would.
        VerificationError: there is more than `size`.
    """
    request = _Request(
        url=f"{address.rstrip('/')}/{quote(path)}",
        size=size,
        hosts=hosts,
        told=told,
        now=now,
        until=now() + _START_S + (_MOST if size is None else size) / _SLOWEST,
    )
    with into.open("wb") as file, _Session() as session:
        tried = 0
        while (setback := _try(session, request, file)) is not None:
            tried += 1
            wait(_seconds(setback, tried=tried))


def _seconds(setback: _Setback, *, tried: int) -> float:
    """How long to wait for the next try; DownloadError when there is to be none."""
    if tried > len(_WAITS_S):
        reason = f"{setback.reason}, in the last of {tried} tries"
        raise DownloadError(reason, status=setback.status)
    if setback.after_s is None:
        return _WAITS_S[tried - 1]
    if setback.after_s > _LONGEST_WAIT_S:
        reason = f"{setback.reason}, and the server asks to wait {setback.after_s:.0f} s"
        raise DownloadError(reason, status=setback.status)
    return setback.after_s


def _try(session: _Session, request: _Request, file: BinaryIO) -> _Setback | None:
    """Adds to the file what is missing; what kept it from that, or None when it is whole."""
    try:
        with _answer(session, request, start=file.tell()) as response:
            if response.status_code in _BUSY:
                return _busy(response)
            if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                return None  # there is no more, which is for the caller to judge
            _place(response, file)
            _take(response, request, file)
    except requests.RequestException as problem:
        return _Setback(reason=f"the connection failed ({type(problem).__name__})")
    if request.size is not None and file.tell() < request.size:
        return _Setback(reason=f"the answer ended after {file.tell()} of {request.size} bytes")
    return None


def _answer(session: _Session, request: _Request, *, start: int) -> Response:
    """What the last of the redirects answers."""
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    url = safe(request.url)
    for _ in range(_REDIRECTS + 1):
        session.cookies.clear()
        response = session.get(
            url,
            headers=headers,
            auth=_as_it_is,
            stream=True,
            timeout=_TIMEOUT_S,
        )
        if response.status_code not in _MOVED:
            return response
        response.close()
        url = safe(response.headers.get("Location", ""), base=url)
        if request.hosts is not None and host_of(url) not in request.hosts:
            raise DownloadError(f"sent on to {host_of(url)!a}, which it may not use")
    raise DownloadError(f"more than {_REDIRECTS} redirects")


def _as_it_is(request: PreparedRequest) -> PreparedRequest:
    """Stands where requests would look for a password in the user's files."""
    return request


def _busy(response: Response) -> _Setback:
    status = response.status_code
    asked = response.headers.get("Retry-After", "")
    return _Setback(reason=f"status {status}", status=status, after_s=_after_s(asked))


def _after_s(asked: str) -> float | None:
    """The seconds of a `Retry-After`: a number, or a date."""
    if re.fullmatch(r"[0-9]{1,9}", asked):
        return float(asked)
    try:
        return max(0.0, parsedate_to_datetime(asked).timestamp() - time.time())
    except ValueError:
        return None


def _place(response: Response, file: BinaryIO) -> None:
    """Goes to where the answer belongs: behind what is there, or to the start.

    Raises:
        DownloadError: the server refuses, or gives another part.
    """
    status = response.status_code
    if coding := response.headers.get("Content-Encoding"):
        raise DownloadError(
            f"expected the bytes as they are, found them in {coding}", status=status
        )
    if status == HTTPStatus.OK:
        file.seek(0)
        file.truncate()
        return
    if status != HTTPStatus.PARTIAL_CONTENT:
        raise DownloadError(f"status {status}", status=status)
    given = response.headers.get("Content-Range", "")
    if not given.startswith(f"bytes {file.tell()}-"):
        raise DownloadError(
            f"expected the bytes from {file.tell()}, found {given!r}", status=status
        )


def _take(response: Response, request: _Request, file: BinaryIO) -> None:
    most = _MOST if request.size is None else request.size
    for piece in response.iter_content(_PIECE):
        if file.tell() + len(piece) > most:
            raise VerificationError(f"expected {most} bytes, found more")
        if request.now() > request.until:
            raise DownloadError(f"{file.tell()} bytes came in all the time that {most} may take")
        file.write(piece)
        request.told(file.tell())
