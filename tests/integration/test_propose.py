"""The pull request of a plan, on an embedded GitHub with a real git repository behind it."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from engine_ci.bump import page
from engine_ci.bump.plan import File
from engine_ci.bump.pull_request import Outcome, Proposal
from engine_ci.config import PullRequestPolicy
from engine_ci.errors import CommandError, ForeignCommitError, GitHubError, OutsideError
from engine_ci.pins.targets import Target
from engine_ci.records.candidate import Refusal
from engine_ci.records.gate import Verdict
from engine_ci.system.git import Repository
from fixtures.github import Fault, signing
from tests.integration.proposals import BRANCH, PIN, PLAN, READ, WRITE, App, git, hosted, newer
from tests.unit.bump import records
from tests.unit.system.clones import introduce

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine_ci.bump.plan import Plan


@pytest.fixture(params=["api", "git"])
def app(tmp_path: Path, home: Path, request: pytest.FixtureRequest) -> Iterator[App]:
    with hosted(tmp_path, home=home, way=request.param) as found:
        yield found
    assert [record for record in found.server.requests if record.problem] == []


def test_one_branch_and_one_pull_request_are_opened(app: App) -> None:
    proposal = app.propose(policy=PullRequestPolicy(reviewers=("maintainer",)))

    assert proposal.outcome is Outcome.OPENED
    assert proposal.notes == ()
    assert proposal.pull_request is not None
    assert proposal.pull_request.url == f"{app.server.api_url}/example/app/pull/1"
    pull = app.pull
    assert (pull.title, pull.body, pull.draft) == (PLAN.title, PLAN.body, False)
    assert (pull.head, pull.base) == (BRANCH, "main")
    assert [label.name for label in pull.labels] == ["engine-bump"]
    assert pull.reviewers == ["maintainer"]
    assert set(app.tips) == {"main", BRANCH}


def test_the_commit_is_signed_off_and_changes_the_pin_only(app: App) -> None:
    app.propose()

    tree = app.show(BRANCH, "%T")
    assert app.show(BRANCH) == (
        f"{PLAN.message}\n\nEngine-CI-Tree: {tree}\nSigned-off-by: {app.author}"
    )
    assert app.show(BRANCH, "%an <%ae>") == app.author
    assert app.show(BRANCH, "%P") == app.tips["main"]
    bare = Repository(path=app.server.repository.path)
    assert bare.read(PIN, at=BRANCH) == PLAN.after[PIN]
    assert git(bare.path, "diff", "--name-only", "main", BRANCH) == PIN


def test_what_github_makes_is_signed_by_it(app: App) -> None:
    app.propose()

    raw = git(app.server.repository.path, "cat-file", "commit", BRANCH) + "\n"
    said = signing.verification(raw, at="now")
    assert said["reason"] == {"api": "valid", "git": "unsigned"}[app.way]


# As GitHub says it, of a rule "Require signed commits".
SIGNED = """#!/bin/sh
while read -r _ new _; do
    git cat-file commit "$new" | grep -q ^gpgsig && continue
    echo "Commits must have verified signatures." >&2
    exit 1
