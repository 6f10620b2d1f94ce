"""Nobody waits for a server of our own."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest
from urllib3.util import retry


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that a client wanted to wait before it tried again; nobody waits them."""
    waits: list[float] = []
    clock = SimpleNamespace(sleep=waits.append, time=time.time)
    monkeypatch.setattr(retry, "time", clock)
    return waits
