"""Answers of status 200, and redirects, that are not what GitHub was asked for."""

from typing import Final

from fixtures.github import Fault

_PAGE = {"Content-Type": "text/html"}
_AWAY = {"Location": "https://evil.example/repos"}


def _faults(match: str) -> dict[str, Fault]:
    return {
        "a page for people": Fault(match, status=200, headers=_PAGE, body=b"<!DOCTYPE html>"),
        "half of an answer": Fault(match, status=200, body=b'[{"number": 1, '),
        "another shape": Fault(match, status=200, body=b'{"message": "hello"}'),
        "moved for good": Fault(match, status=301, headers=_AWAY),
        "moved": Fault(match, status=302, headers=_AWAY),
        "moved for now": Fault(match, status=307, headers=_AWAY),
    }


KINDS: Final = tuple(_faults(""))


def fault(kind: str, match: str) -> Fault:
    """The fault of that kind, for one request that fits."""
    return _faults(match)[kind]
