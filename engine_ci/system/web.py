"""The door to the web for everything that is only read: safe addresses, redirects by hand, waits.

Over HTTPS, and over HTTP on loopback only. Nothing says who asks but the headers that the caller
gives: no password of the user's, no cookie; a redirect is followed under the same rules.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final, TypeVar

import requests

from engine_ci.errors import DownloadError
from engine_ci.system import setbacks
from engine_ci.system.addresses import host_of, safe
from engine_ci.system.setbacks import Setback

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from requests import PreparedRequest, Response

T = TypeVar("T")

BUSY: Final = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}
_REDIRECTS: Final = 5
_TIMEOUT_S: Final = (10.0, 60.0)  # to connect, and between two pieces
_MOVED: Final = {301, 302, 303, 307, 308}


class Session(requests.Session):
    """Leaves redirects to us: requests would read the whole of what comes with one."""

    def get_redirect_target(self, resp: Response) -> None:
        """None, whatever the answer says."""


def persistently(once: Callable[[Session], T | Setback], *, wait: Callable[[float], None]) -> T:
    """What one try gives, of which there are several, with waits that grow. For reading only.

    Args:
        once: a try; a connection that breaks in it is a setback.
        wait: sleeps for some seconds between two tries.

    Raises:
        DownloadError: the last try failed, or the server asks for a longer wait than anybody has.
    """
    tried = 0
    with Session() as session:
        while isinstance(outcome := _attempt(once, session), Setback):
            tried += 1
            wait(setbacks.seconds(outcome, tried=tried))
    return outcome


def _attempt(once: Callable[[Session], T | Setback], session: Session) -> T | Setback:
    try:
        return once(session)
    except requests.RequestException as problem:
        return Setback(reason=f"the connection failed ({type(problem).__name__})")


def answer(
    session: Session, url: str, *, headers: Mapping[str, str], may: Callable[[str], bool]
) -> Response:
    """What the last of the redirects answers, its body not read yet.

    Args:
        session: of this try.
        url: asked first, whatever `may` says.
        headers: sent to every address on the way.
        may: whether a redirect to that address may be followed.

    Raises:
        DownloadError: an address is not safe, or a redirect leads where it may not.
        requests.RequestException: no answer came, which is for `persistently` to catch.
    """
    url = safe(url)
    for _ in range(_REDIRECTS + 1):
        session.cookies.clear()
        response = session.get(
            url, headers=headers, auth=_as_it_is, stream=True, timeout=_TIMEOUT_S
        )
        if response.status_code not in _MOVED:
            return response
        response.close()
        url = safe(response.headers.get("Location", ""), base=url)
        if not may(url):
            raise DownloadError(f"sent on to {host_of(url)!a}, which it may not use")
    raise DownloadError(f"more than {_REDIRECTS} redirects")


def _as_it_is(request: PreparedRequest) -> PreparedRequest:
    """Stands where requests would look for a password in the user's files."""
    return request


def busy(response: Response) -> Setback:
    """The setback of a server that is busy or broken."""
    status = response.status_code
    asked = setbacks.after_s(response.headers)
    return Setback(reason=f"status {status}", status=status, after_s=asked)
