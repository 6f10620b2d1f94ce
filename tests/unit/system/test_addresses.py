"""Which addresses may be asked; `test_download` meets them as redirects."""

from __future__ import annotations

import pytest

from engine_ci.errors import DownloadError
from engine_ci.system import addresses


@pytest.mark.parametrize(
    ("address", "host"),
    [("https://example.org/a", "example.org"), ("http://[::1]:80", "::1"), ("a/b", ""), ("", "")],
)
def test_an_address_names_its_host_or_none(address: str, host: str) -> None:
    assert addresses.host_of(address) == host


@pytest.mark.parametrize(
    "address", ["https://example.org/a", "http://127.0.0.1:8080/a", "http://localhost/a"]
)
def test_https_is_asked_and_loopback_without_it(address: str) -> None:
    assert addresses.safe(address) == address


def test_an_address_may_be_seen_from_another() -> None:
    assert addresses.safe("/b", base="https://example.org/a") == "https://example.org/b"


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("http://example.org/a", "an address of `http`"),
        ("file:///etc/passwd", "an address of `file`"),
        ("", "an address of ``"),
        ("https://user@example.org/", "a user name"),
        ("https://:secret@example.org/", "a password"),
        ("https://[::1/", "cannot be read"),
    ],
)
def test_what_may_not_be_asked_is_refused(address: str, reason: str) -> None:
    with pytest.raises(DownloadError, match=reason):
        addresses.safe(address)
