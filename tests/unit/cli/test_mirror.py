"""`engine-ci mirror`: made from servers on loopback, and used without them."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import platformdirs
import pytest
import yaml

from engine_ci.cli import models
from engine_ci.errors import Exit
from engine_ci.gate import zoo
from engine_ci.gate.repository import ADDRESS, RepositoryFile
from engine_ci.gate.zoo import Model, WheelMember
from engine_ci.pins import store
from engine_ci.pins.model import SourceBuild
from engine_ci.releases.sources.github_stable import FILE
from engine_ci.system import web
from engine_ci.system.mirror import VARIABLE
from fixtures.github import GitHubServer
from tests.unit.artifact import wheels
from tests.unit.cli.command import CommandLine, write_release
from tests.unit.shelf import Shelf
from tests.unit.system.clones import run as git

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from requests import Response

    from tests.unit.artifact.wheels import Index

    Elsewhere = Callable[[str], list[str]]

LONG_AGO = datetime(2026, 5, 1, tzinfo=UTC)
SHIPPED = zoo.load_catalogue()[0]
NOWHERE = "http://127.0.0.1:9"
GGUF = b"GGUF and so on"
SHA256 = hashlib.sha256(GGUF).hexdigest()


@pytest.fixture(autouse=True)
def catalogue(monkeypatch: pytest.MonkeyPatch) -> list[Model]:
    """Our own models: none, until a test adds some."""
    ours: list[Model] = []
    really = zoo.load_catalogue

    def load(path: Path | None = None) -> tuple[Model, ...]:
        return tuple(ours) if path is None else really(path)

    monkeypatch.setattr(zoo, "load_catalogue", load)
    return ours


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Path]:
    """Begins with an empty cache, as on another machine."""
    assert home.is_dir()

    def empty() -> Path:
        folder = tmp_path / f"cache-{len(list(tmp_path.glob('cache-*')))}"
        folder.mkdir()
        monkeypatch.setattr(platformdirs, "user_cache_path", lambda _: folder)
        return folder

    empty()
    return empty


@pytest.fixture
def hosts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every address that the door to the web was opened to."""
    asked: list[str] = []
    really = web.Session.get

    def get(self: web.Session, url: str, **options: Any) -> Response:  # noqa: ANN401 - passed on as they are
        asked.append(url)
        return really(self, url, **options)

    monkeypatch.setattr(web.Session, "get", get)
    return asked


@pytest.fixture
def elsewhere(
    monkeypatch: pytest.MonkeyPatch, cache: Callable[[], Path], hosts: list[str]
) -> Elsewhere:
    """Goes on at a site whose mirror is named, with no cache, and no server that answers.

    Gives the list of every address that is asked there over the web.
    """

    def go(mirror: str) -> list[str]:
        cache()
        hosts.clear()
        monkeypatch.setenv(VARIABLE, mirror)
        monkeypatch.setenv("PIP_INDEX_URL", f"{NOWHERE}/simple")
        for name in ("ENGINE_CI_RELEASES_API_URL", "ENGINE_CI_RELEASES_URL", ADDRESS):
            monkeypatch.setenv(name, NOWHERE)
        return hosts

    return go


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serves the files of a folder on loopback, and yields the address."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Says nothing."""

    handler = partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def configure(app: Path, **changes: object) -> None:
    file = app / "engine-ci.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | changes))


def model(source: WheelMember | RepositoryFile, *, name: str = "toy") -> Model:
    return Model(name=name, size=len(GGUF), sha256=SHA256, source=source)


@pytest.fixture
def newer(toy: Index, tmp_path: Path) -> Index:
    """The toy engine, of which there are two newer versions."""
    for version in ("1.1", "1.2"):
        info = f"toy_engine-{version}.dist-info"
        files = {
            name.replace("toy_engine-1.0.dist-info", info): content
            for name, content in wheels.engine().items()
        }
        toy.publish(wheels.wheel(tmp_path, files, version=version))
    return toy


