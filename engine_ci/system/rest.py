"""GitHub's REST API, read only: bounded, patient, and without asking twice for what is known.

An answer counts once it is understood: what is cut off, a page for people, or of another shape is
never given on and never kept. The token goes to the one server that it is for.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from http import HTTPStatus
from itertools import count
from typing import TYPE_CHECKING, Final, Generic, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError

from engine_ci.errors import NOT_LOGGED_IN, DownloadError, GitHubError, NotThereError
from engine_ci.system import http_cache, rate_limit, web
from engine_ci.system.addresses import host_of, safe
from engine_ci.system.http_cache import HttpCache, Known
from engine_ci.system.setbacks import Setback

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydantic import TypeAdapter
    from requests import Response

    from engine_ci.system.http_cache import Validators

T = TypeVar("T")

GITHUB: Final = "https://api.github.com"
_MOST: Final = 64 << 20  # bytes of an answer, unpacked
_PIECE: Final = 1 << 14  # bytes as they come; unpacked, a thousand times as many at the very most
_TRY_S: Final = 120.0


class _Refusal(BaseModel):
    """What GitHub says when it says no."""

    message: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Page(Generic[T]):
    """One answer.

    Attributes:
        content: in the shape that was asked for.
        next: the address of the next page; None on the last one.
        etag: what the server names it by.
    """

    content: T
    next: str | None = None
    etag: str | None = None


class RestReader:
    """Reads from one GitHub server."""

    def __init__(
        self,
        url: str = GITHUB,
        *,
        cache: Path,
        token: str | None = None,
        wait: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Asks nothing yet.

        Args:
            url: of the API.
            cache: a folder for answers.
            token: kept out of every message, file and other server.
            wait: sleeps for some seconds between two tries.
            now: seconds on a clock that never goes back.
        """
        self._url = url.rstrip("/")
        self._cache = HttpCache(cache)
        self._token = token
        self._wait = wait
        self._now = now

    def page(self, address: str, shape: TypeAdapter[T], *, after: str | None = None) -> Page[T]:
        """What lies under an address, asked for only if it changed since.

        Args:
            address: a path without a leading slash, or the `next` of another page.
            shape: what the answer has to be; what it does not name is left out.
            after: the `etag` of the page before it: behind a page that is as it was, this one is
                taken to be as it was, and not asked for.

        Raises:
            NotThereError: there is no such thing, or the token may not see it.
            GitHubError: no answer that can be used, in several tries.
        """
        try:
            url = self._own(address)
            known = self._cache.get(url, shape)
            if known is not None and after is not None and known.validators.after == after:
                return _page(known)
            answer = self._asked(url, shape, known)
            validators = answer.validators.model_copy(update={"after": after})
            answer = replace(answer, validators=validators)
            if answer != known and (validators.etag or validators.modified):
                self._cache.put(url, answer, shape)
            return _page(answer)
        except DownloadError as problem:
            where = f"{host_of(self._url)}: {urlsplit(address).path}"
            kind = NotThereError if problem.status == HTTPStatus.NOT_FOUND else GitHubError
            hint = problem.hint or self._hint(problem.status)
            raise kind(f"{where}: {problem}", status=problem.status, hint=hint) from problem

    def _hint(self, status: int | None) -> str | None:
        if status == HTTPStatus.UNAUTHORIZED:
            return NOT_LOGGED_IN
        limited = status in (HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS)
        if limited and not self._token:
            return "with a token, GitHub takes 5,000 requests an hour instead of 60"
        return None

    def _own(self, address: str) -> str:
        """An address on this server; DownloadError for any other one."""
        url = safe(address, base=f"{self._url}/")
        if not self._is_own(url):
            raise DownloadError(f"an address of {host_of(url)!a}, which is not asked")
        return url

    def _is_own(self, url: str) -> bool:
        own, other = urlsplit(self._url), urlsplit(url)
        return (own.scheme, own.netloc) == (other.scheme, other.netloc) and other.path.startswith(
            f"{own.path}/"
        )

    def _asked(self, url: str, shape: TypeAdapter[T], known: Known[T] | None) -> Known[T]:
        tries = count()
        return web.persistently(
            lambda session: self._try(session, url, shape, known, tried=next(tries)),
            wait=self._wait,
        )

    def _try(
        self,
        session: web.Session,
        url: str,
        shape: TypeAdapter[T],
        known: Known[T] | None,
        *,
        tried: int,
    ) -> Known[T] | Setback:
        headers = self._headers(known.validators if known else None)
        with web.answer(session, url, headers=headers, may=self._is_own) as response:
            if response.status_code == HTTPStatus.NOT_MODIFIED and known is not None:
                return known
            body = _body(response, now=self._now)
        if response.status_code == HTTPStatus.OK:
            return self._understood(url, response, body, shape)
        said = _said(body)
        limited = rate_limit.setback(response.status_code, response.headers, said=said, tried=tried)
        if limited is not None:
            return limited
        if response.status_code in web.BUSY:
            return web.busy(response)
        words = f": {said[:200]!a}" if said else ""
        raise DownloadError(f"status {response.status_code}{words}", status=response.status_code)

    def _headers(self, known: Validators | None) -> dict[str, str]:
        headers = {
            "Accept": "application/vnd.github+json",
            "Accept-Encoding": "gzip",
            "User-Agent": "engine-ci",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        if known is not None and known.etag:
            headers["If-None-Match"] = known.etag
        if known is not None and known.modified:
            headers["If-Modified-Since"] = known.modified
        return headers

    def _understood(
        self, url: str, response: Response, body: bytearray, shape: TypeAdapter[T]
    ) -> Known[T] | Setback:
        """The answer in its shape; a setback where it is no JSON."""
        try:
            content = shape.validate_json(body)
        except ValidationError as problem:
            return _misunderstood(response, body, problem)
        link = response.links.get("next", {}).get("url")
        onward = self._own(link) if link else None
        validators = http_cache.validators(url, response.headers, onward=onward)
        return Known(validators=validators, content=content)


def _page(known: Known[T]) -> Page[T]:
    validators = known.validators
    return Page(content=known.content, next=validators.next, etag=validators.etag)


def _body(response: Response, *, now: Callable[[], float]) -> bytearray:
    """The whole of an answer, unpacked."""
    body, until = bytearray(), now() + _TRY_S
    for piece in response.iter_content(_PIECE):
        body += piece
        if len(body) > _MOST:
            raise DownloadError(f"expected {_MOST} bytes at most, found more")
        if now() > until:
            raise DownloadError(f"{len(body)} bytes came in {_TRY_S:.0f} s, and no end")
    return body


def _said(body: bytearray) -> str:
    try:
        return _Refusal.model_validate_json(body).message
    except ValidationError:
        return ""


def _misunderstood(response: Response, body: bytearray, problem: ValidationError) -> Setback:
    """JSON of another shape stays so, and is no setback; the rest may be a server in trouble."""
    first = problem.errors(include_url=False, include_input=False)[0]
    if first["type"] != "json_invalid":
        place = ".".join(map(str, first["loc"])) or "the whole answer"
        raise DownloadError(f"an answer of another shape: `{place}`: {first['msg']}")
    kind = response.headers.get("Content-Type", "")
    reason = f"expected JSON, found {len(body)} bytes of {kind[:60]!a}: {first['msg']}"
    return Setback(reason=reason, status=response.status_code)
