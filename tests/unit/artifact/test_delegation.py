"""An app's own command in our place: it runs without secrets, and what it leaves is judged."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING

import pytest

from engine_ci.artifact import bundle
from engine_ci.artifact.delegation import Delegate
from engine_ci.artifact.expected import Expected
from engine_ci.errors import CommandError, UsageError, VerificationError
from engine_ci.records.bundle import RECORD
from tests.unit.artifact import wheels
from tests.unit.artifact.elves import image

if TYPE_CHECKING:
    from pathlib import Path

    from engine_ci.artifact.bundle import Request

PREFIX = "toy_engine/"


def brought(folder: Path, **changed: bytes) -> None:
    """What the command is to leave: the toy engine without what its app does not ship."""
    for name, content in wheels.engine(**changed).items():
        if name.startswith((f"{PREFIX}bin", f"{PREFIX}lib/libllama.so.0")) and "vulkan" not in name:
            path = folder / "kept" / name.removeprefix(PREFIX)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    (folder / "kept" / "lib" / "libllama.so.0.1.0").unlink()
    (folder / "kept" / "LICENSE").write_bytes(wheels.LICENCE)


def delegate(folder: Path, script: str = "") -> Delegate:
    program = folder / "ensure.py"
    program.write_text(f"import os, shutil, sys\n{script}\n")
    return Delegate(
        command=(sys.executable, "ensure.py"),
        root=folder,
        leaves=folder / "binaries",
        log=folder / "work" / "prepare.log",
    )


COPY = "shutil.copytree('kept', 'binaries', dirs_exist_ok=True)"


def request(folder: Path, script: str = COPY) -> Request:
    asked = wheels.request(folder, wheels.asset(wheels.wheel(folder, {})))
    return dataclasses.replace(asked, assets={}, build=11434, delegate=delegate(folder, script))


def test_all_that_the_command_left_is_the_bundle_as_it_was(tmp_path: Path) -> None:
    brought(tmp_path)

    made = bundle.prepare(request(tmp_path))

    assert {file.path: file.kind for file in made.files} == {
        "bin/llama-server": "server",
        "bin/libggml-cpu.so": "backend",
        "lib/libllama.so.0": "library",
        "LICENSE": "licence",
    }
    for file in made.files:
        left = (tmp_path / "binaries" / file.path).read_bytes()
        assert (tmp_path / "bundle" / file.path).read_bytes() == left
    assert made.build == 11434


def test_the_record_says_that_nobody_saw_the_pinned_file(tmp_path: Path) -> None:
    brought(tmp_path)

    made = bundle.prepare(request(tmp_path))

    (finding,) = made.findings
    assert finding.level == "warning"
    assert finding.message == (
        f"`{sys.executable} ensure.py` brought it: that it was made of the file in the pin, by "
        "sha256, was not seen here"
    )
    assert made.provenance == {}


def test_the_command_is_told_what_is_wanted_and_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    brought(tmp_path)
    script = (
        "print(*(f'{name}={os.environ[name]}' for name in sorted(os.environ)\n"
        "        if name.startswith(('ENGINE_CI', 'GITHUB'))))\n" + COPY
    )

    bundle.prepare(request(tmp_path, script))
    told = (tmp_path / "work" / "prepare.log").read_text()

    assert told == ("ENGINE_CI_BUILD=11434 ENGINE_CI_PLATFORM=ubuntu-x64 ENGINE_CI_VERSION=1.0\n")


def test_of_a_candidate_the_command_is_told_the_file_as_well(tmp_path: Path) -> None:
    brought(tmp_path)
    script = "print(os.environ['ENGINE_CI_ASSET'], os.environ['ENGINE_CI_SHA256'])\n" + COPY
    path = wheels.wheel(tmp_path, {})
    published = wheels.asset(path)
    asked = dataclasses.replace(
        request(tmp_path, script), assets={"ubuntu-x64": published}, archive=path
    )

    bundle.prepare(asked)

    told = (tmp_path / "work" / "prepare.log").read_text()
    assert told == f"{published.name} {published.sha256}\n"


def test_what_a_failing_command_said_is_kept(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="status 3\n    no network"):
        bundle.prepare(request(tmp_path, "print('no network', file=sys.stderr); sys.exit(3)"))

    assert (tmp_path / "work" / "prepare.log").read_text() == "no network\n"
    assert not (tmp_path / "bundle" / RECORD).exists()


def test_a_command_that_leaves_nothing_is_a_wrong_configuration(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"binaries: `.* ensure\.py` left no such folder"):
        bundle.prepare(dataclasses.replace(request(tmp_path, ""), build=None))


def test_what_it_left_is_audited_like_our_own_work(tmp_path: Path) -> None:
    brought(tmp_path)
    (tmp_path / "kept" / "lib" / "libllama.so.0").unlink()

    with pytest.raises(VerificationError) as caught:
        bundle.prepare(request(tmp_path))

    assert caught.value.message == (
        "what was made for toy 1.0 cannot become a bundle: "
        "bin/llama-server: needs libllama.so.0, which its run path does not find"
    )


def test_a_set_id_bit_that_it_left_is_refused(tmp_path: Path) -> None:
    brought(tmp_path)
    script = COPY + "\nos.chmod('binaries/bin/llama-server', 0o4755)"

    with pytest.raises(VerificationError, match="bin/llama-server: it has a set-id bit"):
        bundle.prepare(request(tmp_path, script))


def test_a_library_that_the_engine_does_not_need_stays_and_is_told(tmp_path: Path) -> None:
    brought(tmp_path)
    (tmp_path / "kept" / "lib" / "libunused.so.2").write_bytes(image())

    made = bundle.prepare(request(tmp_path))

    assert [(f.path, f.message) for f in made.findings][1:] == [
        ("lib/libunused.so.2", "neither the server nor a wanted backend needs it")
    ]


def test_another_build_than_was_asked_for_is_refused(tmp_path: Path) -> None:
    brought(tmp_path)
    asked = dataclasses.replace(request(tmp_path), build=11435)

    with pytest.raises(VerificationError, match="left the build 11434, expected 11435"):
        bundle.prepare(asked)


def test_a_list_that_says_otherwise_is_told(tmp_path: Path) -> None:
    brought(tmp_path)
    asked = dataclasses.replace(request(tmp_path), expected=Expected(images=("bin/llama-server",)))

    with pytest.raises(VerificationError, match=r"added bin/libggml-cpu\.so, lib/libllama\.so\.0"):
        bundle.prepare(asked)


def test_a_program_may_be_called_by_its_machine(tmp_path: Path) -> None:
    brought(tmp_path)
    program = tmp_path / "kept" / "bin" / "llama-server"
    program.rename(program.with_name("llama-server-x86_64-unknown-linux-gnu"))

    assert bundle.prepare(request(tmp_path)).server == "bin/llama-server-x86_64-unknown-linux-gnu"


def test_ensure_runs_the_command_once(tmp_path: Path) -> None:
    brought(tmp_path)
    asked = request(tmp_path, COPY + "\nopen('ran', 'a').write('x')")

    bundle.ensure(asked)
    bundle.ensure(asked)

    assert (tmp_path / "ran").read_text() == "x"
