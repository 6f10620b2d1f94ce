"""The issue about a pin that is stuck, on an embedded GitHub and through the real client."""

from __future__ import annotations

import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

import pytest

from engine_ci.bump import progress, stuck, stuck_issue
from engine_ci.bump.stuck import Alarm, Limits
from engine_ci.errors import GitHubError
from engine_ci.system.git import Identity, Repository
from engine_ci.system.github import Hub
from engine_ci.system.github_issues import LABEL, Issues
from engine_ci.system.github_reads import Reader
from fixtures.github import Fault, GitHubServer, Login
from tests.unit.bump import records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine_ci.system.github_connection import Access
    from engine_ci.system.github_issues import Issue
    from fixtures.github.records import Issue as Hosted

WRITE = secrets.token_hex(20)
NOW = records.NOW
DAY = timedelta(days=1)
PIN, BRANCH, FILE = "llama.cpp", "engine-ci/llama.cpp", "pins/llama.cpp.yaml"
LIMITS = Limits(days=14, failures=5)
ALARM = Alarm(
    title="llama.cpp is stuck at 0.1.2", body=f"why\n\n{stuck.mark(PIN)}", since=NOW - 20 * DAY
)
CREATE = "POST /repos/example/app/issues"


@dataclass
class App:
    """An app's repository on the server, whose clock the test turns."""

    server: GitHubServer
    now: datetime = NOW

    @property
    def access(self) -> Access:
        return {"api_url": self.server.api_url, "repository": "example/app", "token": WRITE}

    @property
    def issues(self) -> list[Hosted]:
        return self.server.hub.issues

    def look(
        self,
        alarm: Alarm | None,
        *,
        recovered: bool = True,
        kind: type[Issues] = Issues,
    ) -> tuple[str, ...]:
        with closing(kind(**self.access, write_pause_s=0.0)) as issues:
            return stuck_issue.bring_about(
                alarm, issues, pin=PIN, recovered=recovered, limits=LIMITS, now=self.now
            )

    def writes(self) -> list[str]:
        return [
            f"{request.method} {request.path}"
            for request in self.server.requests
            if request.method != "GET"
        ]

    def commit(self, branch: str, text: str, *, days: int) -> None:
        """A commit of the pin file on a branch, so many days ago."""
        bare = Repository(path=self.server.repository.path)
        base = self.server.repository.branches()["main"]
        commit = bare.commit_tree(
            bare.write_tree({FILE: text}, base=base),
            parent=base,
            message="Bump\n",
            identity=Identity(name="App Bot", email="bot@example.invalid"),
            at=NOW - days * DAY,
        )
        self.server.repository.keep(f"refs/heads/{branch}", commit)

    def progress(self) -> datetime | None:
        with closing(Hub(**self.access)) as hub, closing(Reader(**self.access)) as reader:
            return progress.last(hub, reader, pin=PIN, branch=BRANCH, path=FILE, now=NOW)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    tokens = {WRITE: Login("engine-ci[bot]", write=True)}
    with GitHubServer.start(tmp_path, tokens=tokens) as server:
        made = App(server)
        server.hub.clock = lambda: made.now
        yield made
    assert [record for record in server.requests if record.problem] == []


def test_an_alarm_opens_one_issue_with_our_label(app: App) -> None:
    done = app.look(ALARM)

    (issue,) = app.issues
    assert done == (f"issue #1 opened: {app.server.api_url}/example/app/issues/1",)
    assert (issue.title, issue.body, issue.state) == (ALARM.title, ALARM.body, "open")
    assert [label.name for label in issue.labels] == [LABEL]


def test_the_next_day_the_same_alarm_changes_nothing_with_one_request(app: App) -> None:
    app.look(ALARM)
    writes, asked = app.writes(), len(app.server.requests)

    assert app.look(ALARM) == ()
    assert app.writes() == writes
    assert len(app.server.requests) == asked + 1


def test_other_facts_are_written_into_the_same_issue(app: App) -> None:
    app.look(ALARM)
    other = replace(ALARM, body=f"more\n\n{stuck.mark(PIN)}")

    assert app.look(other) == ("issue #1 rewritten",)
    assert [issue.body for issue in app.issues] == [other.body]
    assert app.server.hub.comments == []


def test_it_is_closed_with_a_comment_when_all_is_well_again(app: App) -> None:
    app.look(ALARM)

    assert app.look(None) == ("issue #1 closed",)
    assert app.look(None) == ()
    (comment,) = app.server.hub.comments
    assert comment.body.startswith("Polls work, and a build can be proposed")
    assert [issue.state for issue in app.issues] == ["closed"]


def test_a_poll_that_failed_closes_nothing(app: App) -> None:
    app.look(ALARM)

    assert app.look(None, recovered=False) == ()
    assert [issue.state for issue in app.issues] == ["open"]


def test_when_it_comes_back_the_same_issue_is_opened_again(app: App) -> None:
    app.look(ALARM)
    app.look(None)
    app.now += 15 * DAY
    again = replace(ALARM, body=f"again\n\n{stuck.mark(PIN)}", since=NOW + DAY)

    assert app.look(again) == ("issue #1 opened again",)
    assert [(issue.state, issue.body) for issue in app.issues] == [("open", again.body)]
    assert app.server.hub.comments[-1].body.startswith("Stuck again, since ")


