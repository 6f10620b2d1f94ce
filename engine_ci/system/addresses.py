"""Addresses of the web: whose they are, and which may be asked."""

from __future__ import annotations

from typing import Final
from urllib.parse import urljoin, urlsplit

from engine_ci.errors import DownloadError

# What is sent there stays on this machine.
LOOPBACK: Final = {"127.0.0.1", "::1", "localhost"}


def host_of(address: str) -> str:
    """The host that an address names, or an empty text."""
    return urlsplit(address).hostname or ""


def safe(url: str, *, base: str = "") -> str:
    """An address, seen from the one that names it, when it may be asked.

    Raises:
        DownloadError: it is no address, not of HTTPS and not on loopback, or names a user.
    """
    try:
        whole = urljoin(base, url)
        parts = urlsplit(whole)
    except ValueError as problem:
        raise DownloadError(f"an address that cannot be read: {problem}") from problem
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise DownloadError(f"not over HTTPS: an address of `{parts.scheme}`")
    if parts.username is not None or parts.password is not None:
        raise DownloadError("an address with a user name or a password, which would be sent")
    return whole