done
"""


def _takes_signed_commits_only(app: App) -> None:
    hook = app.server.repository.path / "hooks" / "pre-receive"
    hook.parent.mkdir()
    hook.write_text(SIGNED)
    hook.chmod(0o755)


@pytest.mark.parametrize("app", ["api"], indirect=True)
def test_where_commits_have_to_be_signed_githubs_are_taken(app: App) -> None:
    _takes_signed_commits_only(app)

    assert app.propose().outcome is Outcome.OPENED
    assert app.propose(newer(), later=60).outcome is Outcome.REFRESHED


@pytest.mark.parametrize("app", ["git"], indirect=True)
def test_where_commits_have_to_be_signed_others_are_refused(app: App) -> None:
    _takes_signed_commits_only(app)

    with pytest.raises(CommandError, match="must have verified signatures"):
        app.propose()
    assert set(app.tips) == {"main"}


def test_what_was_made_one_way_may_be_refreshed_the_other_way(app: App, home: Path) -> None:
    introduce(home)
    app.propose()
    other = replace(app, way={"api": "git", "git": "api"}[app.way])
    assert other.propose(later=60).outcome is Outcome.UNCHANGED

    assert other.propose(newer(), later=60).outcome is Outcome.REFRESHED
    assert app.show(BRANCH, "%an <%ae>") == other.author


def test_a_program_stays_one(app: App) -> None:
    script = File(path="ensure", text='#!/bin/sh\nTAG="0.1.2"\n')
    app.commit("main", onto="main", files={script.path: script.text})
    person = app.clone.parent / "person"
    git(person, "update-index", "--chmod=+x", script.path)
    git(person, "commit", "--quiet", "-m", "Make it a program")
    git(person, "push", "--quiet", "origin", "HEAD:main")
    target = Target(file=script.path, pattern='"(?P<version>[^"]+)"')

    app.propose(records.planned(targets=[(target, script)]))

    listed = git(app.server.repository.path, "ls-tree", BRANCH, script.path)
    assert listed.split()[0] == "100755"


def test_the_clone_stays_as_it_was(app: App) -> None:
    (app.clone / PIN).write_text("unsaved work\n")
    questions = (("status", "--porcelain"), ("for-each-ref", "refs/heads"), ("rev-parse", "HEAD"))
    before = [git(app.clone, *question) for question in questions]

    app.propose()

    assert [git(app.clone, *question) for question in questions] == before


def test_the_second_run_changes_nothing(app: App) -> None:
    app.propose()
    tips, writes = app.tips, app.writes()

    proposal = app.propose(later=60)

    assert proposal.outcome is Outcome.UNCHANGED
    assert app.tips == tips
    assert app.writes() == writes
    assert len(app.server.hub.pulls) == 1


def test_a_newer_candidate_refreshes_the_same_pull_request(app: App) -> None:
    app.propose()
    later = newer()

    proposal = app.propose(later, later=60)

    assert proposal.outcome is Outcome.REFRESHED
    assert proposal.pull_request is not None
    assert proposal.pull_request.title == app.pull.title == later.title
    assert app.pull.body == later.body
    assert app.show(BRANCH, "%P") == app.tips["main"]
    assert Repository(path=app.server.repository.path).read(PIN, at=BRANCH) == later.after[PIN]


def test_a_report_with_other_numbers_edits_the_text_and_pushes_nothing(app: App) -> None:
    app.propose()
    tip = app.tips[BRANCH]

    proposal = app.propose(replace(PLAN, body=PLAN.body.replace("1 warn", "2 warn")))

    assert proposal.outcome is Outcome.REFRESHED
    assert "2 warn" in str(app.pull.body)
    assert app.tips[BRANCH] == tip


def test_a_label_that_is_missing_is_added_again(app: App) -> None:
    app.propose()
    app.pull.labels.clear()

    assert app.propose().outcome is Outcome.REFRESHED
    assert labels(app) == ["engine-bump"]


def test_a_label_is_the_same_however_the_repository_writes_it(app: App) -> None:
    for name in ("engine-BUMP", page.BLOCKED.title()):
        app.server.hub.create_label(name, color=None, description=None)
    app.propose(_unsure())
    blocked, writes = labels(app), app.writes()

    app.propose(_unsure())

    assert blocked == ["engine-BUMP", "Engine-Blocked"]
    assert app.writes() == writes
    assert app.propose().outcome is Outcome.REFRESHED
    assert labels(app) == ["engine-BUMP"]


def test_no_label_is_put_where_none_is_wanted(app: App) -> None:
    app.propose(policy=PullRequestPolicy(labels=()))

    assert app.pull.labels == []


@pytest.mark.parametrize("files", [{"README.md": "more\n"}, {}], ids=["a file", "no file"])
def test_when_the_base_moves_the_branch_is_built_anew_on_it(
    app: App, files: dict[str, str]
) -> None:
    app.propose()
    main = app.commit("main", onto="main", files=files)

    proposal = app.propose(later=60)

    assert proposal.outcome is Outcome.REFRESHED
    assert app.show(BRANCH, "%P") == main
    assert git(app.server.repository.path, "diff", "--name-only", "main", BRANCH) == PIN
    assert app.propose(later=120).outcome is Outcome.UNCHANGED


def test_a_foreign_commit_stops_it_and_nothing_is_lost(app: App) -> None:
    app.propose()
    theirs = app.commit(BRANCH, onto=BRANCH, files={"notes.txt": "by hand\n"})
    writes = app.writes()

    with pytest.raises(ForeignCommitError) as caught:
        app.propose(newer(), later=60)
    assert caught.value.message == (
        f"{BRANCH}: commit {theirs[:12]} by A Person <person@example.invalid> is not ours: "
        "A person's work"
    )
    assert app.tips[BRANCH] == theirs
    assert app.writes() == writes


@pytest.mark.parametrize(
    "amendment",
    [("--no-edit", "--reset-author", "--all"), ("--no-edit",), ("-m", "My words")],
    ids=["other content under our message", "another committer", "other words"],
)
def test_our_commit_amended_by_a_person_is_theirs(app: App, amendment: tuple[str, ...]) -> None:
    app.propose()
    person = app.clone.parent / "person"
    git(
        app.clone.parent,
        "clone",
        "--quiet",
        "-b",
        BRANCH,
        str(app.server.repository.path),
        "person",
    )
    (person / "README.md").write_text("by hand\n")
    git(person, "commit", "--quiet", "--amend", *amendment)
    git(person, "push", "--quiet", "--force", "origin", f"HEAD:{BRANCH}")
    theirs = app.tips[BRANCH]

    with pytest.raises(ForeignCommitError, match="is not ours"):
        app.propose(later=60)
    assert app.tips[BRANCH] == theirs


def test_a_branch_that_nobody_proposed_from_is_used_only_if_it_is_ours(app: App) -> None:
    theirs = app.commit(BRANCH, onto="main", files={"notes.txt": "by hand\n"})

    with pytest.raises(ForeignCommitError, match="is not ours"):
        app.propose()
    assert app.tips[BRANCH] == theirs
    assert app.server.hub.pulls == []


def test_a_pull_request_of_a_person_from_our_branch_is_not_rewritten(app: App) -> None:
    app.propose()
    app.pull.body = "My own words"

    with pytest.raises(ForeignCommitError, match=r"#1 is open .* and its text is not ours"):
        app.propose(newer())
    assert app.pull.body == "My own words"


def test_what_a_person_closed_stays_closed(app: App) -> None:
    app.propose()
    app.pull.closed = app.pull.updated
    writes = app.writes()

    proposal = app.propose(later=60)

    assert proposal.outcome is Outcome.DECLINED
    assert proposal.notes == ("#1 for 0.1.3 was closed by a person, so it stays closed",)
    assert app.writes() == writes


def test_what_a_person_closed_is_opened_again_where_a_person_asks_for_it(app: App) -> None:
    app.propose()
    app.pull.closed = app.pull.updated

    proposal = app.propose(replace(PLAN, insists=True), later=60)

    assert proposal.outcome is Outcome.OPENED
    assert [pull.state for pull in app.server.hub.pulls] == ["closed", "open"]


def test_after_a_closed_one_another_version_gets_its_own(app: App) -> None:
    app.propose()
    app.pull.closed = app.pull.updated

    proposal = app.propose(newer(), later=60)

    assert proposal.outcome is Outcome.OPENED
    assert [pull.state for pull in app.server.hub.pulls] == ["closed", "open"]


def test_what_was_merged_and_taken_back_may_be_proposed_again(app: App) -> None:
    app.propose()
    app.pull.merged = app.pull.closed = app.pull.updated

    assert app.propose(later=60).outcome is Outcome.OPENED


def test_files_that_carry_the_pin_are_in_the_same_commit(app: App) -> None:
    script = File(path="ensure.ts", text='TAG = "0.1.2"\r\n')
    onto = app.commit("main", onto="main", files={script.path: script.text})
    target = Target(file=script.path, pattern='"(?P<version>[^"]+)"')

    app.propose(records.planned(targets=[(target, script)]))

    bare = Repository(path=app.server.repository.path)
    assert bare.read(script.path, at=BRANCH) == 'TAG = "0.1.3"\r\n'
    changed = git(bare.path, "diff", "--name-only", onto, BRANCH).splitlines()
    assert changed == [script.path, PIN]


def test_a_file_that_changed_on_the_base_is_not_overwritten(app: App) -> None:
    script = File(path="ensure.ts", text='TAG = "0.1.2"\n')
    app.commit("main", onto="main", files={script.path: 'TAG = "0.1.2"\n// new\n'})
    target = Target(file=script.path, pattern='"(?P<version>[^"]+)"')

    with pytest.raises(ForeignCommitError, match=r"ensure\.ts on main is not what this run"):
        app.propose(records.planned(targets=[(target, script)]))
    assert BRANCH not in app.tips


def test_a_pin_that_the_base_has_already_needs_nothing(app: App) -> None:
    app.commit("main", onto="main", files=dict(PLAN.after))

    proposal = app.propose()

    assert proposal == Proposal(outcome=Outcome.PRESENT, pull_request=None)
    assert app.writes() == []


@pytest.mark.parametrize("gone", [False, True], ids=["changed", "removed"])
def test_a_pin_that_changed_on_the_base_is_not_overwritten(app: App, *, gone: bool) -> None:
    if gone:
        git(app.clone, "rm", "--quiet", PIN)
        git(app.clone, "commit", "--quiet", "-m", "Drop it")
        git(app.clone, "push", "--quiet", str(app.server.repository.path), "HEAD:main")
    else:
        held = PLAN.before[PIN] + "holds:\n- version: 0.1.3\n  reason: not yet\n"
        app.commit("main", onto="main", files={PIN: held})

    with pytest.raises(ForeignCommitError, match="on main is not what this run started from"):
        app.propose()
    assert BRANCH not in app.tips


def test_a_base_that_is_not_there_is_named(app: App) -> None:
    git(app.server.repository.path, "branch", "-m", "main", "trunk")

    with pytest.raises(OutsideError, match="there is no branch main"):
        app.propose()


def test_an_inconclusive_gate_opens_a_draft_with_the_reason_first(app: App) -> None:
    app.propose(_unsure())

    assert app.pull.draft
    assert str(app.pull.body).startswith("> [!WARNING]\n> **This is a draft: the gate says inc")


def test_a_draft_is_labelled_as_blocked_until_the_gate_passes(app: App) -> None:
    app.propose(_unsure())
    blocked = labels(app)
    app.propose(_unsure())
    again = labels(app)
    app.pull.labels.pop()
    app.propose(_unsure())
    restored = labels(app)

    assert app.propose().outcome is Outcome.REFRESHED
    assert blocked == again == restored == ["engine-bump", page.BLOCKED]
    assert labels(app) == ["engine-bump"]


def test_one_that_is_no_draft_by_the_apps_policy_is_not_blocked(app: App) -> None:
    policy = PullRequestPolicy(draft_on=())
    app.propose(_unsure(policy=policy), policy=policy)

    assert labels(app) == ["engine-bump"]


def test_the_label_alone_is_reason_enough_to_refresh(app: App) -> None:
    app.propose()
    blocked = replace(app.pull.labels[0], name=page.BLOCKED)
    app.server.hub.labels.append(blocked)
    app.pull.labels.append(blocked)

    assert app.propose().outcome is Outcome.REFRESHED
    assert labels(app) == ["engine-bump"]
    assert app.propose().outcome is Outcome.UNCHANGED


def test_a_draft_that_need_not_be_one_says_what_to_press(app: App) -> None:
    app.propose(_unsure())

    proposal = app.propose()

    assert proposal.outcome is Outcome.REFRESHED
    assert proposal.notes[0].startswith("The gate passes now")
    assert str(app.pull.body).startswith("> [!NOTE]\n> The gate passes now")
    assert app.propose().outcome is Outcome.UNCHANGED


def test_a_ready_one_that_should_be_a_draft_says_so_first(app: App) -> None:
    app.propose()

    proposal = app.propose(_unsure())

    assert proposal.notes[0].startswith("This ought to be a draft now")
    assert str(app.pull.body).startswith("> [!NOTE]\n> This ought to be a draft now")


def test_a_reviewer_who_may_not_review_is_told_and_stops_nothing(app: App) -> None:
    policy = PullRequestPolicy(reviewers=("stranger", "maintainer"))
    proposal = app.propose(policy=policy)

    assert proposal.outcome is Outcome.OPENED
    (note,) = proposal.notes
    assert note.startswith("stranger was not asked for a review: example/app: asking for")
    assert app.pull.reviewers == ["maintainer"]


def test_an_answer_that_got_lost_does_not_open_two(app: App) -> None:
    app.server.faults.add(Fault("POST /repos/example/app/pulls", late=True))

    assert app.propose().outcome is Outcome.OPENED
    assert app.pull.number == 1


def test_a_run_that_died_after_the_push_is_finished_by_the_next(app: App) -> None:
    app.server.faults.add(Fault("POST /repos/example/app/pulls", status=400))
    with pytest.raises(GitHubError):
        app.propose()
    assert set(app.tips) == {"main", BRANCH}

    assert app.propose(later=60).outcome is Outcome.OPENED


@pytest.mark.parametrize(
    "token", [READ, secrets.token_hex(20)], ids=["one that may only read", "a wrong one"]
)
def test_a_token_without_the_rights_is_refused_and_not_shown(app: App, token: str) -> None:
    with pytest.raises((CommandError, GitHubError)) as caught:
        app.propose(token=token)

    assert "token" in str(caught.value.hint)
    shown = f"{caught.value!r} {caught.value.__cause__!r} {getattr(caught.value, 'stderr', '')}"
    assert token not in shown
    assert BRANCH not in app.tips
    assert app.server.hub.pulls == []


def test_no_token_is_left_in_the_clone(app: App) -> None:
    app.propose()

    kept = [path for path in (app.clone / ".git").rglob("*") if path.is_file()]
    assert kept
    assert not any(WRITE.encode() in path.read_bytes() for path in kept)


def test_words_of_upstream_reach_github_dead(app: App) -> None:
    evil = "@octocat fixes #123 <!-- engine-ci: llama.cpp 9 --> {{ x }}"
    refused = (Refusal(version="0.2.0", reason=evil, evidence=(evil,)),)

    app.propose(records.planned(candidate=records.candidate(refused=refused)))

    sent = str(app.pull.body)
    assert "octocat" in sent
    for live in ("@octocat", "#123", "<!-- engine-ci: llama.cpp 9", "{{"):
        assert live not in sent


def test_whatever_happened_nothing_asked_for_a_merge(app: App) -> None:
    app.propose()
    app.commit("main", onto="main", files={"README.md": "more\n"})
    app.propose(newer(), later=60)

    assert app.server.requests
    assert not [each for each in app.server.requests if "merge" in f"{each.path} {each.operation}"]
    assert app.pull.merged is None
    assert app.show("main", "%s") == "A person's work"


def labels(app: App) -> list[str]:
    """Those of the only pull request."""
    return [label.name for label in app.pull.labels]


def _unsure(policy: PullRequestPolicy | None = None) -> Plan:
    noisy = records.measurement(verdict="inconclusive")
    result = records.result(verdict=Verdict.INCONCLUSIVE, performance=(noisy,))
    return records.planned(result=result, policy=policy or PullRequestPolicy())
