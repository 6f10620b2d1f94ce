"""`engine-ci bump` where no engine has to run; `tests/engine` has the rest."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine_ci.cli import gate, report
from engine_ci.errors import Exit, HarnessError, RecordError
from engine_ci.pins import store
from engine_ci.records.bundle import Bundle
from engine_ci.records.gate import Engines, Verdict
from engine_ci.system import documents
from tests.unit.artifact import pes, wheels
from tests.unit.bump import records

if TYPE_CHECKING:
    from fixtures.github import GitHubServer
    from tests.unit.artifact.wheels import Index
    from tests.unit.cli.command import CommandLine


def newer(toy: Index, folder: Path) -> None:
    """Publishes the toy engine again, as 1.1."""
    files = {name.replace("1.0", "1.1"): data for name, data in wheels.engine().items()}
    toy.publish(wheels.wheel(folder, files, version="1.1"))


def test_a_release_that_cannot_be_prepared_is_refused_and_the_pin_stays(
    run: CommandLine, toy: Index, app: Path, tmp_path: Path
) -> None:
    toy.publish(wheels.wheel(tmp_path, {"toy_engine/readme": b"no engine"}, version="1.1"))

    ran = run("bump")

    assert ran.status == Exit.GATE_SAYS_NO
    assert "toy stays at 1.0: 1.1 was refused" in ran.err
    left = json.loads((app / ".engine-ci" / "candidate.json").read_text())
    assert left["chosen"] is None
    assert [each["version"] for each in left["refused"]] == ["1.1"]
    assert (app / ".engine-ci" / "baseline" / "bundle.json").exists()


def test_what_was_refused_is_tried_again_only_when_something_else_judges_it(
    run: CommandLine, toy: Index, github: GitHubServer, tmp_path: Path
) -> None:
    toy.publish(wheels.wheel(tmp_path, {"toy_engine/readme": b"no engine"}, version="1.1"))

    first = run("bump")
    watched = run("watch", "--failed", "--api-url", github.api_url)
    second = run("bump")
    screened = run("bump", "--profile", "screen")
    asked = run("bump", "--build", "1.1")
    with Path("engine-ci.yaml").open("a") as config:
        config.write("mirrors: [vendor]\n")
    third = run("bump")

    assert (first.status, watched.status) == (Exit.GATE_SAYS_NO, Exit.OK)
    for again in (second, screened):
        assert again.status == Exit.OK
        assert "can be proposed, first 1.1: refused before: " in again.err
    assert [each.status for each in (asked, third)] == [Exit.GATE_SAYS_NO] * 2


@pytest.mark.usefixtures("toy")
def test_when_nothing_is_newer_there_is_nothing_to_do(run: CommandLine, app: Path) -> None:
    ran = run("bump")

    assert ran.status == Exit.OK
    assert ran.err.endswith("toy stays at 1.0: nothing is newer\n")
    assert not (app / ".engine-ci" / "baseline").exists()


def test_what_is_newer_and_cannot_be_proposed_is_not_passed_over_in_silence(
    run: CommandLine, toy: Index, tmp_path: Path
) -> None:
    newer(toy, tmp_path)
    run("hold", "1.1..", "--reason", "dies")

    ran = run("bump")

    assert ran.status == Exit.OK
    assert ran.err.endswith(
        "toy stays at 1.0: nothing that is newer can be proposed, first 1.1: held: dies\n"
    )


def test_that_the_gate_refused_the_pin_is_known_to_every_run_until_it_moves(
    run: CommandLine, toy: Index, app: Path, tmp_path: Path
) -> None:
    work = app / ".engine-ci"
    pinned = records.engine("1.0", tree="a").model_copy(update={"pin": "toy"})
    failed = records.result(verdict=Verdict.FAIL, engines=Engines(candidate=pinned))
    report.write(failed, work / "gate")
    toy.publish(wheels.wheel(tmp_path, {"toy_engine/readme": b"no engine"}, version="1.1"))

    standings = []
    for _ in range(2):
        run("bump")
        standings.append(json.loads((work / "candidate.json").read_text())["standing"]["troubles"])

    assert standings == [["refused by the gate"]] * 2
    assert (work / "failed" / "gate.json").exists()


@pytest.mark.usefixtures("toy")
def test_without_a_token_nothing_is_begun_that_could_not_be_opened(
    run: CommandLine, app: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    ran = run("bump", "--open")

    assert ran.status == Exit.USAGE
    assert "no token is in the environment variable GITHUB_TOKEN" in ran.err
    assert not (app / ".engine-ci").exists()


def test_where_no_other_package_of_the_pinned_commit_is_wanted_none_is_tried(
    run: CommandLine, toy: Index, app: Path, tmp_path: Path
) -> None:
    config = app / "engine-ci.yaml"
    config.write_text(config.read_text().replace("tries: 2", "tries: 2, rebuilds: never"))
    files = {name.replace("1.0", "1.1"): data for name, data in wheels.engine().items()}
    files["toy_engine/bin/llama-server"] += b"other bytes"
    toy.publish(wheels.wheel(tmp_path, files, version="1.1"))

    ran = run("bump")

    assert ran.status == Exit.OK
    assert "refused 1.1: it is the pinned commit" in ran.err
    assert "what is newer is the same engine again" in ran.err


@pytest.mark.parametrize(
    ("policy", "hold", "gated"),
    [
        ("if_changed", False, False),
        ("always", False, True),
        ("if_changed", True, True),
        ("never", True, True),
    ],
)
def test_the_pinned_engine_under_another_version_is_gated_where_that_is_wanted(
    run: CommandLine,
    toy: Index,
    app: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    policy: str,
    hold: bool,
    gated: bool,
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise HarnessError("the gate was reached")

    monkeypatch.setattr(gate, "run", stop)
    config = app / "engine-ci.yaml"
    config.write_text(config.read_text().replace("tries: 2", f"tries: 2, rebuilds: {policy}"))
    files = {name.replace("1.0", "1.1"): data for name, data in wheels.engine().items()}
    toy.publish(wheels.wheel(tmp_path, files, version="1.1"))
    if hold:
        run("hold", "1.0", "--reason", "dies")

    ran = run("bump")

    assert ("the gate was reached" in ran.err) is gated
    assert ("what is newer is the same engine again" in ran.err) is not gated


def test_a_pinned_engine_without_a_bundle_for_another_platform_compares_with_nothing(
    run: CommandLine, toy: Index, app: Path, tmp_path: Path
) -> None:
    path = app / "pins" / "llama.cpp.yaml"
    pin = store.load(path)
    newer(toy, tmp_path)
    both = pin.model_copy(
        update={"platforms": {**pin.platforms, "macos-arm64": pin.platforms["ubuntu-x64"]}}
    )
    path.write_text(store.dump(both), encoding="utf-8")

    ran = run("bump")

    assert ran.status == Exit.GATE_SAYS_NO
    assert "prepare 1.0 for macos-arm64: unpack\n" in ran.err
    assert "the pinned engine has no bundle for macos-arm64: " in ran.err
    assert toy.downloads.count(pin.platforms["ubuntu-x64"].name) == 1


def test_the_bundle_for_windows_is_made_and_audited_as_every_other(
    run: CommandLine, toy: Index, app: Path, tmp_path: Path
) -> None:
    tag = "py3-none-win_amd64"
    files = {
        "toy_engine/llama-server.exe": pes.image(needed=("ggml.dll", "MSVCP140.dll")),
        "toy_engine/ggml.dll": pes.image(needed=("KERNEL32.dll",)),
        "toy_engine-1.0.dist-info/licenses/LICENSE": wheels.LICENCE,
    }
    wheel = wheels.wheel(tmp_path, files)
    asset = toy.publish(wheel.rename(tmp_path / f"toy_engine-1.0-{tag}.whl"))
    path = app / "pins" / "llama.cpp.yaml"
    pin = store.load(path)
    windows = asset.model_copy(update={"wheel_tags": (tag,)})
    both = pin.model_copy(update={"platforms": {**pin.platforms, "windows-x64": windows}})
    path.write_text(store.dump(both), encoding="utf-8")
    newer(toy, tmp_path)
    windows_too = wheels.wheel(tmp_path, {"toy_engine/readme": b"no engine"}, version="1.1")
    toy.publish(windows_too.rename(tmp_path / f"toy_engine-1.1-{tag}.whl"))

    ran = run("bump")

    assert ran.status == Exit.GATE_SAYS_NO
    record = app / ".engine-ci/elsewhere/baseline/windows-x64/bundle.json"
    made = documents.load_json(record, Bundle, error=RecordError)
    assert made.images == ("ggml.dll", "llama-server.exe")
    assert [found.message.split()[0] for found in made.findings] == ["no", "msvcp140.dll"]


def test_the_pinned_code_in_another_build_is_no_news(
    run: CommandLine, toy: Index, app: Path, tmp_path: Path
) -> None:
    windows = {
        "toy_engine/llama-server.exe": pes.image(needed=("KERNEL32.dll",)),
        "toy_engine/licenses/LICENSE": wheels.LICENCE,
    }
    assets = {}
    for version in ("1.0", "1.1"):
        tag = "py3-none-win_amd64"
        wheel = wheels.wheel(tmp_path, windows, version=version)
        assets[version] = toy.publish(wheel.rename(tmp_path / f"toy_engine-{version}-{tag}.whl"))
    path = app / "pins" / "llama.cpp.yaml"
    pin = store.load(path)
    other = assets["1.0"].model_copy(update={"wheel_tags": ("py3-none-win_amd64",)})
    both = pin.model_copy(update={"platforms": {**pin.platforms, "windows-x64": other}})
    path.write_text(store.dump(both), encoding="utf-8")
    config = (app / "engine-ci.yaml").read_text()
    (app / "engine-ci.yaml").write_text(
        config.replace("platforms: [ubuntu-x64]", "platforms: [ubuntu-x64, windows-x64]")
    )
    files = wheels.engine()
    library = files["toy_engine/lib/libllama.so.0"].replace(
        (11434).to_bytes(4, "little"), (11435).to_bytes(4, "little")
    )
    again = {
        name.replace("1.0.dist-info", "1.1.dist-info"): library if "/libllama" in name else content
        for name, content in files.items()
    }
    toy.publish(wheels.wheel(tmp_path, again, version="1.1"))

    ran = run("bump")

    assert ran.status == Exit.OK
    assert "refused 1.1: its code is byte for byte the one that is pinned (1.0)" in ran.err
    assert ran.err.endswith("toy stays at 1.0: what is newer is the same engine again\n")
    (refused,) = json.loads((app / ".engine-ci" / "candidate.json").read_text())["refused"]
    assert refused["known"]


def test_what_the_apps_own_command_left_is_refused_like_our_own_work(
    run: CommandLine, toy: Index, app: Path, tmp_path: Path
) -> None:
    files = {name.replace("1.0", "1.1"): data for name, data in wheels.engine().items()}
    toy.publish(wheels.wheel(tmp_path, files, version="1.1"))
    run("prepare", "--current", "--into", "binaries")
    (app / "binaries" / "bundle.json").unlink()
    (app / "ensure.sh").write_text(
        'if [ "$ENGINE_CI_VERSION" = 1.1 ]; then rm binaries/lib/libllama.so.0; fi\n'
    )
    config = (app / "engine-ci.yaml").read_text()
    policy = "bundle:\n  prepare: {command: [sh, ensure.sh], leaves: binaries}\n"
    (app / "engine-ci.yaml").write_text(config.replace("bundle:\n", policy))

    ran = run("bump")

    assert ran.status == Exit.GATE_SAYS_NO
    (refused,) = json.loads((app / ".engine-ci" / "candidate.json").read_text())["refused"]
    assert "needs libllama.so.0, which its run path does not find" in refused["reason"]
    assert (app / ".engine-ci" / "baseline" / "bin" / "llama-server").exists()


@pytest.mark.parametrize("command", ["detect", "bump"])
@pytest.mark.usefixtures("toy", "app")
def test_a_workflow_is_told_that_nothing_was_chosen(
    command: str, run: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "outputs"))

    assert run(command).status == Exit.OK

    told = (tmp_path / "outputs").read_text()
    assert re.fullmatch(r"chosen<<(\w+)\n\n\1\nproposed<<(\w+)\nfalse\n\2\n", told)


@pytest.mark.usefixtures("toy", "app")
def test_the_page_of_a_workflow_says_what_is_newer(
    run: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "page"))

    assert run("detect").status == Exit.OK

    page = (tmp_path / "page").read_text()
    assert page.startswith("## What is newer\n\n```text\ntoy 1.0: nothing newer")


@pytest.mark.parametrize("command", ["detect", "bump"])
@pytest.mark.usefixtures("toy", "app")
def test_a_build_that_is_asked_for_and_not_there_is_a_wrong_question(
    command: str, run: CommandLine
) -> None:
    ran = run(command, "--build", "7.7")

    assert ran.status == Exit.USAGE
    assert "has no release 7.7" in ran.err


@pytest.mark.usefixtures("toy", "app")
def test_no_build_is_asked_for_where_a_form_was_left_empty(run: CommandLine) -> None:
    ran = run("detect", "--build", "")

    assert ran.status == Exit.OK
    assert "nothing newer" in ran.out


def test_the_build_that_is_asked_for_is_tried_and_nothing_older_after_it(
    run: CommandLine, toy: Index, app: Path, tmp_path: Path
) -> None:
    for version in ("1.1", "1.2"):
        bad = {"toy_engine/readme": b"no engine"}
        toy.publish(wheels.wheel(tmp_path, bad, version=version))

    ran = run("bump", "--build", "1.2")

    assert ran.status == Exit.GATE_SAYS_NO
    refused = json.loads((app / ".engine-ci" / "candidate.json").read_text())["refused"]
    assert [each["version"] for each in refused] == ["1.2"]
