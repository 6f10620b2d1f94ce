"""The history of a real repository, by way of a real git."""

from __future__ import annotations

import shutil
import socket
import subprocess
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.errors import CommandError, OutsideError, UsageError
from engine_ci.system import history
from engine_ci.system.history import TIP, Change, History
from fixtures.github import GitHubServer
from tests.unit.system import origin
from tests.unit.system.test_git import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.system.origin import Origin


@pytest.fixture
def upstream(tmp_path: Path, home: Path) -> Origin:
    """A repository with one commit, of two files."""
    made = origin.make(tmp_path, home)
    made.commit("start", {"src/llama.cpp": "one\n", "README.md": "read\n"})
    return made


def fetched(upstream: Origin, tmp_path: Path) -> History:
    return History.fetched(upstream.address, home=tmp_path / "cache")


@contextmanager
def asking_for_a_password() -> Iterator[str]:
    """The address of a server that wants to know who asks, whatever it is asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="up"')
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/llama.cpp.git"
        finally:
            server.shutdown()
            thread.join()


def add_settings(tmp_path: Path, text: str) -> None:
    """Those of the user's git."""
    file = tmp_path / "home" / ".gitconfig"
    file.write_text(file.read_text() + text)


def contents(log: History) -> list[str]:
    """The files' contents that a clone has."""
    every = run(log.folder, "cat-file", "--batch-all-objects", "--batch-check").splitlines()
    return [line for line in every if " blob " in line]


def test_commits_come_newest_first_with_subject_date_and_paths(
    upstream: Origin, tmp_path: Path
) -> None:
    old = upstream.tag("b1")
    upstream.commit("server : größer (#2)", {"tools/server/é.cpp": "1", "a\nb": "2"})
    new = upstream.commit("nothing at all")

    first, second = fetched(upstream, tmp_path).between(old, new)

    assert (first.id, first.subject, first.paths) == (new, "nothing at all", ())
    assert second.subject == "server : größer (#2)"
    assert second.paths == ("a\nb", "tools/server/é.cpp")
    assert second.at == datetime(2026, 8, 20, 10, tzinfo=UTC)


def test_what_is_read_does_not_depend_on_how_the_user_likes_to_see_it(
    upstream: Origin, tmp_path: Path
) -> None:
    add_settings(
        tmp_path,
        "[i18n]\n\tlogOutputEncoding = ISO-8859-1\n[log]\n\tshowSignature = true\n"
        "[diff]\n\trenames = copies\n[core]\n\tquotePath = true\n",
    )
    old = upstream.tag("b1")
    new = upstream.commit("größer", {"é.cpp": "1"})
    log = fetched(upstream, tmp_path)

    (change,) = log.between(old, new)

    assert (change.subject, change.paths) == ("größer", ("é.cpp",))
    assert log.date(new) == change.at


def test_a_range_longer_than_what_an_api_would_tell_is_read_whole(
    upstream: Origin, tmp_path: Path
) -> None:
    old = upstream.tag("b1")
    commits = "".join(
        f"commit refs/heads/master\ncommitter Up <up@example.invalid> {number} +0000\n"
        f"data 3\nnew\n{f'from {old}{chr(10)}' if number == 1 else ''}"
        f"M 100644 inline src/{number}.cpp\ndata 1\n1\nM 100644 inline {number}.h\ndata 1\n2\n"
        for number in range(1, 301)
    )
    subprocess.run(
        ["git", "fast-import", "--quiet", "--force"],
        cwd=upstream.path, input=commits.encode(), check=True,
    )  # fmt: skip

    changes = fetched(upstream, tmp_path).between(old, run(upstream.path, "rev-parse", "master"))

    assert len(changes) == 300
    assert len({path for change in changes for path in change.paths}) == 600


def test_a_rename_names_both_paths(upstream: Origin, tmp_path: Path) -> None:
    old = upstream.tag("b1")
    run(upstream.path, "mv", "src/llama.cpp", "src/new.cpp")

    (change,) = fetched(upstream, tmp_path).between(old, upstream.commit("llama : rename"))

    assert change.paths == ("src/llama.cpp", "src/new.cpp")


def test_a_merge_shows_what_it_brings(upstream: Origin, tmp_path: Path) -> None:
    old = upstream.tag("b1")
    run(upstream.path, "checkout", "--quiet", "-b", "side")
    upstream.commit("side", {"side.cpp": "1"})
    run(upstream.path, "checkout", "--quiet", "master")
    run(upstream.path, "merge", "--quiet", "--no-ff", "-m", "merge", "side")

    changes = fetched(upstream, tmp_path).between(old, run(upstream.path, "rev-parse", "HEAD"))

    assert {change.subject: change.paths for change in changes} == {
        "merge": ("side.cpp",),
        "side": ("side.cpp",),
    }


