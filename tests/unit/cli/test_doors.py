"""What is asked of upstream about a release, on a loopback server in its place."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest

from engine_ci.cli import bundles, detect, doors
from engine_ci.cli.progress import Progress
from engine_ci.cli.workspace import open_workspace
from engine_ci.errors import Exit
from engine_ci.pins.model import Commit, GitHubReleases
from engine_ci.records.candidate import Candidate, PublishedAsset, Release
from engine_ci.system import documents
from tests.unit.artifact import pes, wheels
from tests.unit.bump import records
from tests.unit.cli.command import write_release
from tests.unit.shelf import Shelf, says

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine_ci.cli.workspace import Workspace
    from engine_ci.pins.model import Platform
    from tests.unit.cli.command import CommandLine

WHOLE = "86a283532072722c5f3363d37d59a874d09fa99b"


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    with Shelf() as shelf:
        monkeypatch.setenv(doors.API, shelf.url)
        monkeypatch.setenv("ENGINE_CI_RELEASES_URL", shelf.url)
        yield shelf


@pytest.fixture
def workspace(app: Path, home: Path, tmp_path: Path) -> Workspace:  # noqa: ARG001 - answers are kept there
    """That of an app which pins b11434 of upstream's releases."""
    write_release(app, wheels.asset(wheels.release(tmp_path)), build=11434, commit="86a2835")
    return open_workspace(app / "engine-ci.yaml", pin=None, work=app / ".engine-ci")


def answered(shelf: Shelf, said: object) -> None:
    """The next request is answered with this JSON."""
    shelf.content = json.dumps(said).encode()
    shelf.replies.append(shelf.whole)


def tag(commit: str) -> dict[str, object]:
    return {"ref": "refs/tags/b11434", "object": {"type": "commit", "sha": commit}}


def test_attestations_are_asked_for_by_the_digest_of_the_file(
    github: Shelf, workspace: Workspace
) -> None:
    asked = doors.vouching(workspace)
    assert asked is not None

    answered(github, {"attestations": [{"bundle": {"mediaType": "x"}, "repository_id": 1}]})

    assert asked.ask("a" * 64) == [{"mediaType": "x"}]
    assert asked.repository == "ggml-org/llama.cpp"
    assert [path for path, _ in github.asked] == [
        f"/repos/ggml-org/llama.cpp/attestations/sha256:{'a' * 64}"
    ]


def test_a_file_that_github_knows_no_attestation_of_has_none(
    github: Shelf, workspace: Workspace
) -> None:
    asked = doors.vouching(workspace)
    assert asked is not None

    github.replies.append(says(404))

    assert asked.ask("a" * 64) == ()


def test_the_commit_of_a_tag_is_asked_for(github: Shelf, workspace: Workspace) -> None:
    answered(github, tag(WHOLE))

    assert doors.tagged(workspace, "b11434") == {"the tag": Commit(id=WHOLE)}

    github.replies.append(says(404))

    assert doors.tagged(workspace, "b1") == {}


@pytest.mark.usefixtures("toy", "github")
def test_of_a_package_nobody_is_asked(app: Path, github: Shelf) -> None:
    workspace = open_workspace(app / "engine-ci.yaml", pin=None, work=app / ".engine-ci")

    assert doors.vouching(workspace) is None
    assert doors.tagged(workspace, "1.0") == {}
    assert github.asked == []


def chosen(published: PublishedAsset) -> Candidate:
    """What `detect` would find in a release newer than the pin."""
    release = Release(version="b11435", build=11435, assets={"ubuntu-x64": published})
    return records.candidate(
        pin="llama.cpp", current="b11434", chosen=release, decisions=(), refused=()
    )


def test_a_pin_whose_tag_was_moved_ends_a_bump_before_anything_is_fetched(
    run: CommandLine, github: Shelf, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(workspace.pin.source, GitHubReleases)
    found = chosen(PublishedAsset(name="llama.zip", size=1, sha256="0" * 64))
    monkeypatch.setattr(detect, "ask", lambda *_, **__: None)
    monkeypatch.setattr(detect, "choose", lambda *_, **__: found)
    answered(github, tag("0" * 40))

    ran = run("bump")

    assert ran.status == Exit.VERIFICATION
    assert "b11434: expected the commit 86a2835, as the pin says" in ran.err
    assert len(github.asked) == 1


def test_a_new_release_without_the_attestation_that_it_must_have_is_refused(
    run: CommandLine, github: Shelf, workspace: Workspace, tmp_path: Path
) -> None:
    archive = wheels.release(tmp_path, build=11435)
    asset = wheels.asset(archive)
    found = chosen(PublishedAsset(name=asset.name, size=asset.size, sha256=asset.sha256))
    documents.write(workspace.candidate_json, documents.dump_json(found))
    told = json.dumps(tag(WHOLE)).encode()
    github.content = archive.read_bytes()
    github.replies += [says(200, body=told), github.whole, says(404)]

    ran = run("prepare")

    assert ran.status == Exit.VERIFICATION
    assert f"{asset.name}: expected an attestation of it" in ran.err
    assert [path.rpartition("/")[2] for path, _ in github.asked] == [
        "b11435",
        asset.name,
        f"sha256:{asset.sha256}",
    ]


def archived(folder: Path, platform: str, machine: int) -> Path:
    """An engine for Windows, as upstream ships one."""
    path = folder / f"llama-b10501-bin-{platform}.zip"
    with ZipFile(path, "w") as archive:
        archive.writestr("llama-server.exe", pes.image(needed=("KERNEL32.dll",), machine=machine))
        archive.writestr("LICENSE", wheels.LICENCE)
    return path


def test_for_the_bundles_of_three_platforms_upstream_is_asked_once_about_a_release(
    github: Shelf, workspace: Workspace, tmp_path: Path
) -> None:
    archives: dict[Platform, Path] = {
        "ubuntu-x64": wheels.release(tmp_path, build=10501),
        "windows-arm64": archived(tmp_path, "windows-arm64", pes.ARM64),
        "windows-x64": archived(tmp_path, "windows-x64", pes.X64),
    }
    assets = {platform: wheels.asset(path) for platform, path in archives.items()}
    release = Release(
        version="b10501",
        build=10501,
        assets={
            platform: PublishedAsset(name=asset.name, size=asset.size, sha256=asset.sha256)
            for platform, asset in assets.items()
        },
    )
    answered(github, tag(WHOLE))
    github.replies = [
        says(200, body=github.content),
        *(says(200, body=path.read_bytes()) for path in archives.values()),
        *[says(404)] * 3,
    ]

    with Progress() as say:
        made = [
            bundles.make(workspace, release, into=tmp_path / name, platform=name, say=say)
            for name in archives
        ]

    assert [path.rpartition("/")[2] for path, _ in github.asked] == [
        "b10501",
        *(asset.name for asset in assets.values()),
        *(f"sha256:{asset.sha256}" for asset in assets.values()),
    ]
    assert [list(bundle.provenance) for bundle in made] == [list(archives)] * 3
    assert {
        file.attestation.state
        for bundle in made
        for file in bundle.provenance.values()
        if file.attestation
    } == {"absent"}
