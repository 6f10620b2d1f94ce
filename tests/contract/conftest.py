"""The place that the contract is asked at: an embedded GitHub, unless a run names a real one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from fixtures.github import GitHubServer, Guard, Login
from tests.contract import real, scratch
from tests.contract.place import Place
from tests.fixtures.clients import READER, WRITER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.place import Said
    from tests.fixtures.clients import WorkingCopy

LOGINS = {
    WRITER: Login("engine-ci[bot]", write=True),
    READER: Login("reader"),
    "other": Login("maintainer", write=True),
}


class Push(Protocol):
    """Pushes a branch with a file of its own, and returns its name and the commit's hash."""

    def __call__(self, what: str, *, content: str = ...) -> tuple[str, str]: ...


class Open(Protocol):
    """Opens a pull request of a new branch, and returns it."""

    def __call__(self, what: str, **body: object) -> Said: ...


@pytest.fixture(scope="session")
def place(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    run = real.of(pytestconfig)
    if run is None:
        yield from _embedded(tmp_path_factory)
    else:
        yield run.place


def _embedded(folders: pytest.TempPathFactory) -> Iterator[Place]:
    root = folders.mktemp("contract")
    (root / "seed").mkdir()
    (root / "seed" / "README.md").write_text("# scratch\n")
    with GitHubServer.start(
        root / "hub", tokens=LOGINS, repository="app-scratch", seed=root / "seed"
    ) as server:
        server.hub.settings.ruleset = Guard(checks=("gate",), approvals=1)
        yield Place(
            api_url=server.api_url,
            repository="example/app-scratch",
            token=WRITER,
            reader=READER,
            reviewer="maintainer",
        )

    assert [record.problem for record in server.requests if record.problem] == []


@pytest.fixture(scope="session")
def work(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkingCopy]:
    """A clone; what the tests made is taken away at the end, whatever became of them."""
    copy = place.clone(tmp_path_factory.mktemp("work") / "app")
    assert list(scratch.objections(place, copy)) == []
    try:
        yield copy
    finally:
        scratch.sweep(place, copy)
    assert place.eventually(lambda: scratch.leftovers(place, copy), lambda left: not left) == []


@pytest.fixture(scope="session")
def default(place: Place) -> str:
    """The default branch."""
    return str(place.get("")["default_branch"])


@pytest.fixture
def push(place: Place, work: WorkingCopy, default: str) -> Push:
    def pushed(what: str, *, content: str = "one\n") -> tuple[str, str]:
        name = place.name(what)
        work.git("checkout", "--quiet", "--detach", f"origin/{default}")
        return name, work.push(name, {f"{what}.txt": content})

    return pushed


@pytest.fixture
def opened(place: Place, push: Push, default: str) -> Open:
    def opened(what: str, **body: object) -> Said:
        name, _ = push(what)
        asked = {"title": place.name(what), "head": name, "base": default, "body": "text"}
        return place.make("/pulls", asked | body)

    return opened


@pytest.fixture(scope="session")
def pull(place: Place, work: WorkingCopy, default: str) -> Said:
    """A pull request that stays open, for tests that add to it."""
    work.git("checkout", "--quiet", "--detach", f"origin/{default}")
    name = place.name("kept")
    work.push(name, {"kept.txt": "one\n"})
    return place.make("/pulls", {"title": name, "head": name, "base": default, "body": "text"})
