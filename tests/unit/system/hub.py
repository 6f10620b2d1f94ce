"""An app on an embedded GitHub, for who may administer it, write to it, or only read it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

from fixtures.github import GitHubServer, Login

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ADMIN, WRITE, READ = (secrets.token_hex(20) for _ in range(3))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitHubServer]:
    tokens = {
        ADMIN: Login("owner", write=True, admin=True),
        WRITE: Login("engine-ci[bot]", write=True),
        READ: Login("reader"),
    }
    with GitHubServer.start(tmp_path, tokens=tokens) as running:
        yield running
    assert [record for record in running.requests if record.problem] == []


def asked(server: GitHubServer) -> list[str]:
    return [f"{request.method} {request.path}" for request in server.requests]