def test_wheels_are_detected_and_prepared_from_the_folder_alone(
    newer: Index, run: CommandLine, app: Path, elsewhere: Elsewhere
) -> None:
    assert newer.files
    made, before = run("mirror", "--into", "mirror", "--json"), run("detect")
    hosts = elsewhere("mirror")
    after, prepared = run("detect"), run("prepare", "--json")

    assert made.status == Exit.OK, made.err
    record = json.loads(made.out)
    assert record["releases"] == ["1.0", "1.2", "1.1"]
    files = sorted(path.name for path in (app / "mirror" / "packages").iterdir())
    assert files == ["index.html", *(f"toy_engine-1.{n}-{wheels.TAG}.whl" for n in range(3))]
    assert (record["files"], record["folder"]) == (3, str(app / "mirror"))
    assert after.out == before.out
    assert json.loads(prepared.out)["version"] == "1.2"
    assert hosts == []


def test_what_lies_there_whole_is_not_brought_again(
    newer: Index, run: CommandLine, app: Path
) -> None:
    run("mirror", "--into", "mirror", "--newest", "1")
    broken = app / "mirror" / "packages" / f"toy_engine-1.2-{wheels.TAG}.whl"
    broken.write_bytes(broken.read_bytes()[:-1])
    newer.downloads.clear()

    again = run("mirror", "--into", "mirror", "--build", "1.1", "--build", "1.1", "--newest", "1")

    assert again.out.startswith("toy: 1.0, 1.2, 1.1; 3 files of ")
    # pip downloads a wheel to tell its sha256 where the index does not.
    assert f"toy_engine-1.0-{wheels.TAG}.whl" not in newer.downloads
    assert broken.read_bytes() == newer.files[broken.name]


def test_a_release_that_may_not_be_proposed_is_refused_by_name(
    newer: Index, run: CommandLine, app: Path
) -> None:
    assert newer.files
    held = run("hold", "1.1", "--reason", "it dies")
    older = run("mirror", "--into", "mirror", "--build", "0.9")
    named = run("mirror", "--into", "mirror", "--build", "1.1")

    assert held.status == Exit.OK
    assert (older.status, named.status) == (Exit.USAGE,) * 2
    assert "--build 0.9: no release newer than the pin" in older.err
    assert "--build 1.1: held: it dies" in named.err
    assert not (app / "mirror").exists()


def test_a_mirror_without_the_package_says_how_to_add_it(
    newer: Index, run: CommandLine, app: Path, elsewhere: Elsewhere
) -> None:
    assert newer.files
    (app / "mirror").mkdir()
    elsewhere("mirror")

    detected, prepared = run("detect"), run("prepare", "--current")

    assert (detected.status, prepared.status) == (Exit.OUTSIDE,) * 2
    assert "No matching distribution found for toy-engine" in detected.err
    name = f"toy_engine-1.0-{wheels.TAG}.whl"
    assert f"the mirror has no {app}/mirror/packages/{name}" in prepared.err
    for ran in (detected, prepared):
        assert "`engine-ci mirror --into DIR`" in ran.err


def test_folders_of_the_configuration_are_looked_at_and_addresses_are_not(
    newer: Index,
    run: CommandLine,
    app: Path,
    elsewhere: Elsewhere,
) -> None:
    assert newer.files
    configure(app, mirrors=[NOWHERE, str(app.parent)])
    (app / "mirror").mkdir()
    hosts = elsewhere("mirror")

    assert run("prepare", "--current").status == Exit.OK
    assert hosts == []


def test_a_model_in_a_wheel_is_taken_and_found(
    newer: Index,
    run: CommandLine,
    catalogue: list[Model],
    elsewhere: Elsewhere,
    tmp_path: Path,
) -> None:
    published = newer.publish(
        wheels.wheel(tmp_path, {"toy_engine/model.gguf": GGUF}, version="0.1")
    )
    member = WheelMember(
        kind="wheel", package=wheels.PACKAGE, version="0.1", file=published.name,
        size=published.size, sha256=published.sha256, member="toy_engine/model.gguf",
    )  # fmt: skip
    catalogue.append(model(member))

    made = run("mirror", "--into", "mirror")
    elsewhere("mirror")
    found, missing = models.located(cache=platformdirs.user_cache_path("engine-ci"))

    assert made.status == Exit.OK, made.err
    assert (found["toy"].path.read_bytes(), missing) == (GGUF, ())


