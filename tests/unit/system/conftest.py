"""A server on loopback that a module's tests share, and waits that are noted, not waited."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.shelf import Shelf

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def server() -> Iterator[Shelf]:
    with Shelf() as shelf:
        yield shelf


@pytest.fixture
def shelf(server: Shelf, request: pytest.FixtureRequest) -> Shelf:
    """Nothing was asked of it yet, and it serves the `BODY` of the module."""
    server.content = request.module.BODY
    server.replies.clear()
    server.asked.clear()
    return server


@pytest.fixture
def waited() -> list[float]:
    """The seconds of every wait."""
    return []
