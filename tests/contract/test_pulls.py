"""Pull requests: opened, found, edited, closed, opened again, and refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.contract.conftest import Open, Push
    from tests.contract.place import Answer, Place, Said
    from tests.fixtures.clients import WorkingCopy


def reason(answer: Answer) -> tuple[int, str]:
    """The status of a refusal, and what it says first of what is wrong."""
    first = answer.errors[0]
    return answer.status, str(first.get("message") or f"{first['field']}: {first['code']}")


def test_a_pull_request_is_opened_as_asked(place: Place, push: Push, default: str) -> None:
    name, sha = push("opened")
    asked = {"title": place.name("title"), "head": name, "base": default, "body": "why"}

    answer = place.ask("POST", "/pulls", asked)

    made = answer.said
    assert (answer.status, answer.headers["Location"]) == (201, made["url"])
    assert {field: made[field] for field in ("title", "body")} == {
        "title": asked["title"],
        "body": "why",
    }
    assert (made["state"], made["draft"], made["merged"], made["locked"]) == (
        "open",
        False,
        False,
        False,
    )
    assert (made["head"]["ref"], made["head"]["sha"], made["base"]["ref"]) == (name, sha, default)
    assert (made["labels"], made["requested_reviewers"], made["auto_merge"]) == ([], [], None)
    assert (made["commits"], made["changed_files"], made["additions"]) == (1, 1, 1)


def test_it_is_found_by_its_head(place: Place, pull: Said) -> None:
    name = pull["head"]["ref"]

    found = place.eventually(lambda: place.get(f"/pulls?head={place.owner}:{name}"), bool)

    assert [each["number"] for each in found] == [pull["number"]]
    assert place.get(f"/pulls?head={place.owner}:{name}-other") == []
    assert place.get(f"/pulls?state=closed&head={place.owner}:{name}") == []


def test_a_head_without_its_owner_is_not_asked_for(place: Place, pull: Said) -> None:
    found = place.get(f"/pulls?per_page=100&head={place.name('unheard-of')}")

    assert pull["number"] in [each["number"] for each in found]


def test_a_second_one_of_the_same_head_is_refused(place: Place, pull: Said, default: str) -> None:
    name = pull["head"]["ref"]

    again = place.ask("POST", "/pulls", {"title": name, "head": name, "base": default})

    said = f"A pull request already exists for {place.owner}:{name}."
    assert (again.said["message"], reason(again)) == ("Validation Failed", (422, said))


def test_one_without_commits_is_refused(place: Place, work: WorkingCopy, default: str) -> None:
    name = place.name("empty")
    work.git("push", "--quiet", "origin", f"origin/{default}:refs/heads/{name}")

    answer = place.ask("POST", "/pulls", {"title": name, "head": name, "base": default})

    assert reason(answer) == (422, f"No commits between {default} and {name}")


def test_one_of_a_branch_that_is_not_there_is_refused(place: Place, default: str) -> None:
    name = place.name("absent")

    answer = place.ask("POST", "/pulls", {"title": name, "head": name, "base": default})

    assert reason(answer) == (422, "head: invalid")


def test_its_title_and_text_can_be_edited(place: Place, pull: Said) -> None:
    path, title = f"/pulls/{pull['number']}", place.name("edited")

    answer = place.ask("PATCH", path, {"title": title, "body": "new"})

    assert answer.status == 200
    assert [(each["title"], each["body"]) for each in (answer.said, place.get(path))] == [
        (title, "new"),
        (title, "new"),
    ]


def test_it_follows_its_branch_even_when_that_is_forced(
    place: Place, opened: Open, push: Push
) -> None:
    path = f"/pulls/{opened('followed')['number']}"
    _, sha = push("followed", content="two\n")

    seen = place.eventually(lambda: place.get(path), lambda pull: pull["head"]["sha"] == sha)

    assert (seen["head"]["sha"], seen["state"], seen["commits"]) == (sha, "open", 1)
    assert [each["sha"] for each in place.get(f"{path}/commits")] == [sha]
    assert [each["filename"] for each in place.get(f"{path}/files")] == ["followed.txt"]


def test_a_draft_stays_one_whatever_is_sent(place: Place, opened: Open) -> None:
    draft = opened("draft", draft=True)

    answer = place.ask("PATCH", f"/pulls/{draft['number']}", {"draft": False})

    assert (draft["draft"], answer.status, answer.said["draft"]) == (True, 200, True)


def test_auto_merge_cannot_be_switched_on_by_an_edit(place: Place, pull: Said) -> None:
    path = f"/pulls/{pull['number']}"

    place.ask("PATCH", path, {"auto_merge": {"merge_method": "squash"}})

    assert place.get(path)["auto_merge"] is None


def test_it_is_closed_and_opened_again(place: Place, opened: Open) -> None:
    path = f"/pulls/{opened('reopened')['number']}"

    closed = place.ask("PATCH", path, {"state": "closed"}).said
    again = place.ask("PATCH", path, {"state": "open"}).said

    assert (closed["state"], closed["merged"], again["state"]) == ("closed", False, "open")
    assert (closed["closed_at"] is None, again["closed_at"]) == (False, None)


@pytest.mark.parametrize("deleted", [True, False])
def test_it_is_not_opened_again_when_its_commits_left_the_branch(
    place: Place, work: WorkingCopy, opened: Open, push: Push, *, deleted: bool
) -> None:
    what = "deleted" if deleted else "forced"
    path, name = f"/pulls/{opened(what)['number']}", place.name(what)
    place.ask("PATCH", path, {"state": "closed"})
    if deleted:
        work.git("push", "--quiet", "origin", f":{name}")
    else:
        push(what, content="two\n")

    answer = place.eventually(
        lambda: place.ask("PATCH", path, {"state": "open"}), lambda answer: answer.status == 422
    )

    happened = "has been deleted" if deleted else "was force-pushed or recreated"
    assert reason(answer) == (422, f"state cannot be changed. The {name} branch {happened}.")


def test_the_base_of_a_closed_one_cannot_be_changed(place: Place, opened: Open, push: Push) -> None:
    path, (other, _) = f"/pulls/{opened('based')['number']}", push("base")
    place.ask("PATCH", path, {"state": "closed"})

    answer = place.ask("PATCH", path, {"base": other})

    assert reason(answer) == (422, "Cannot change the base branch of a closed pull request.")


def test_it_closes_when_its_branch_is_deleted(
    place: Place, work: WorkingCopy, opened: Open
) -> None:
    path = f"/pulls/{opened('gone')['number']}"
    work.git("push", "--quiet", "origin", f":{place.name('gone')}")

    seen = place.eventually(lambda: place.get(path), lambda pull: pull["state"] == "closed")

    assert (seen["state"], seen["merged"]) == ("closed", False)


def test_a_collaborator_is_asked_for_a_review(place: Place, pull: Said) -> None:
    reviewer = place.needs(place.reviewer, "the login of a collaborator who may be asked")
    path = f"/pulls/{pull['number']}/requested_reviewers"

    asked = place.make(path, {"reviewers": [reviewer]})

    assert [each["login"] for each in asked["requested_reviewers"]] == [reviewer]
    assert [each["login"] for each in place.get(path)["users"]] == [reviewer]


def test_its_author_cannot_be_asked_for_a_review(place: Place, pull: Said) -> None:
    path = f"/pulls/{pull['number']}/requested_reviewers"

    answer = place.ask("POST", path, {"reviewers": [pull["user"]["login"]]})

    assert answer.status == 422


def test_its_author_cannot_approve_it(place: Place, pull: Said) -> None:
    answer = place.ask("POST", f"/pulls/{pull['number']}/reviews", {"event": "APPROVE"})

    assert answer.status == 422
    assert "own pull request" in str(answer.said)
    assert place.get(f"/pulls/{pull['number']}/reviews") == []
