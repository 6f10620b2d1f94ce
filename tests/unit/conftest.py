"""A package index of one's own, and none other."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.unit.artifact.wheels import Index, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def pip_on_its_own(monkeypatch: pytest.MonkeyPatch, home: Path) -> pytest.MonkeyPatch:
    """No configuration of pip, no proxy; nothing listens on the index's port."""
    for name in list(os.environ):
        if name.startswith("PIP_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_CACHE_DIR", str(home / "pip"))
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_DEFAULT_TIMEOUT", "5")
    monkeypatch.setenv("PIP_INDEX_URL", "http://user:password@127.0.0.1:9/simple")
    return monkeypatch


@pytest.fixture
def index(pip_on_its_own: pytest.MonkeyPatch) -> Iterator[Index]:
    """An empty package index, and the only one that pip knows."""
    served = Index()
    with serving(served) as address:
        pip_on_its_own.setenv("PIP_INDEX_URL", address)
        yield served
