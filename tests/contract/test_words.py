"""What is said about pull requests and commits: labels, comments, checks, statuses and rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.contract.place import Place, Said


def test_a_label_that_the_repository_lacks_is_made_where_it_is_put_on(
    place: Place, pull: Said
) -> None:
    name, path = place.name("new"), f"/issues/{pull['number']}/labels"

    place.make(path, {"labels": [name]})
    place.make(path, {"labels": [name]})

    assert [each["name"] for each in place.get(path)] == [name]
    assert place.get(f"/labels/{name}")["name"] == name
    assert name in [each["name"] for each in place.get(f"/pulls/{pull['number']}")["labels"]]
    assert place.ask("DELETE", f"{path}/{name}").said == []


def test_a_label_is_made_once(place: Place) -> None:
    name = place.name("once")

    made = place.ask("POST", "/labels", {"name": name, "color": "ededed", "description": "why"})
    again = place.ask("POST", "/labels", {"name": name})

    assert (made.status, made.headers["Location"]) == (201, made.said["url"])
    assert (made.said["color"], made.said["description"]) == ("ededed", "why")
    assert (again.status, again.errors[0]["code"]) == (422, "already_exists")
    assert place.ask("DELETE", f"/labels/{name}").status == 204
    assert place.ask("GET", f"/labels/{name}").status == 404


def test_a_label_that_is_not_on_it_cannot_be_taken_off(place: Place, pull: Said) -> None:
    path = f"/issues/{pull['number']}/labels/{place.name('absent')}"

    answer = place.ask("DELETE", path)

    assert (answer.status, answer.said["message"]) == (404, "Label does not exist")


def test_who_put_a_label_on_and_took_it_off_is_told(place: Place, pull: Said) -> None:
    name, number = place.name("told"), pull["number"]
    place.make(f"/issues/{number}/labels", {"labels": [name]})
    place.ask("DELETE", f"/issues/{number}/labels/{name}")

    def told() -> list[tuple[str, str]]:
        events = place.get(f"/issues/{number}/events?per_page=100")
        return [
            (each["event"], each["actor"]["login"])
            for each in events
            if each.get("label", {}).get("name") == name
        ]

    who = pull["user"]["login"]
    assert place.eventually(told, lambda events: len(events) == 2) == [
        ("labeled", who),
        ("unlabeled", who),
    ]


def test_a_comment_is_written_and_edited(place: Place, pull: Said) -> None:
    answer = place.ask("POST", f"/issues/{pull['number']}/comments", {"body": "first"})
    address = answer.said["url"]

    edited = place.ask("PATCH", address, {"body": "second"})

    assert (answer.status, answer.headers["Location"]) == (201, address)
    assert answer.said["user"]["login"] == pull["user"]["login"]
    assert (edited.status, edited.said["body"]) == (200, "second")
    bodies = [each["body"] for each in place.get(f"/issues/{pull['number']}/comments?per_page=100")]
    assert "second" in bodies
    assert "first" not in bodies


def test_a_comment_without_words_is_refused(place: Place, pull: Said) -> None:
    answer = place.ask("POST", f"/issues/{pull['number']}/comments", {"body": ""})

    assert answer.status == 422


def test_a_pull_request_is_an_issue_too(place: Place, pull: Said) -> None:
    issue = place.get(f"/issues/{pull['number']}")

    assert (issue["number"], issue["state"]) == (pull["number"], "open")
    assert issue["pull_request"]["url"] == pull["url"]


def test_an_app_puts_a_run_of_a_check_on_a_commit(place: Place, pull: Said) -> None:
    sha, name = pull["head"]["sha"], place.name("check")
    asked = {"name": name, "head_sha": sha, "status": "completed", "conclusion": "success"}
    if pull["user"]["type"] != "Bot":
        assert place.ask("POST", "/check-runs", asked).status == 403
        pytest.skip("needs the token of an app: a person makes no run of a check")

    made = place.make("/check-runs", asked)
    found = place.eventually(
        lambda: place.get(f"/commits/{sha}/check-runs?check_name={name}"),
        lambda runs: runs["total_count"] > 0,
    )

    assert (made["status"], made["conclusion"], made["head_sha"]) == ("completed", "success", sha)
    assert (found["total_count"], found["check_runs"][0]["id"]) == (1, made["id"])
    assert place.get(f"/commits/{sha}/check-runs?check_name={name}x")["check_runs"] == []


def test_a_status_is_put_on_a_commit_and_the_last_one_is_listed_first(
    place: Place, pull: Said
) -> None:
    sha, name = pull["head"]["sha"], place.name("status")
    for state in ("pending", "success"):
        place.make(f"/statuses/{sha}", {"state": state, "context": name})

    def states() -> list[str]:
        listed = place.get(f"/commits/{sha}/statuses?per_page=100")
        return [each["state"] for each in listed if each["context"] == name]

    assert place.eventually(states, lambda seen: len(seen) == 2) == ["success", "pending"]
    assert place.ask("POST", f"/statuses/{sha}", {"state": "fine"}).status == 422


def test_the_rules_of_the_default_branch_are_told(place: Place, default: str) -> None:
    rules = place.get(f"/rules/branches/{default}")

    if not rules:
        pytest.skip("needs a ruleset for the default branch")
    assert all(isinstance(each["ruleset_id"], int) for each in rules)
    assert {each["type"] for each in rules} & {"pull_request", "required_status_checks", "deletion"}


def test_what_a_collaborator_may_do_is_told(place: Place) -> None:
    reviewer = place.needs(place.reviewer, "the login of a collaborator who may be asked")

    told = place.get(f"/collaborators/{reviewer}/permission")

    assert told["permission"] in ("admin", "write")
    assert told["user"]["login"] == reviewer
