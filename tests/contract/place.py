"""Where the contract is asked: an address, a token and a repository's name, and no more."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar
from uuid import uuid4

import pytest
import requests

from engine_ci.system import git_token
from tests.fixtures.clients import WorkingCopy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

T = TypeVar("T")
Said: TypeAlias = Any
"""What an answer says: JSON of the form that the tests state."""

MARK: Final = "engine-ci-contract"
"""How the name of everything begins that the suite makes: branches, labels, titles."""

ATTEMPTS: Final = 20
"""How often something is looked at that GitHub does a little later."""


@dataclass(frozen=True)
class Answer:
    """An answer; `said` is its body, and `onward` the address of a list's next page."""

    status: int
    headers: Mapping[str, str]
    said: Said
    onward: str | None

    @property
    def errors(self) -> list[Said]:
        """What is wrong with a request that was refused."""
        return list(self.said.get("errors", ()))


@dataclass(frozen=True, kw_only=True)
class Place:
    """One repository on one server. Its name and the names that it gives start with `MARK`.

    `reader` is the token of somebody who may read only, and `reviewer` the login of a collaborator;
    without them what needs them is skipped. `pause_s` is waited after each write, as GitHub asks
    for, and before something is looked at again.
    """

    api_url: str
    repository: str
    token: str = field(repr=False)
    reader: str | None = field(default=None, repr=False)
    reviewer: str | None = None
    pause_s: float = 0.0
    run: str = field(default_factory=lambda: uuid4().hex[:8])

    @property
    def owner(self) -> str:
        """Whose the repository is."""
        return self.repository.partition("/")[0]

    def name(self, what: str) -> str:
        """A name for something that this run makes."""
        return f"{MARK}-{self.run}-{what}"

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        token: str | None = "",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request about the repository; `path` may be an address too.

        The token is the place's own unless another is given; None is nobody.
        """
        whole = path.startswith("http")
        address = path if whole else f"{self.api_url}/repos/{self.repository}{path}"
        used = self.token if token == "" else token
        own = {"Authorization": f"Bearer {used}"} if used else {}
        answer = requests.request(
            method,
            address,
            json=body,
            headers={"Accept": "application/vnd.github+json", **own, **(headers or {})},
            timeout=30,
        )
        if method != "GET":
            time.sleep(self.pause_s)
        said = answer.json() if answer.content else None
        onward = answer.links.get("next", {}).get("url")
        return Answer(answer.status_code, answer.headers, said, onward)

    def get(self, path: str) -> Said:
        """What stands there; the answer has to be 200."""
        answer = self.ask("GET", path)
        assert answer.status == requests.codes.ok, (path, answer.status, answer.said)
        return answer.said

    def make(self, path: str, body: object) -> Said:
        """What was made there; the answer has to be a success."""
        answer = self.ask("POST", path, body)
        assert answer.status in (requests.codes.ok, requests.codes.created), answer
        return answer.said

    def eventually(self, read: Callable[[], T], good: Callable[[T], bool]) -> T:
        """The first value that is good, or the last that was read."""
        value = read()
        for _ in range(ATTEMPTS):
            if good(value):
                break
            time.sleep(self.pause_s)
            value = read()
        return value

    def clone(self, folder: Path) -> WorkingCopy:
        """A clone that pushes with the place's token, which git is given in its environment."""
        return self._clone(folder, self.token)

    def clone_of_reader(self, folder: Path) -> WorkingCopy:
        """A clone that pushes with the token of somebody who may read only."""
        return self._clone(folder, self.needs(self.reader, "a token that may read only"))

    def _clone(self, folder: Path, token: str) -> WorkingCopy:
        address = str(self.get("")["clone_url"])
        settings = git_token.environment(git_token.settings(token, url=address))
        WorkingCopy(folder.parent, settings).git("clone", "--quiet", address, str(folder))
        return WorkingCopy(folder, settings)

    def needs(self, what: T | None, named: str) -> T:
        """What the place has to have for a test, or that test is skipped by name."""
        if what is None:
            pytest.skip(f"needs {named}")
        return what