def test_what_comes_back_after_a_month_is_a_new_issue(app: App) -> None:
    app.look(ALARM)
    app.look(None)
    app.now += 31 * DAY

    app.look(replace(ALARM, since=NOW + 10 * DAY))

    assert [issue.state for issue in app.issues] == ["closed", "open"]


def test_a_person_who_closes_it_has_peace_for_as_many_days(app: App) -> None:
    app.look(ALARM)
    app.issues[0].closed = app.now

    assert app.look(ALARM) == ()
    app.now += 14 * DAY
    assert app.look(ALARM) == ("issue #1 opened again",)


def test_a_persons_issue_with_our_label_is_left_alone(app: App) -> None:
    app.server.hub.open_issue(author="a person", title="idea", body="words", labels=[LABEL])

    app.look(ALARM)
    app.look(None)

    assert [(issue.title, issue.state) for issue in app.issues] == [
        ("idea", "open"),
        (ALARM.title, "closed"),
    ]


@pytest.mark.parametrize("late", [False, True], ids=["not heard", "answer lost"])
def test_a_bad_gateway_while_opening_never_leaves_two(app: App, *, late: bool) -> None:
    app.server.faults.add(Fault(CREATE, late=late))

    if late:
        app.look(ALARM)
    else:
        with pytest.raises(GitHubError, match="opening an issue: GitHub answered 502"):
            app.look(ALARM)
    app.look(ALARM)

    assert [issue.state for issue in app.issues] == ["open"]


@pytest.mark.parametrize("late", [False, True], ids=["not heard", "answer lost"])
@pytest.mark.parametrize("write", ["POST .*/comments", "PATCH .*"], ids=["comment", "close"])
def test_a_bad_gateway_while_closing_is_made_good_by_the_next_run(
    app: App, write: str, *, late: bool
) -> None:
    app.look(ALARM)
    app.server.faults.add(Fault(write, late=late))

    with pytest.raises(GitHubError, match="502"):
        app.look(None)
    app.look(None)

    assert [issue.state for issue in app.issues] == ["closed"]
    assert len(app.server.hub.comments) == 1


@pytest.mark.usefixtures("waited")
@pytest.mark.parametrize("late", [False, True], ids=["not heard", "answer lost"])
@pytest.mark.parametrize("state", ["none", "open", "closed"])
def test_a_run_that_is_cut_off_at_any_request_leaves_one_issue_to_the_next(
    app: App, state: str, *, late: bool
) -> None:
    alarm = {"none": ALARM, "open": None, "closed": replace(ALARM, since=NOW + DAY)}[state]
    for cut in count(1):
        app.now = NOW
        app.server.hub.issues.clear()
        app.server.hub.comments.clear()
        if state != "none":
            app.look(ALARM)
        if state == "closed":
            app.look(None)
            app.now += 15 * DAY
        begin = len(app.server.requests)
        app.server.faults.cut(cut, late=late)
        with suppress(GitHubError):
            app.look(alarm)
        app.server.faults.clear()
        if len(app.server.requests) - begin < cut:
            break
        app.look(alarm)

        (issue,) = app.issues
        assert issue.state == ("open" if alarm else "closed"), cut
        assert len(app.server.hub.comments) == {"none": 0, "open": 1, "closed": 2}[state], cut
    assert cut > 3


def test_the_run_that_comes_second_closes_what_it_opened(app: App) -> None:
    class Slow(Issues):
        """Another run is quicker between the look and the opening."""

        def create(self, *, title: str, body: str) -> Issue:
            app.look(ALARM)
            return super().create(title=title, body=body)

    done = app.look(ALARM, kind=Slow)

    assert done[-1] == "issue #2 closed"
    assert [issue.state for issue in app.issues] == ["open", "closed"]
    assert [comment.body for comment in app.server.hub.comments] == ["This is what #1 says."]
    assert app.look(ALARM) == ()


def test_of_many_runs_at_once_one_issue_stays_open(app: App) -> None:
    runs = 4
    together = threading.Barrier(runs)

    class Together(Issues):
        """No run opens one before all have looked."""

        def create(self, *, title: str, body: str) -> Issue:
            together.wait(timeout=30)
            return super().create(title=title, body=body)

    with ThreadPoolExecutor(runs) as pool:
        for run in [pool.submit(app.look, ALARM, kind=Together) for _ in range(runs)]:
            run.result()

    assert [issue.number for issue in app.issues if issue.state == "open"] == [1]
    assert app.look(ALARM) == ()


def test_progress_is_when_the_pin_moved(app: App) -> None:
    assert app.progress() is None
    app.commit("main", "version: 0.1.2\n", days=30)
    app.commit("main", "version: 0.1.2\nholds:\n- version: 0.1.3\n", days=3)

    assert app.progress() == NOW - 30 * DAY


def test_progress_is_when_a_proposal_was_closed_and_now_while_one_is_open(app: App) -> None:
    app.commit("main", "version: 0.1.2\n", days=30)
    app.commit(BRANCH, "version: 0.1.3\n", days=9)
    pull = app.server.hub.open_pull(
        author="engine-ci[bot]",
        title="Bump",
        body=f"<!-- engine-ci: {PIN} 0.1.3 -->",
        head=BRANCH,
        base="main",
        draft=False,
    )

    while_open = app.progress()
    pull.closed = NOW - 5 * DAY
    after = app.progress()
    pull.body = "a person's own"

    assert (while_open, after, app.progress()) == (NOW, NOW - 5 * DAY, NOW - 30 * DAY)