def faster(repository: Path, parent: str) -> str:
    """A commit on the main branch that every app's bundle has something of."""
    (repository / "server.cpp").write_text("// faster\n")
    blob = git(repository, "hash-object", "-w", "server.cpp")
    git(repository, "update-index", "--add", "--cacheinfo", f"100644,{blob},src/llama.cpp")
    tree = git(repository, "write-tree")
    commit = git(repository, "commit-tree", tree, "-p", parent, "-m", "llama : faster")
    git(repository, "update-ref", "refs/heads/main", commit)
    return commit


@pytest.fixture
def upstream(app: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHubServer]:
    """Upstream with a pinned build and a newer one, its history, and stable releases."""
    with GitHubServer.start(
        tmp_path / "hub", tokens={}, owner="ggml-org", repository="llama.cpp"
    ) as server:
        place, shelf = server.repository.path, server.hub.shelf
        (first,) = server.repository.branches().values()
        second = faster(place, first)
        for build, commit in ((10434, first), (10435, second)):
            archive = wheels.release(tmp_path, build=build)
            at = LONG_AGO + timedelta(build - 10434)
            git(place, "tag", f"b{build}", commit)
            shelf.publish(f"b{build}", at=at, files={archive.name: archive.read_bytes()})
        shelf.publish("v0.1.0", at=LONG_AGO, files={FILE: b"b10434\n"}, prerelease=False)
        shelf.publish("v0.2.0", at=LONG_AGO, prerelease=False)
        broken = shelf.publish("v0.3.0", at=LONG_AGO, files={FILE: b"b1\n"}, prerelease=False)
        broken.assets[0] = shelf.asset(FILE, b"")
        shelf.publish(
            "v0.4.0", at=LONG_AGO + timedelta(2), files={FILE: b"b10435\n"}, prerelease=False
        )
        pinned = wheels.asset(wheels.release(tmp_path, build=10434))
        write_release(app, pinned, build=10434, commit=first[:7])
        configure(app, upstream={"repository": f"file://{place}"}, platforms=["ubuntu-x64"])
        monkeypatch.setenv("ENGINE_CI_RELEASES_API_URL", server.api_url)
        monkeypatch.setenv("ENGINE_CI_RELEASES_URL", server.api_url)
        yield server


@pytest.mark.parametrize("by", ["folder", "address"])
def test_releases_and_history_are_read_from_the_mirror_alone(
    upstream: GitHubServer,
    run: CommandLine,
    app: Path,
    by: str,
    elsewhere: Elsewhere,
) -> None:
    configure(app, policy={"channel": "stable"})
    made, before = run("mirror", "--into", "mirror"), run("detect")
    upstream.repository.path.rename(app.parent / "gone")
    with serving(app / "mirror") as address:
        hosts = elsewhere("mirror" if by == "folder" else address)
        after, prepared = run("detect"), run("prepare", "--json")
        again = run("detect")
    asked = set(hosts)

    assert made.status == Exit.OK, made.err
    assert after.out.splitlines()[:2] == before.out.splitlines()[:2]
    assert "→ b10435" in after.out
    assert "upstream: 1 commits, 1 relevant" in after.out
    assert "4 releases were read, which are not all since b10434" in after.err
    assert (again.status, prepared.status) == (Exit.OK, Exit.OK), prepared.err
    assert json.loads(prepared.out)["version"] == "b10435"
    assert all(url.startswith(f"{address}/") for url in asked)
    assert bool(asked) == (by == "address")
    assert sum(url.endswith(".bundle") for url in hosts) == (by == "address")


