"""Runs that are cut off, meet errors or meet each other: at the end there is one pull request."""

from __future__ import annotations

import copy
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING

import pytest

from engine_ci.bump.pull_request import Outcome, Proposal
from engine_ci.config import PullRequestPolicy
from engine_ci.errors import EngineCIError, Exit, ForeignCommitError, GitHubError, OutsideError
from engine_ci.system.git import Identity, Repository
from fixtures.github import Fault
from tests.integration.proposals import (
    BRANCH,
    PIN,
    PLAN,
    App,
    git,
    hosted,
    left_by_another_run,
    newer,
)
from tests.unit.bump import records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine_ci.bump.plan import Plan
    from fixtures.github.records import Pull

POLICY = PullRequestPolicy(reviewers=("maintainer",))
NEWER, NEWEST = newer(), newer("0.1.5")
KINDS = pytest.mark.parametrize("opened", [False, True], ids=["opening", "refreshing"])


@dataclass(frozen=True)
class Opened:
    """What a first run left on the server."""

    tip: str
    pulls: list[Pull]


@dataclass(frozen=True)
class Case:
    """An app, to which the same can be done again and again."""

    app: App
    pristine: Path
    first: Opened

    def begin(self, *, opened: bool) -> int:
        """As before the first run, or with an open pull request; how many requests were made."""
        hub, bare = self.app.server.hub, self.app.server.repository
        self.app.server.faults.clear()
        for branch in set(bare.branches()) - {"main"}:
            bare.discard(f"refs/heads/{branch}")
        # As a run left it that is not made again each time.
        if opened:
            bare.keep(f"refs/heads/{BRANCH}", self.first.tip)
        hub.pulls[:] = copy.deepcopy(self.first.pulls) if opened else []
        hub.labels[:] = [label for pull in hub.pulls for label in pull.labels]
        self.fresh("clone")
        return self.asked

    def fresh(self, clone: str) -> None:
        """A clone as every run of a workflow has one."""
        folder = self.app.clone.with_name(clone)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.pristine, folder)

    @property
    def asked(self) -> int:
        return len(self.app.server.requests)

    def run(self, plan: Plan, *, later: int = 0, clone: str = "clone") -> Proposal:
        return self.app.propose(
            plan, policy=POLICY, later=later, clone=self.app.clone.with_name(clone)
        )

    def tried(self, plan: Plan, *, clone: str = "clone") -> Proposal | EngineCIError:
        """What comes of a run."""
        try:
            return self.run(plan, clone=clone)
        except EngineCIError as error:
            return error

    def proposed(self) -> Plan:
        """Which plan stands at the end: one pull request, whole and correct, and no other trace."""
        app = self.app
        assert set(app.tips) == {"main", BRANCH}
        plan = next(plan for plan in (PLAN, NEWER, NEWEST) if plan.title == app.pull.title)
        pull = app.pull
        assert (pull.state, pull.draft, pull.head, pull.base) == ("open", False, BRANCH, "main")
        assert pull.body == plan.body
        assert [label.name for label in pull.labels] == ["engine-bump"]
        assert pull.reviewers == ["maintainer"]
        bare = Repository(path=app.server.repository.path)
        (commit,) = bare.commits(base=app.tips["main"], tip=app.tips[BRANCH])
        assert commit.parents == (app.tips["main"],)
        assert bare.read(PIN, at=BRANCH) == plan.after[PIN]
        assert app.server.hub.issues == []
        return plan


@pytest.fixture(params=["api", "git"])
def case(
    tmp_path: Path, home: Path, waited: list[float], request: pytest.FixtureRequest
) -> Iterator[Case]:
    assert waited == []
    with hosted(tmp_path, home=home, way=request.param) as app:
        pristine = shutil.copytree(app.clone, tmp_path / "pristine")
        app.propose(PLAN, policy=POLICY)
        first = Opened(tip=app.tips[BRANCH], pulls=list(app.server.hub.pulls))
        yield Case(app=app, pristine=pristine, first=first)
    assert [record for record in app.server.requests if record.problem] == []


@KINDS
@pytest.mark.parametrize("late", [False, True], ids=["not heard", "answer lost"])
def test_a_run_that_is_cut_off_at_any_request_is_finished_by_the_next(
    case: Case, *, opened: bool, late: bool
) -> None:
    for cut in count(1):
        before = case.begin(opened=opened)
        case.app.server.faults.cut(cut, late=late)
        ended = case.tried(NEWER)
        case.app.server.faults.clear()
        if case.asked - before < cut:
            break
        assert isinstance(ended, OutsideError), (cut, ended)
        case.run(NEWER, later=60)
        assert case.proposed() is NEWER, cut
    assert cut > 12


