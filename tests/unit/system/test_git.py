from __future__ import annotations

import base64
import os
import secrets
import stat
import subprocess
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from engine_ci.errors import CommandError, MovedError, OutsideError, UsageError
from engine_ci.system import git, git_token
from engine_ci.system.git import Identity, Remote, Repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TOKEN = secrets.token_hex(20)
NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
ME = Identity(name="App Bot", email="bot@example.invalid")
ORIGIN = Remote(name="origin")
PIN = "pins/llama.cpp.yaml"


def run(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def remote(tmp_path: Path, home: Path) -> Path:
    """A bare repository with one commit on main; the user's git knows who they are."""
    (home / ".gitconfig").write_text(
        "[user]\n\tname = App Bot\n\temail = bot@example.invalid\n[init]\n\tdefaultBranch = main\n"
        '[protocol "file"]\n\tallow = always\n'
    )
    bare = tmp_path / "app.git"
    run(tmp_path, "init", "--quiet", "--bare", str(bare))
    seed = tmp_path / "seed"
    run(tmp_path, "clone", "--quiet", str(bare), str(seed))
    (seed / "pins").mkdir()
    (seed / PIN).write_text("version: 1\n")
    (seed / "README.md").write_text("the app\n")
    run(seed, "add", ".")
    run(seed, "commit", "--quiet", "-m", "Start")
    run(seed, "push", "--quiet", "origin", "HEAD:main")
    return bare


@pytest.fixture
def clone(remote: Path, tmp_path: Path) -> Repository:
    run(tmp_path, "clone", "--quiet", str(remote), str(tmp_path / "clone"))
    return Repository(path=tmp_path / "clone")


def bumped(clone: Repository, *, parent: str, text: str = "version: 2\n") -> str:
    tree = clone.write_tree({PIN: text}, base=parent)
    return clone.commit_tree(tree, parent=parent, message="Bump\n", identity=ME, at=NOW)


def moved(clone: Repository, *, text: str, day: int) -> None:
    """A commit of that day in November on top of the clone's branch."""
    head = run(clone.path, "rev-parse", "HEAD")
    tree = clone.write_tree({PIN: text}, base=head)
    at = datetime(2026, 11, day, 9, 30, tzinfo=UTC)
    commit = clone.commit_tree(tree, parent=head, message="Change\n", identity=ME, at=at)
    run(clone.path, "reset", "--quiet", "--soft", commit)


def test_the_last_change_of_a_line_is_told_and_that_of_others_is_not(clone: Repository) -> None:
    moved(clone, text="version: 2\n", day=3)
    moved(clone, text="version: 3\n", day=5)
    moved(clone, text="version: 3\nholds:\n- version: 4\n", day=9)

    assert clone.changed(PIN, line="^version:") == datetime(2026, 11, 5, 9, 30, tzinfo=UTC)
    assert clone.changed("README.md", line="^version:") is None


def test_a_file_that_is_new_did_not_change(clone: Repository) -> None:
    assert clone.changed(PIN, line="^version:") is None


def test_what_a_file_said_before_each_change_of_a_line_is_told_the_last_first(
    clone: Repository,
) -> None:
    moved(clone, text="version: 2\n", day=3)
    moved(clone, text="version: 2\nholds: some\n", day=5)
    held = run(clone.path, "rev-parse", "HEAD")
    moved(clone, text="version: 3\nholds: some\n", day=9)

    found = list(clone.earlier(PIN, line="^version:"))

    assert [each.text for each in found] == ["version: 2\nholds: some\n", "version: 1\n"]
    assert found[0].commit == held


def test_a_change_that_came_by_a_merge_is_told_once(clone: Repository) -> None:
    run(clone.path, "checkout", "--quiet", "-b", "bump")
    moved(clone, text="version: 2\n", day=3)
    run(clone.path, "reset", "--quiet", "--hard")
    run(clone.path, "checkout", "--quiet", "-")
    run(clone.path, "merge", "--quiet", "--no-ff", "-m", "Merge", "bump")

    assert [each.text for each in clone.earlier(PIN, line="^version:")] == ["version: 1\n"]


def test_where_history_is_cut_nothing_changed(
    clone: Repository, remote: Path, tmp_path: Path
) -> None:
    moved(clone, text="version: 2\n", day=3)
    run(clone.path, "push", "--quiet", "origin", "HEAD:main")
    address = f"file://{remote}"
    run(tmp_path, "clone", "--quiet", "--depth", "1", address, str(tmp_path / "shallow"))
    shallow = Repository(path=tmp_path / "shallow")

    assert shallow.changed(PIN, line="^version:") is None
    assert list(shallow.earlier(PIN, line="^version:")) == []
    assert shallow.is_shallow()
    assert not clone.is_shallow()


def test_a_clone_without_a_commit_has_no_changes(tmp_path: Path, home: Path) -> None:
    run(home, "init", "--quiet", str(tmp_path / "empty"))

    assert Repository(path=tmp_path / "empty").changed(PIN, line="^version:") is None


def test_the_clone_is_found_from_any_folder_inside(clone: Repository) -> None:
    assert Repository.containing(clone.path / "pins").path == clone.path.resolve()


def test_a_folder_outside_of_any_clone_is_refused(home: Path) -> None:
    with pytest.raises(UsageError, match="not a git repository"):
        Repository.containing(home)


def test_a_file_is_named_from_the_top_of_the_clone_wherever_it_is_named_from(
    clone: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(clone.path / "pins")
    monkeypatch.chdir(clone.path / "pins")

    assert {
        clone.relative(path)
        for path in (Path("llama.cpp.yaml"), clone.path / PIN, tmp_path / "link/llama.cpp.yaml")
    } == {PIN}
    with pytest.raises(UsageError, match="lies outside of the clone"):
        clone.relative(tmp_path / "llama.cpp.yaml")


def test_the_identity_is_the_one_that_git_has(clone: Repository) -> None:
    assert str(clone.identity()) == "App Bot <bot@example.invalid>"


def test_without_an_identity_nothing_is_made_up(clone: Repository, home: Path) -> None:
    (home / ".gitconfig").unlink()

    with pytest.raises(UsageError, match=r"no user\.name") as caught:
        clone.identity()
    assert "git config user.name" in str(caught.value.hint)


def test_variables_of_the_outside_do_not_redirect_git(
    clone: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Somebody Else")
    (tip,) = clone.tips(ORIGIN, ["main"]).values()
    made = bumped(clone, parent=tip)

    (commit,) = clone.commits(base=tip, tip=made)

    assert commit.author == str(ME)


def test_the_address_of_a_remote_comes_without_a_password(clone: Repository) -> None:
    run(clone.path, "remote", "set-url", "origin", "https://bot:hunter2@example.invalid/o/app.git")

    assert clone.url(ORIGIN) == "https://example.invalid/o/app.git"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://github.example/owner/app.git", "owner/app"),
        ("https://github.example/owner/app/", "owner/app"),
        ("http://127.0.0.1:8080/owner/app", "owner/app"),
        ("git@github.example:owner/app.git", "owner/app"),
        ("ssh://git@github.example:22/owner/app.git", "owner/app"),
        ("/srv/git/app.git", None),
        ("https://github.example/app", None),
        ("https://github.example/group/owner/app", None),
    ],
)
def test_owner_and_name_are_read_from_an_address(url: str, expected: str | None) -> None:
    assert git.slug(url) == expected


def test_tips_are_those_that_the_remote_has_now(clone: Repository, remote: Path) -> None:
    expected = {"main": run(remote, "rev-parse", "main")}

    assert clone.tips(ORIGIN, ["main", "engine-ci/llama.cpp"]) == expected


def test_a_branch_is_not_mistaken_for_a_longer_one(clone: Repository, remote: Path) -> None:
    run(remote, "branch", "other/refs/heads/main", "main")

    assert set(clone.tips(ORIGIN, ["refs/heads/main"])) == set()


def test_the_default_branch_is_what_the_remote_shows(clone: Repository) -> None:
    assert clone.default_branch(ORIGIN) == "main"


def test_an_empty_remote_has_no_default_branch(clone: Repository, tmp_path: Path) -> None:
    run(tmp_path, "init", "--quiet", "--bare", str(tmp_path / "empty.git"))

    with pytest.raises(OutsideError, match="no default branch"):
        clone.default_branch(Remote(name=str(tmp_path / "empty.git")))


def test_fetching_brings_commits_and_moves_no_ref(clone: Repository, tmp_path: Path) -> None:
    seed = tmp_path / "seed"
    run(seed, "commit", "--quiet", "--allow-empty", "-m", "More")
    run(seed, "push", "--quiet", "origin", "HEAD:main", "HEAD:topic")
    refs = run(clone.path, "for-each-ref")
    before = run(clone.path, "rev-parse", "HEAD")

    clone.fetch(ORIGIN, ["main", "topic"])

    assert run(clone.path, "for-each-ref") == refs
    assert not (clone.path / ".git/FETCH_HEAD").exists()
    commits = clone.commits(base=before, tip=run(seed, "rev-parse", "HEAD"))
    assert [commit.subject for commit in commits] == ["More"]


def test_a_commit_on_no_branch_is_brought_here_and_moves_no_ref(
    remote: Path, clone: Repository
) -> None:
    main = run(clone.path, "rev-parse", "HEAD")
    there = bumped(Repository(path=remote), parent=main)
    refs = run(clone.path, "for-each-ref")

    clone.fetch_commit(ORIGIN, there)

    assert run(clone.path, "for-each-ref") == refs
    assert not (clone.path / ".git/FETCH_HEAD").exists()
    assert [commit.id for commit in clone.commits(base=main, tip=there)] == [there]


def test_a_clone_without_history_gets_it(remote: Path, tmp_path: Path) -> None:
    seed = tmp_path / "seed"
    first = run(seed, "rev-parse", "HEAD")
    run(seed, "commit", "--quiet", "--allow-empty", "-m", "More")
    run(seed, "push", "--quiet", "origin", "HEAD:main")
    run(tmp_path, "clone", "--quiet", "--depth=1", f"file://{remote}", str(tmp_path / "shallow"))
    shallow = Repository(path=tmp_path / "shallow")

    tip = run(seed, "rev-parse", "HEAD")
    assert not shallow.whole([tip])

    shallow.fetch(ORIGIN, ["main"])

    assert shallow.whole([tip])
    assert [commit.subject for commit in shallow.commits(base=first, tip=tip)] == ["More"]


def test_commits_come_newest_first_with_all_that_tells_whose_they_are(clone: Repository) -> None:
    base = run(clone.path, "rev-parse", "HEAD")
    first = bumped(clone, parent=base)
    tree = clone.write_tree({"notes.txt": "mine\n"}, base=first)
    message = "Note this\n\nWhy: because\n\nMade-by: hand\nSigned-off-by: X <x@example.invalid>\n"
    other = Identity(name="Ünal", email="u@example.invalid")
    second = clone.commit_tree(tree, parent=first, message=message, identity=other, at=NOW)

    newest, oldest = clone.commits(base=base, tip=second)

    assert (newest.id, newest.tree, newest.parents) == (second, tree, (first,))
    assert newest.author == newest.committer == "Ünal <u@example.invalid>"
    assert newest.subject == "Note this"
    assert newest.trailer("Made-by") == "hand"
    assert newest.trailer("Why") is None
    assert oldest.subject == "Bump"


def test_no_commits_are_listed_where_there_are_none(clone: Repository) -> None:
    tip = run(clone.path, "rev-parse", "HEAD")

    assert clone.commits(base=tip, tip=tip) == ()


def test_a_file_is_read_from_a_commit_or_found_missing(clone: Repository) -> None:
    assert clone.read(PIN, at="HEAD") == "version: 1\n"
    assert clone.read("pins/none.yaml", at="HEAD") is None


def test_a_commit_leaves_the_working_tree_the_index_and_the_branches_alone(
    clone: Repository,
) -> None:
    (clone.path / PIN).write_text("unsaved work\n")
    (clone.path / "staged.txt").write_text("staged\n")
    run(clone.path, "add", "staged.txt")
    before = run(clone.path, "status", "--porcelain"), run(clone.path, "for-each-ref")

    made = bumped(clone, parent=run(clone.path, "rev-parse", "HEAD"))

    assert (run(clone.path, "status", "--porcelain"), run(clone.path, "for-each-ref")) == before
    assert (clone.path / PIN).read_text() == "unsaved work\n"
    assert run(clone.path, "diff", "--name-only", "HEAD", made) == PIN
    assert clone.read(PIN, at=made) == "version: 2\n"


def test_equal_commits_have_one_id(clone: Repository) -> None:
    base = run(clone.path, "rev-parse", "HEAD")

    assert bumped(clone, parent=base) == bumped(clone, parent=base)


def test_a_file_keeps_its_mode_and_a_new_one_is_plain(clone: Repository) -> None:
    script = clone.path / "run.sh"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    run(clone.path, "add", "run.sh")
    run(clone.path, "commit", "--quiet", "-m", "Add a script")

    tree = clone.write_tree({"run.sh": "#!/bin/sh\ntrue\n", "new/file": "x"}, base="HEAD")

    modes = [line.split()[0] for line in run(clone.path, "ls-tree", "-r", tree).splitlines()]
    names = run(clone.path, "ls-tree", "-r", "--name-only", tree).splitlines()
    assert dict(zip(names, modes, strict=True)) == {
        "README.md": "100644", "new/file": "100644", PIN: "100644", "run.sh": "100755",
    }  # fmt: skip


def test_a_branch_is_made_and_then_moved_by_force(clone: Repository, remote: Path) -> None:
    base = run(clone.path, "rev-parse", "HEAD")
    first, second = bumped(clone, parent=base), bumped(clone, parent=base, text="version: 3\n")

    clone.push(ORIGIN, first, branch="engine-ci/llama.cpp", expected=None)
    clone.push(ORIGIN, second, branch="engine-ci/llama.cpp", expected=first)

    assert run(remote, "rev-parse", "engine-ci/llama.cpp") == second


@pytest.mark.parametrize("seen", ["no branch", "an older tip"])
def test_a_push_of_somebody_in_between_is_not_lost(
    clone: Repository, remote: Path, seen: str
) -> None:
    base = run(clone.path, "rev-parse", "HEAD")
    theirs = bumped(clone, parent=base, text="theirs\n")
    clone.push(ORIGIN, theirs, branch="engine-ci", expected=None)
    expected = base if seen == "an older tip" else None

    with pytest.raises(MovedError, match="somebody else pushed"):
        clone.push(ORIGIN, bumped(clone, parent=base), branch="engine-ci", expected=expected)
    assert run(remote, "rev-parse", "engine-ci") == theirs


def test_a_branch_is_deleted_only_where_it_was_seen(clone: Repository, remote: Path) -> None:
    base = run(clone.path, "rev-parse", "HEAD")
    made = bumped(clone, parent=base)
    clone.push(ORIGIN, made, branch="engine-ci", expected=None)

    with pytest.raises(MovedError):
        clone.push(ORIGIN, None, branch="engine-ci", expected=base)
    assert run(remote, "rev-parse", "engine-ci") == made
    clone.push(ORIGIN, None, branch="engine-ci", expected=made)
    assert clone.tips(ORIGIN, ["engine-ci"]) == {}


def test_a_commit_that_is_not_here_is_told_from_one_that_is(clone: Repository) -> None:
    base = run(clone.path, "rev-parse", "HEAD")
    tree = run(clone.path, "rev-parse", "HEAD^{tree}")

    assert [clone.whole([each]) for each in (base, tree, "0" * 40)] == [True, False, False]
    assert not clone.whole([base, "0" * 40])


@pytest.mark.parametrize(
    ("said", "advised"),
    [
        ("fatal: could not read Username for 'x': terminal prompts disabled", "re-run the job"),
        ("fatal: Authentication failed for 'x'", "re-run the job"),
        ("The requested URL returned error: 403", "permissions: {contents: write}"),
        ("remote: Permission to o/r.git denied to x.", "permissions: {contents: write}"),
        ("Could not resolve host", "check the address and the network"),
    ],
)
def test_what_git_says_is_followed_by_what_to_do(said: str, advised: str) -> None:
    assert advised in git_token.advice(said)


def test_a_remote_that_refuses_is_quoted(clone: Repository, remote: Path) -> None:
    hook = remote / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho 'closed today' >&2\nexit 1\n")
    hook.chmod(0o755)

    with pytest.raises(CommandError, match="closed today"):
        clone.push(ORIGIN, bumped(clone, parent="HEAD"), branch="engine-ci", expected=None)


def test_a_hook_of_the_clone_sees_no_push(clone: Repository, tmp_path: Path) -> None:
    hook = clone.path / ".git/hooks/pre-push"
    hook.write_text(f"#!/bin/sh\nenv > {tmp_path}/leak\nexit 1\n")
    hook.chmod(0o755)

    clone.push(ORIGIN, bumped(clone, parent="HEAD"), branch="engine-ci", expected=None)

    assert not (tmp_path / "leak").exists()


def test_a_token_reaches_only_the_environment_of_the_child_that_needs_it(
    clone: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = run(tmp_path, "--exec-path")
    spy = tmp_path / "bin/git"
    spy.parent.mkdir()
    spy.write_text(
        "#!/bin/sh\n"
        f'echo "$@" >> {tmp_path}/arguments\n'
        f'env > {tmp_path}/environment-"$1"\n'
        f'said="Permission to app denied: $GIT_CONFIG_VALUE_4 {TOKEN}"\n'
        '[ "$1" = push ] && { echo "$said" >&2; exit 128; }\n'
        f'exec {real}/git "$@"\n'
    )
    spy.chmod(spy.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{spy.parent}{os.pathsep}{os.environ['PATH']}")
    remote = Remote(name="origin", token=TOKEN)
    made = bumped(clone, parent="HEAD")

    with pytest.raises(CommandError) as caught:
        clone.push(remote, made, branch="engine-ci", expected=None)

    header = (tmp_path / "environment-push").read_text()
    assert "Authorization: Basic " in header
    assert TOKEN not in (tmp_path / "arguments").read_text()
    assert "Authorization" not in (tmp_path / "environment-commit-tree").read_text()
    told = f"{caught.value!r} {caught.value.stdout} {caught.value.stderr} {remote!r}"
    assert "denied: Authorization: Basic *** ***" in told
    assert TOKEN not in told
    assert "write contents" in str(caught.value.hint)


@pytest.fixture
def listen() -> Iterator[Callable[..., Listener]]:
    """Starts servers that note who shows a token, and answer 404 or send the client elsewhere."""
    with ExitStack() as running:

        def start(*, elsewhere: str | None = None) -> Listener:
            return running.enter_context(Listener.started(elsewhere))

        yield start


class Listener(ThreadingHTTPServer):
    """What arrived: the `Authorization` headers of every request."""

    def __init__(self, elsewhere: str | None) -> None:
        super().__init__(("127.0.0.1", 0), _Noting)
        self.elsewhere = elsewhere
        self.seen: list[list[str]] = []

    @classmethod
    @contextmanager
    def started(cls, elsewhere: str | None) -> Iterator[Listener]:
        with cls(elsewhere) as server:
            thread = Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            yield server
            server.shutdown()
            thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/owner/app.git"


class _Noting(BaseHTTPRequestHandler):
    server: Listener

    def do_GET(self) -> None:
        self.server.seen.append(self.headers.get_all("Authorization") or [])
        self.send_response(302 if self.server.elsewhere else 404)
        if self.server.elsewhere:
            self.send_header("Location", f"{self.server.elsewhere}/info/refs")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name above
        """Says nothing."""


def test_a_header_that_a_checkout_left_behind_is_not_sent_beside_ours(
    clone: Repository, listen: Callable[..., Listener]
) -> None:
    server = listen()
    root = server.url.removesuffix("owner/app.git")
    run(clone.path, "config", f"http.{root}.extraheader", "Authorization: Basic left-behind")

    with pytest.raises(CommandError, match="not found"):
        clone.tips(Remote(name=server.url, token=TOKEN), ["main"])

    ours = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
    assert server.seen == [[f"Basic {ours}"]]


def test_a_token_does_not_follow_to_another_server(
    clone: Repository, listen: Callable[..., Listener]
) -> None:
    other = listen()
    server = listen(elsewhere=other.url)

    with pytest.raises(CommandError):
        clone.tips(Remote(name=server.url, token=TOKEN), ["main"])

    assert len(server.seen) == 1
    assert other.seen == []