def test_a_later_mirror_keeps_the_releases_of_earlier_ones(
    upstream: GitHubServer, run: CommandLine, app: Path
) -> None:
    assert upstream.api_url
    run("mirror", "--into", "mirror")
    run("mirror", "--into", "mirror", "--newest", "0")

    file = app / "mirror" / "api" / "repos" / "ggml-org" / "llama.cpp" / "releases.json"
    tags = [each["tag_name"] for each in json.loads(file.read_text())]
    assert tags == ["b10434", "b10435"]


def test_a_release_that_the_mirror_lacks_is_named(
    upstream: GitHubServer, run: CommandLine, app: Path, elsewhere: Elsewhere
) -> None:
    assert upstream.api_url
    run("mirror", "--into", "mirror")
    (app / "mirror/api/repos/ggml-org/llama.cpp/releases.json").unlink()
    elsewhere("mirror")

    ran = run("detect")

    assert ran.status == Exit.OUTSIDE
    assert "mirror/api/repos/ggml-org/llama.cpp/releases.json" in ran.err
    assert "`engine-ci mirror --into DIR`" in ran.err


def test_the_code_of_a_source_build_is_in_its_history(
    upstream: GitHubServer,
    run: CommandLine,
    app: Path,
    elsewhere: Elsewhere,
) -> None:
    file = app / "pins" / "llama.cpp.yaml"
    pin = store.load(file)
    address = f"file://{upstream.repository.path}"
    source = SourceBuild(kind="source-build", repository=address, flags=())
    commit = pin.commit.model_copy(
        update={"id": git(upstream.repository.path, "rev-parse", "b10434"), "abbreviated": False}
    )
    file.write_text(store.dump(pin.model_copy(update={"source": source, "commit": commit})))

    made = run("mirror", "--into", "mirror")
    upstream.repository.path.rename(app.parent / "gone")
    elsewhere("mirror")
    detected = run("detect")

    assert made.status == Exit.OK, made.err
    assert not list((app / "mirror" / "packages").glob("*.gz"))
    assert "… b10435  younger than 72 hours" in detected.out, detected.err


@pytest.fixture
def own(toy: Index, app: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An app with a model of its own in a repository; where the mirror is to have it."""
    assert toy.files
    source = RepositoryFile(kind="repository", repository="me/mine", revision="0" * 40, file="m")
    entry = model(source, name="mine").model_dump(mode="json", exclude_defaults=True)
    (app / "models.yaml").write_text(yaml.safe_dump({"schema": 1, "models": [entry]}))
    configure(app, gate={"models": "models.yaml"})
    shelf.content = GGUF
    monkeypatch.setenv(ADDRESS, shelf.url)
    return app / "mirror" / "models" / source.path


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    with Shelf() as served:
        yield served


def test_a_model_of_the_apps_own_is_taken_once_and_found(
    own: Path,
    run: CommandLine,
    app: Path,
    shelf: Shelf,
    elsewhere: Elsewhere,
) -> None:
    made = [run("mirror", "--into", "mirror").status for _ in range(2)]
    elsewhere("mirror")
    found, missing = models.located(
        cache=platformdirs.user_cache_path("engine-ci"), own=app / "models.yaml"
    )

    assert made == [Exit.OK] * 2
    assert own.read_bytes() == found["mine"].path.read_bytes() == GGUF
    assert missing == ()
    assert len(shelf.asked) == 1


def test_a_model_that_is_another_one_is_not_taken(
    own: Path, run: CommandLine, shelf: Shelf, catalogue: list[Model]
) -> None:
    catalogue.append(SHIPPED)
    shelf.content = GGUF[:-1] + b"x"

    ran = run("mirror", "--into", "mirror")

    assert ran.status == Exit.VERIFICATION
    assert f"of sha256 {SHA256}, found 14 of" in ran.err
    assert not own.exists()


def test_a_model_that_the_mirror_lacks_is_a_question_not_asked_with_its_reason(
    own: Path, app: Path, elsewhere: Elsewhere
) -> None:
    (app / "mirror").mkdir()
    elsewhere("mirror")

    found, (missing,) = models.located(
        cache=platformdirs.user_cache_path("engine-ci"), own=app / "models.yaml"
    )

    assert found == {}
    assert f"the mirror has no {own}" in missing.observed