# What git asks first of all tells it what the server can do, and nothing that others change.
BETWEEN = "(?!GET .*/info/refs).*"
# The API is asked for two commits, the first of which nothing refers to.
COMMITS = {
    "api": (("POST .*/git/trees", 0), ("POST .*/git/commits", 0), ("POST .*/git/commits", 1)),
    "git": (),
}
WRITES = {
    False: ("POST .*/git-receive-pack", "POST .*/pulls", "POST .*/labels",
            "POST .*/requested_reviewers", "PATCH .*"),
    True: ("POST .*/git-receive-pack", "PATCH .*"),
}  # fmt: skip
LIMITED = {"Retry-After": "60"}
TROUBLES = {
    "502": Fault("", status=502),
    "502, answer lost": Fault("", status=502, late=True),
    "403, a limit": Fault("", status=403, headers=LIMITED, message="a secondary rate limit"),
    "429, a limit": Fault("", status=429, headers=LIMITED, message="a secondary rate limit"),
}


@KINDS
@pytest.mark.parametrize("trouble", TROUBLES)
def test_trouble_at_any_write_is_survived(
    case: Case, waited: list[float], *, opened: bool, trouble: str
) -> None:
    for write, after in (*COMMITS[case.app.way], *((write, 0) for write in WRITES[opened])):
        case.begin(opened=opened)
        waited.clear()
        case.app.server.faults.add(replace(TROUBLES[trouble], match=write, after=after))
        ended = case.tried(NEWER)
        if "receive-pack" in write:
            # git does not try again; the next run does.
            assert isinstance(ended, OutsideError)
            case.run(NEWER, later=60)
        else:
            assert isinstance(ended, Proposal), (write, ended)
            assert waited == ([60.0] if TROUBLES[trouble].headers else [])
        assert case.proposed() is NEWER, write


@KINDS
def test_a_run_between_any_two_requests_of_another_leaves_one_pull_request(
    case: Case, *, opened: bool
) -> None:
    for point in count():
        case.begin(opened=opened)
        case.fresh("second")
        second: list[Proposal | EngineCIError] = []

        def meanwhile(ended: list[Proposal | EngineCIError] = second) -> None:
            ended.append(case.tried(NEWEST, clone="second"))

        case.app.server.faults.add(Fault(BETWEEN, after=point, hold=meanwhile))
        first = case.tried(NEWER)
        case.app.server.faults.clear()
        if not second:
            break
        _agreed(case, {NEWER.title: first, NEWEST.title: second[0]})
    assert point > 6


def _agreed(case: Case, ended: dict[str, Proposal | EngineCIError]) -> None:
    """The winner's proposal stands, and who lost says so."""
    plan = case.proposed()
    assert isinstance(ended.pop(plan.title), Proposal)
    for error in ended.values():
        if isinstance(error, EngineCIError):
            assert error.exit_code is Exit.OUTSIDE
            assert "another run" in error.message, error.message


LOOK = ("GET .*/info/refs", "GET .*/pulls", "POST .*/git-receive-pack", "PATCH .*")
POINTS = {
    False: (*LOOK, "POST .*/pulls", "POST .*/labels", "POST .*/requested_reviewers"),
    True: LOOK,
}


@KINDS
@pytest.mark.parametrize("other", [NEWER, NEWEST], ids=["the same version", "another version"])
def test_two_runs_at_once_leave_one_pull_request(case: Case, *, opened: bool, other: Plan) -> None:
    for point in POINTS[opened]:
        case.begin(opened=opened)
        case.fresh("second")
        together = threading.Barrier(2)

        def meet(together: threading.Barrier = together) -> None:
            with suppress(threading.BrokenBarrierError):
                together.wait(timeout=60)

        def run(
            plan: Plan, clone: str, together: threading.Barrier = together
        ) -> Proposal | EngineCIError:
            try:
                return case.tried(plan, clone=clone)
            finally:
                # Who is alone does not wait for the other.
                together.abort()

        case.app.server.faults.add(Fault(point, count=2, hold=meet))
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(run, NEWER, "clone")
            second = pool.submit(run, other, "second")
            _agreed(case, {NEWER.title: first.result()} | {other.title: second.result()})


def _pushed(app: App) -> str:
    """A person's commit on top of our branch, pushed just now."""
    bare = Repository(path=app.server.repository.path)
    tip = app.tips.get(BRANCH) or app.tips["main"]
    commit = bare.commit_tree(
        bare.write_tree({"README.md": "by hand\n"}, base=tip),
        parent=tip,
        message="A person's work\n",
        identity=Identity(name="A Person", email="person@example.invalid"),
        at=records.NOW,
    )
    app.server.repository.keep(f"refs/heads/{BRANCH}", commit)
    return commit


