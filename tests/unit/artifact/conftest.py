"""A package index of one's own, and none other."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.unit.artifact.wheels import Index, serving

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def pip_on_its_own(monkeypatch: pytest.MonkeyPatch, home: object) -> None:  # noqa: ARG001 - pip's cache and configuration live there
    """No configuration of pip, no proxy; nothing listens on the index's port."""
    for name in list(os.environ):
        if name.startswith("PIP_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_DEFAULT_TIMEOUT", "5")
    monkeypatch.setenv("PIP_INDEX_URL", "http://user:password@127.0.0.1:9/simple")


@pytest.fixture
def index(pip_on_its_own: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:  # noqa: ARG001 - sets the stage
    """An empty package index, and the only one that pip knows."""
    served = Index()
    with serving(served) as address:
        monkeypatch.setenv("PIP_INDEX_URL", address)
        yield served