@given(
    st.lists(
        st.builds(
            Change,
            id=st.from_regex(r"[0-9a-f]{40}", fullmatch=True),
            at=st.integers(0, 2**37).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
            subject=st.text(st.characters(exclude_characters="\0\n", codec="utf-8")),
            paths=st.lists(
                st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1)
            ).map(tuple),
        )
    )
)
def test_what_git_lists_is_read_whatever_names_and_subjects_are(changes: list[Change]) -> None:
    listing = "".join(
        "\0".join(["", change.id, str(int(change.at.timestamp())), change.subject, ""])
        + ("\n" + "".join(f"{path}\0" for path in change.paths) if change.paths else "")
        for change in changes
    )

    assert list(history._changes(listing)) == changes


def test_no_commit_lies_between_one_and_itself(upstream: Origin, tmp_path: Path) -> None:
    tip = upstream.tag("b1")

    assert fetched(upstream, tmp_path).between(tip, tip) == ()


def test_commits_that_do_not_follow_each_other_have_no_range(
    upstream: Origin, tmp_path: Path
) -> None:
    old = upstream.tag("b1")
    new = upstream.commit("later")

    with pytest.raises(OutsideError, match=f"{old} does not come after {new}"):
        fetched(upstream, tmp_path).between(new, old)


def test_a_range_without_end_is_refused(
    upstream: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MOST_COMMITS", 1)
    old = upstream.tag("b1")
    upstream.commit("one")
    log = fetched(upstream, tmp_path)

    assert len(log.between(old, str(log.commit(TIP)))) == 1
    new = upstream.commit("two")
    with pytest.raises(OutsideError, match="more than 1 commits"):
        fetched(upstream, tmp_path).between(old, new)


def test_a_date_of_no_calendar_is_brought_back_into_it(upstream: Origin, tmp_path: Path) -> None:
    old = upstream.tag("b1")
    tree = run(upstream.path, "rev-parse", "HEAD^{tree}")
    author = "Up <up@example.invalid> 99999999999999 +0000"
    text = f"tree {tree}\nparent {old}\nauthor {author}\ncommitter {author}\n\nlate\n"
    made = subprocess.run(
        ["git", "hash-object", "-t", "commit", "-w", "--stdin"],
        cwd=upstream.path, input=text, check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    run(upstream.path, "update-ref", "refs/heads/master", made)

    (change,) = fetched(upstream, tmp_path).between(old, made)

    assert change.at.year == 9999


def test_contents_come_when_they_are_read_and_no_other_does(
    upstream: Origin, tmp_path: Path
) -> None:
    tip = upstream.tag("b1")
    log = fetched(upstream, tmp_path)

    assert contents(log) == []
    assert log.read("src/llama.cpp", at=tip) == "one\n"
    assert len(contents(log)) == 1
    assert log.read("src/none.cpp", at=tip) is None


def test_a_file_without_end_is_not_read(
    upstream: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tip = upstream.tag("b1")
    monkeypatch.setattr(history, "MOST_BYTES", 3)

    with pytest.raises(OutsideError, match=r"src/llama\.cpp of the commit .* more than 3 bytes"):
        fetched(upstream, tmp_path).read("src/llama.cpp", at=tip)


def test_commits_are_known_by_whole_and_abbreviated_ids(upstream: Origin, tmp_path: Path) -> None:
    tip = upstream.tag("b1")
    log = fetched(upstream, tmp_path)

    assert log.commit(tip[:7]) == log.commit(tip) == log.commit(TIP) == tip
    assert log.commit("0123456") is None
    assert log.date(tip) == datetime(2026, 8, 20, 10, tzinfo=UTC)


def test_a_tag_is_fetched_when_it_is_asked_for(
    upstream: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = upstream.tag("b1")
    run(upstream.path, "tag", "--annotate", "-m", "b2", "b2")
    log = fetched(upstream, tmp_path)

    assert run(log.folder, "tag") == ""
    assert (log.tagged("b1"), log.tagged("b2")) == (expected, expected)
    monkeypatch.setattr(History, "_fetch", None)
    assert log.tagged("b1") == expected


def test_a_tag_that_is_not_there_is_a_fault_of_the_outside(
    upstream: Origin, tmp_path: Path
) -> None:
    with pytest.raises(CommandError, match="refs/tags/b9"):
        fetched(upstream, tmp_path).tagged("b9")


def test_a_later_run_brings_what_is_new_to_the_clone_that_is_there(
    upstream: Origin, tmp_path: Path
) -> None:
    log = fetched(upstream, tmp_path)
    log.read("README.md", at=TIP)
    new = upstream.commit("later", {"later.cpp": "1"})

    again = fetched(upstream, tmp_path)

    assert again.folder == log.folder
    assert again.commit(TIP) == new
    assert len(contents(again)) == 1


def test_a_rewritten_branch_is_followed(upstream: Origin, tmp_path: Path) -> None:
    upstream.commit("a mistake")
    fetched(upstream, tmp_path)
    run(upstream.path, "reset", "--quiet", "--hard", "HEAD~1")
    tip = upstream.commit("better")

    assert fetched(upstream, tmp_path).commit(TIP) == tip


@pytest.mark.parametrize("damage", ["objects", "HEAD", "refs/heads/tip.lock"])
def test_a_damaged_clone_is_made_anew(upstream: Origin, tmp_path: Path, damage: str) -> None:
    folder = fetched(upstream, tmp_path).folder
    place = folder / damage
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.write_text("half")
    new = upstream.commit("later")

    assert fetched(upstream, tmp_path).commit(TIP) == new
    assert sorted(path.name for path in folder.parent.iterdir()) == [
        folder.name,
        f"{folder.name}.lock",
    ]


def test_what_a_killed_run_left_does_not_stop_the_next(upstream: Origin, tmp_path: Path) -> None:
    folder = fetched(upstream, tmp_path).folder
    folder.rename(folder.with_name(f"{folder.name}.partial"))

    assert fetched(upstream, tmp_path).commit(TIP)


def test_a_repository_that_is_gone_leaves_the_clone_and_nothing_half_done(
    upstream: Origin, tmp_path: Path
) -> None:
    log = fetched(upstream, tmp_path)
    shutil.move(upstream.path, tmp_path / "moved")

    with pytest.raises(CommandError, match="does not appear to be a git repository"):
        fetched(upstream, tmp_path)
    assert log.commit(TIP)
    assert not log.folder.with_name(f"{log.folder.name}.partial").exists()


def test_a_place_that_cannot_be_written_is_named(upstream: Origin, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("no folder")

    with pytest.raises(OutsideError, match=f"{tmp_path}/cache: "):
        fetched(upstream, tmp_path)


def test_another_address_has_a_clone_of_its_own(upstream: Origin, tmp_path: Path) -> None:
    other = History.fetched(f"{upstream.address}/.git", home=tmp_path / "cache")

    assert other.folder != fetched(upstream, tmp_path).folder


def test_a_server_that_says_nothing_is_not_waited_for(home: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as mute:
        address = f"http://127.0.0.1:{mute.getsockname()[1]}/llama.cpp.git"

        with pytest.raises(CommandError, match=r"did not end within 0\.2 s"):
            History.fetched(address, home=home, timeout_s=0.2)


def test_settings_that_lead_to_another_protocol_are_refused(
    upstream: Origin, tmp_path: Path
) -> None:
    add_settings(tmp_path, f'[url "{upstream.path}"]\n\tinsteadOf = http://127.0.0.1:9/llama.cpp\n')

    with pytest.raises(CommandError, match="'file' not allowed"):
        History.fetched("http://127.0.0.1:9/llama.cpp", home=tmp_path / "cache")


@pytest.mark.parametrize(
    "address",
    ["http://example.invalid/llama.cpp", "ssh://example.invalid/x", "ext::sh -c true", "--help"],
)
def test_other_protocols_are_refused_before_git_sees_them(address: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not the address of a repository"):
        History.fetched(address, home=tmp_path)


def test_no_hook_and_no_password_program_of_the_user_runs(upstream: Origin, tmp_path: Path) -> None:
    told = tmp_path / "told"
    (tmp_path / "tell").write_text(f"#!/bin/sh\ntouch {told}\n")
    (tmp_path / "tell").chmod(0o755)
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    shutil.copy(tmp_path / "tell", hooks / "reference-transaction")
    add_settings(
        tmp_path,
        f"[core]\n\thooksPath = {hooks}\n\taskPass = {tmp_path / 'tell'}\n"
        f"[credential]\n\thelper = {tmp_path / 'tell'}\n",
    )
    fetched(upstream, tmp_path)

    refusal = pytest.raises(CommandError, match="could not read Username")
    with asking_for_a_password() as address, refusal:
        History.fetched(address, home=tmp_path / "cache")
    assert not told.exists()


def test_history_comes_over_http_from_a_server_like_github(
    upstream: Origin, tmp_path: Path
) -> None:
    with GitHubServer.start(tmp_path / "hub", tokens={}, seed=upstream.path / "src") as server:
        log = History.fetched(server.clone_url, home=tmp_path / "cache")
        tip = str(log.commit(TIP))

        assert contents(log) == []
        assert log.read("llama.cpp", at=tip) == "one\n"
    assert log.between(tip, tip) == ()
