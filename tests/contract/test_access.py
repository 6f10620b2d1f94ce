"""Who may ask for what, how lists are cut, and what was read before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.contract.conftest import Push
    from tests.contract.place import Answer, Place, Said
    from tests.fixtures.clients import WorkingCopy


def test_the_token_may_push(place: Place) -> None:
    whole = place.get("")

    assert whole["full_name"] == place.repository
    assert whole["permissions"]["push"]


def test_a_bad_token_is_unauthorized(place: Place) -> None:
    answer = place.ask("GET", "", token=place.name("guessed"))

    assert (answer.status, answer.said["message"]) == (401, "Bad credentials")


def test_a_repository_that_is_not_there_is_not_found(place: Place) -> None:
    address = f"{place.api_url}/repos/{place.repository}-{place.run}"

    assert place.ask("GET", address).status == 404


@pytest.mark.parametrize(
    "path", ["/branches/{}", "/git/ref/heads/{}", "/labels/{}", "/pulls/999999"]
)
def test_what_is_not_there_is_not_found(place: Place, path: str) -> None:
    assert place.ask("GET", path.format(place.name("absent"))).status == 404


def test_nobody_writes_without_a_token(place: Place) -> None:
    name = place.name("nobody")

    assert place.ask("POST", "/labels", {"name": name}, token=None).status in (401, 403, 404)
    assert place.ask("GET", f"/labels/{name}").status == 404


def test_who_may_read_only_does_not_write(place: Place) -> None:
    token, name = place.needs(place.reader, "a token that may read only"), place.name("reader")

    assert place.ask("POST", "/labels", {"name": name}, token=token).status in (403, 404)
    assert place.ask("GET", f"/labels/{name}").status == 404


def test_who_may_read_only_does_not_push(place: Place, tmp_path: Path) -> None:
    clone = place.clone_of_reader(tmp_path / "app")
    name = place.name("unpushed")

    with pytest.raises(RuntimeError, match=r"403|[Pp]ermission|not found"):
        clone.push(name, {"a.txt": "a\n"})

    assert place.ask("GET", f"/branches/{name}").status == 404


def test_what_was_read_before_is_not_sent_again_until_it_changes(place: Place, push: Push) -> None:
    name, _ = push("cached")
    path = f"/branches/{name}"
    first = place.ask("GET", path)
    etag = first.headers["ETag"]

    def again() -> Answer:
        return place.ask("GET", path, headers={"If-None-Match": etag})

    unchanged = again()
    _, sha = push("cached", content="two\n")
    changed = place.eventually(again, lambda answer: answer.status == 200)

    assert (first.status, unchanged.status, unchanged.said) == (200, 304, None)
    assert unchanged.headers["ETag"].removeprefix("W/") == etag.removeprefix("W/")
    assert (changed.status, changed.said["commit"]["sha"]) == (200, sha)
    assert changed.headers["ETag"] != etag


def test_every_answer_tells_what_is_left_of_the_rate_limit(place: Place) -> None:
    headers = place.ask("GET", "").headers

    assert 0 < int(headers["X-RateLimit-Remaining"]) <= int(headers["X-RateLimit-Limit"])
    assert int(headers["X-RateLimit-Reset"]) > 0


def test_a_long_list_comes_in_pages_that_links_lead_through(place: Place, pull: Said) -> None:
    path = f"/issues/{pull['number']}/comments"
    made = [place.make(path, {"body": f"comment {number}"})["id"] for number in range(3)]

    first = place.ask("GET", f"{path}?per_page=2")
    second = place.ask("GET", first.onward or "")

    assert [each["id"] for each in (*first.said, *second.said)][-3:] == made
    assert len(first.said) == 2
    assert 'rel="last"' in first.headers["Link"]
    assert 'rel="first"' in second.headers["Link"]


def test_a_pushed_branch_is_there_with_its_commit(place: Place, push: Push) -> None:
    name, sha = push("branch")

    branch = place.get(f"/branches/{name}")

    assert (branch["name"], branch["commit"]["sha"], branch["protected"]) == (name, sha, False)
    assert place.get(f"/git/ref/heads/{name}")["object"] == {
        "type": "commit",
        "sha": sha,
        "url": branch["commit"]["url"].replace("/commits/", "/git/commits/"),
    }
    assert place.get(f"/commits/{name}")["sha"] == sha
    assert place.get(f"/commits?sha={name}&per_page=1")[0]["sha"] == sha


def test_a_branch_is_compared_with_another(place: Place, push: Push, default: str) -> None:
    name, sha = push("compared")

    found = place.get(f"/compare/{default}...{name}")

    assert (found["status"], found["ahead_by"], found["behind_by"]) == ("ahead", 1, 0)
    assert [each["sha"] for each in found["commits"]] == [sha]
    assert [(each["filename"], each["status"]) for each in found["files"]] == [
        ("compared.txt", "added")
    ]


def test_the_moves_of_a_branch_are_told(place: Place, push: Push) -> None:
    name, sha = push("moved")

    told = place.eventually(lambda: place.get(f"/activity?ref={name}"), bool)

    assert [(each["activity_type"], each["after"]) for each in told] == [("branch_creation", sha)]


def test_a_commit_that_github_makes_is_on_no_branch_until_it_is_pushed(
    place: Place, work: WorkingCopy, pull: Said
) -> None:
    name, onto = place.name("made"), place.get(f"/git/commits/{pull['head']['sha']}")
    file = {"path": "made.txt", "mode": "100644", "type": "blob", "content": "made\n"}
    tree = place.make("/git/trees", {"base_tree": onto["tree"]["sha"], "tree": [file]})

    made = place.make(
        "/git/commits", {"message": "made", "tree": tree["sha"], "parents": [onto["sha"]]}
    )
    work.git("fetch", "--quiet", "origin", made["sha"])
    absent = place.ask("GET", f"/branches/{name}").status
    work.git("push", "--quiet", "origin", f"{made['sha']}:refs/heads/{name}")

    assert (absent, place.get(f"/branches/{name}")["commit"]["sha"]) == (404, made["sha"])
    assert work.git("show", f"{made['sha']}:made.txt") == "made"
    if pull["user"]["type"] == "Bot":
        assert (made["verification"]["verified"], made["committer"]["name"]) == (True, "GitHub")
