"""Brings one file: bounded in size and time, taken up where it broke off, patient when busy.

Over HTTPS, and over HTTP on loopback only. Nothing is sent that says who asks: no token, no
password of the user's, no cookie; a redirect is followed under the same rules.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final
from urllib.parse import quote

from engine_ci.errors import DownloadError, VerificationError
from engine_ci.system import mirror, web
from engine_ci.system.addresses import host_of
from engine_ci.system.setbacks import Setback

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from requests import Response

_MOST: Final = 4 << 30  # bytes, where nobody says how many there are
_START_S: Final = 300.0
_SLOWEST: Final = 100_000  # bytes a second, over all tries
_PIECE: Final = 1 << 16  # what is lost of a piece in which the connection breaks


@dataclass(frozen=True, kw_only=True, slots=True)
class _Request:
    """What is wanted, and its bounds; `until` is a time of `now`."""

    url: str
    size: int | None
    hosts: Collection[str] | None
    told: Callable[[int], None]
    now: Callable[[], float]
    until: float


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
        address: of HTTPS, or on loopback; or the path of a folder.
        path: below it, without escapes.
        into: the file, overwritten; whole when this returns.
        size: bytes that are expected; more of them are not taken. None: nobody knows.
        hosts: that redirects may lead to; any when None.
        told: after every piece, how many bytes are there.
        wait: sleeps for some seconds between two tries.
        now: seconds on a clock that never goes back.

    Raises:
        DownloadError: there is no such file, or the server refused, did not give the whole of it
            in several tries, or is so slow that it never would.
        VerificationError: there is more than `size`.
    """
    try:
        if "://" not in address:
            _copy(Path(address, path), into=into, size=size)
            return
        _download(address, path, into=into, size=size, hosts=hosts, told=told, wait=wait, now=now)
    except DownloadError as problem:
        if problem.status == HTTPStatus.NOT_FOUND and mirror.holds(address):
            raise mirror.lacking(address, path) from problem
        raise


def _copy(path: Path, *, into: Path, size: int | None) -> None:
    try:
        if size is not None and (found := path.stat().st_size) > size:
            raise VerificationError(f"expected {size} bytes, found {found}")
        shutil.copyfile(path, into)
    except FileNotFoundError as problem:
        raise DownloadError(f"there is no file {path}", status=HTTPStatus.NOT_FOUND) from problem
    except OSError as problem:
        raise DownloadError(f"{path}: {problem.strerror}") from problem


def _download(
    address: str,
    path: str,
    *,
    into: Path,
    size: int | None,
    hosts: Collection[str] | None,
    told: Callable[[int], None],
    wait: Callable[[float], None],
    now: Callable[[], float],
) -> None:
    request = _Request(
        url=f"{address.rstrip('/')}/{quote(path)}",
        size=size,
        hosts=hosts,
        told=told,
        now=now,
        until=now() + _START_S + (_MOST if size is None else size) / _SLOWEST,
    )
    with into.open("wb") as file:
        web.persistently(lambda session: _try(session, request, file), wait=wait)


def _try(session: web.Session, request: _Request, file: BinaryIO) -> Setback | None:
    """Adds to the file what is missing; what kept it from that, or None when it is whole."""
    with _answer(session, request, start=file.tell()) as response:
        if response.status_code in web.BUSY:
            return web.busy(response)
        if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return None  # there is no more, which is for the caller to judge
        _place(response, file)
        _take(response, request, file)
    if request.size is not None and file.tell() < request.size:
        return Setback(reason=f"the answer ended after {file.tell()} of {request.size} bytes")
    return None


def _answer(session: web.Session, request: _Request, *, start: int) -> Response:
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    hosts = request.hosts
    return web.answer(
        session,
        request.url,
        headers=headers,
        may=lambda url: hosts is None or host_of(url) in hosts,
    )


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
