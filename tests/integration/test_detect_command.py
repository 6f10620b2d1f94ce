"""`engine-ci detect` with upstream's releases on an embedded GitHub."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine_ci.errors import Exit
from engine_ci.pins import store
from fixtures.github import Fault, GitHubServer, Login
from tests.integration.upstreams import Upstream
from tests.unit.cli.command import UNASKED, CommandLine, app_in
from tests.unit.releases.upstream import NOON, pin, sha256

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "a-token-of-the-test"  # noqa: S105 - opens nothing but the embedded server


class Noon(datetime):
    """A clock that stands still, as ages count from it."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Noon:
        return cls.fromtimestamp(NOON.timestamp(), tz)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    monkeypatch.setattr("engine_ci.cli.detect.datetime", Noon)
    return CommandLine(capsys)


@pytest.fixture
def upstream(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Upstream]:
    """Upstream, and an app in the current folder that pins b11194 of it."""
    app = app_in(tmp_path)
    (app / "pins" / "llama.cpp.yaml").write_text(store.dump(pin()), encoding="utf-8")
    monkeypatch.chdir(app)
    with GitHubServer.start(
        tmp_path / "hub",
        tokens={TOKEN: Login("a workflow")},
        owner="ggml-org",
        repository="llama.cpp",
    ) as server:
        monkeypatch.setenv("ENGINE_CI_RELEASES_API_URL", server.api_url)
        monkeypatch.setenv("ENGINE_CI_RELEASES_URL", server.api_url)
        yield Upstream(server, home)


def test_the_newest_build_is_the_candidate_with_its_files(
    run: CommandLine, upstream: Upstream
) -> None:
    upstream.publish(11194, 11195, 11196, age_h=100)

    ran = run("detect", "--json")

    assert (ran.status, ran.err) == (Exit.OK, "")
    chosen = json.loads(ran.out)["chosen"]
    assert (chosen["version"], chosen["build"]) == ("b11196", 11196)
    name = "llama-b11196-bin-ubuntu-x64.tar.gz"
    assert chosen["assets"]["ubuntu-x64"]["name"] == name
    assert chosen["assets"]["ubuntu-x64"]["sha256"] == sha256(name)


def test_an_incomplete_newest_build_falls_back_to_the_one_before(
    run: CommandLine, upstream: Upstream
) -> None:
    upstream.publish(11194, 11195, age_h=100)
    upstream.publish(11196, age_h=90).assets.pop(-2)

    ran = run("detect")

    assert ran.out.splitlines() == [
        "llama.cpp b11194: 2 releases are newer; it is 4 days old",
        "! b11196  llama-b11196-bin-ubuntu-x64.tar.gz is not there",
        "→ b11195  candidate",
        UNASKED,
    ]


def test_on_the_stable_channel_the_build_that_a_stable_release_names_is_the_candidate(
    run: CommandLine, upstream: Upstream
) -> None:
    upstream.publish(11194, 11195, 11196, age_h=100)
    upstream.server.hub.shelf.publish(
        "v0.5.0",
        at=NOON - timedelta(hours=90),
        files={"nightly-tag.txt": b"b11195\n"},
        prerelease=False,
    )
    config = Path("engine-ci.yaml")
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("tries: 2", "tries: 2, channel: stable"), encoding="utf-8")

    ran = run("detect")

    assert ran.out.splitlines()[1:] == [
        "  b11196  no stable release names it",
        "→ b11195  candidate",
        UNASKED,
    ]


def test_what_a_person_should_hear_of_is_on_stderr(
    run: CommandLine, upstream: Upstream, home: Path
) -> None:
    upstream.publish(11194, age_h=100)
    run("detect")
    (ledger,) = (home / ".cache" / "engine-ci" / "seen").iterdir()
    ledger.write_bytes(b"{")

    assert run("detect").err.startswith("what was seen of releases before is lost: ")


@pytest.mark.usefixtures("upstream")
def test_a_limit_that_is_used_up_says_when_to_come_back(
    run: CommandLine, upstream: Upstream
) -> None:
    headers = {
        "Date": "Sat, 21 Nov 2026 12:00:00 GMT",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": "1795264440",
    }
    upstream.server.faults.add(Fault("GET .*", status=403, headers=headers))

    ran = run("detect")

    assert (ran.status, ran.out) == (Exit.OUTSIDE, "")
    assert "the rate limit is used up until 2026-11-21 12:34:00 UTC" in ran.err
    assert "with a token, GitHub takes 5,000 requests an hour instead of 60" in ran.err


def test_a_pinned_file_that_was_replaced_is_refused(run: CommandLine, upstream: Upstream) -> None:
    release = upstream.publish(11194, age_h=100)
    release.assets[-2].digest = f"sha256:{'0' * 64}"

    ran = run("detect")

    assert ran.status == Exit.VERIFICATION
    assert "pin llama.cpp: the files of b11194 were replaced" in ran.err


@pytest.mark.parametrize("same_server", [True, False])
def test_a_workflow_s_token_goes_to_the_server_that_it_is_for_and_to_no_other(
    run: CommandLine, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, *, same_server: bool
) -> None:
    upstream.publish(11194, age_h=100)
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    if same_server:
        monkeypatch.setenv("GITHUB_API_URL", f"{upstream.server.api_url}/")
    else:
        monkeypatch.delenv("GITHUB_API_URL", raising=False)

    assert run("detect").status == Exit.OK

    (asked,) = upstream.server.requests
    assert asked.login == ("a workflow" if same_server else None)