def test_a_persons_push_between_any_two_requests_is_never_lost(case: Case) -> None:
    for point in count():
        case.begin(opened=True)
        theirs: list[str] = []

        def push(pushed: list[str] = theirs) -> None:
            pushed.append(_pushed(case.app))

        case.app.server.faults.add(Fault(BETWEEN, after=point, hold=push))
        ended = case.tried(NEWER)
        if not theirs:
            break
        assert case.app.tips[BRANCH] == theirs[0], point
        assert isinstance(ended, (ForeignCommitError, Proposal)), (point, ended)
    assert point > 6


FORBIDDEN = "Resource not accessible by integration"


def _words(case: Case) -> list[tuple[str, str | None, str]]:
    return [(pull.title, pull.body, pull.state) for pull in case.app.server.hub.pulls]


@KINDS
@pytest.mark.parametrize("status", [401, 403])
def test_what_the_token_may_not_do_leaves_everything_as_it_was(
    case: Case, *, opened: bool, status: int
) -> None:
    case.begin(opened=opened)
    before = case.app.tips, _words(case)
    write = "PATCH .*" if opened else "POST .*/pulls"
    case.app.server.faults.add(Fault(write, status=status, message=FORBIDDEN))

    ended = case.tried(NEWER)

    assert isinstance(ended, GitHubError)
    assert ended.status == status
    assert (case.app.tips, _words(case)) == before
    case.run(NEWER)
    assert case.proposed() is NEWER


def test_a_branch_that_cannot_be_taken_back_hides_no_refusal(case: Case) -> None:
    case.begin(opened=False)
    case.app.server.faults.add(Fault("POST .*/pulls", status=403, message=FORBIDDEN))
    case.app.server.faults.add(Fault("POST .*/git-receive-pack", after=1))

    ended = case.tried(NEWER)

    assert isinstance(ended, GitHubError)
    assert ended.status == 403
    case.run(NEWER)
    assert case.proposed() is NEWER


@pytest.mark.parametrize("case", ["api"], indirect=True)
def test_what_github_made_before_a_run_was_cut_off_is_on_no_branch(case: Case) -> None:
    case.begin(opened=False)
    case.app.server.faults.add(Fault("POST .*/git-receive-pack"))
    before = _unreachable(case.app)

    assert isinstance(case.tried(NEWER), OutsideError)

    assert set(case.app.tips) == {"main"}
    # The one that says whom GitHub names, and the one that was to be pushed.
    assert len(_unreachable(case.app) - before) == 2
    case.run(NEWER)
    assert case.proposed() is NEWER


def _unreachable(app: App) -> set[str]:
    """The commits that nothing refers to."""
    listed = git(app.server.repository.path, "fsck", "--unreachable").splitlines()
    return {line for line in listed if line.startswith("unreachable commit ")}


def test_a_reviewer_who_was_taken_off_is_not_asked_again(case: Case) -> None:
    case.begin(opened=True)
    case.app.pull.reviewers.clear()

    case.run(NEWER)

    assert case.app.pull.reviewers == []


def test_a_person_who_opens_one_from_our_branch_meanwhile_keeps_it(case: Case) -> None:
    case.begin(opened=False)
    hub = case.app.server.hub

    def open_by_hand() -> None:
        hub.open_pull(
            author="a person", title="Mine", body="by hand", head=BRANCH, base="main", draft=False
        )

    case.app.server.faults.add(Fault("POST .*/pulls", hold=open_by_hand))

    ended = case.tried(NEWER)

    assert isinstance(ended, ForeignCommitError)
    assert (case.app.pull.title, case.app.pull.body) == ("Mine", "by hand")


def test_one_that_a_person_closes_while_it_is_opened_stays_closed(case: Case) -> None:
    case.begin(opened=False)

    def close() -> None:
        case.app.pull.closed = case.app.pull.updated

    case.app.server.faults.add(Fault("PATCH .*", late=True, hold=close))

    ended = case.tried(NEWER)

    assert isinstance(ended, Proposal)
    assert ended.outcome is Outcome.DECLINED
    assert len(case.app.server.hub.pulls) == 1


def test_runs_that_undo_each_other_end(case: Case) -> None:
    case.begin(opened=True)

    def put_back() -> None:
        case.app.server.repository.keep(f"refs/heads/{BRANCH}", case.first.tip)

    case.app.server.faults.add(
        Fault("POST .*/git-receive-pack", late=True, hold=put_back, count=100)
    )

    ended = case.tried(NEWER)

    assert isinstance(ended, OutsideError)
    assert "another run proposes something else than 0.1.4" in ended.message


def test_a_branch_that_moves_between_two_looks_at_it_is_looked_at_again(case: Case) -> None:
    case.begin(opened=True)
    server = case.app.server
    server.faults.add(
        Fault("POST .*/git-upload-pack", late=True, hold=lambda: left_by_another_run(server))
    )

    ended = case.tried(PLAN)

    assert isinstance(ended, Proposal), ended
    assert case.proposed() is PLAN
