"""Source code becomes an engine once; most tests let a CMake pretend, the last ones build."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import platform
import shutil
from typing import TYPE_CHECKING

import pytest

from engine_ci.artifact import bundle, fetch, source_build, toolchain
from engine_ci.artifact.cmake import Tenths
from engine_ci.artifact.origins import Tag
from engine_ci.artifact.source_build import Built, Recipe
from engine_ci.errors import BuildError, OutsideError, VerificationError
from engine_ci.pins.model import Commit
from tests.unit.artifact import code, wheels
from tests.unit.system.clones import introduce
from tests.unit.system.test_git import run as git

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from engine_ci.artifact.bundle import Request

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def recipe(tmp_path: Path, **changes: object) -> Recipe:
    return dataclasses.replace(
        Recipe(commit=COMMIT, build=11434, flags=("-DGGML_METAL=ON",), root=tmp_path),
        **changes,  # type: ignore[arg-type] # each test names one of its fields
    )


def built(tmp_path: Path, asked: Recipe, archive: Path | None = None) -> Built:
    path = archive or code.archive(tmp_path)
    file = fetch.verified(path, wheels.asset(path))
    return source_build.ensure(file, asked, name=path.name, cache=tmp_path / "cache")


def asked_of_cmake(tmp_path: Path) -> list[str]:
    lines = (tmp_path / "asked").read_text().splitlines()
    return [line for line in lines if line != "--version"]


@pytest.fixture
def cmake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Before every real tool, and after that git and a shell."""
    tools = code.pretended_cmake(tmp_path)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("engine_ci.artifact.toolchain.shutil.which", lambda _: None)
    return tools


@pytest.mark.usefixtures("cmake")
def test_the_program_its_libraries_and_the_licence_are_kept(tmp_path: Path) -> None:
    made = built(tmp_path, recipe(tmp_path))

    files = sorted(p.relative_to(made.folder).as_posix() for p in made.folder.rglob("*.*"))
    assert files == ["bin/libggml-cpu.so", "bin/libggml-vulkan.so", "bin/libllama.so.0",
                     "bin/libllama.so.0.1.0"]  # fmt: skip
    assert (made.folder / "bin" / "llama-server").is_file()
    assert (made.folder / "LICENSE").read_bytes() == wheels.LICENCE
    assert made.built.commit == COMMIT
    assert made.built.patched is None
    assert made.built.toolchain == ("cmake version 3.99", "cc 12.2", "c++ 12.2")


@pytest.mark.usefixtures("cmake")
@pytest.mark.parametrize(("system", "beside"), [("Linux", "$ORIGIN"), ("Darwin", "@loader_path")])
def test_cmake_gets_the_pins_flags_and_what_follows_from_the_pin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str, beside: str
) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    built(tmp_path, recipe(tmp_path, minimum_os="13.4"))

    configure, build = asked_of_cmake(tmp_path)
    tree = tmp_path / "cache" / "source-builds" / "tree"
    assert configure == (
        f"-S {tree}/source -B {tree}/build -DGGML_METAL=ON "
        f"-DCMAKE_BUILD_WITH_INSTALL_RPATH=ON -DCMAKE_INSTALL_RPATH={beside} "
        f"-DLLAMA_BUILD_NUMBER=11434 -DLLAMA_BUILD_COMMIT={COMMIT} "
        "-DCMAKE_OSX_DEPLOYMENT_TARGET=13.4"
    )
    jobs = toolchain.jobs()
    assert build.rpartition(" ")[0] == f"--build {tree}/build --target llama-server --parallel"
    assert jobs >= 1


@pytest.mark.usefixtures("cmake")
def test_no_token_and_no_flags_of_the_users_reach_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    monkeypatch.setenv("CFLAGS", "-march=native")
    monkeypatch.setenv("LDFLAGS", "-L/opt")

    built(tmp_path, recipe(tmp_path))

    seen = (tmp_path / "environment").read_text()
    assert "secret" not in seen
    assert "native" not in seen
    assert "LDFLAGS" not in seen
    assert "SOURCE_DATE_EPOCH=0" in seen


@pytest.mark.usefixtures("cmake")
def test_the_same_code_and_recipe_are_built_once(tmp_path: Path) -> None:
    archive = code.archive(tmp_path)
    first = built(tmp_path, recipe(tmp_path), archive)
    second = built(tmp_path, recipe(tmp_path), archive)

    assert first == second
    assert len(asked_of_cmake(tmp_path)) == 2


@pytest.mark.usefixtures("cmake")
@pytest.mark.parametrize("harm", ["changed", "lost", "no record"])
def test_a_build_that_is_not_whole_in_the_cache_is_made_again(tmp_path: Path, harm: str) -> None:
    archive = code.archive(tmp_path)
    first = built(tmp_path, recipe(tmp_path), archive)
    server = first.folder / "bin" / "llama-server"
    whole = server.read_bytes()
    if harm == "changed":
        server.write_bytes(b"other")
    elif harm == "lost":
        server.unlink()
    else:
        (first.folder.parent / "build.json").write_text("{")

    assert built(tmp_path, recipe(tmp_path), archive) == first
    assert server.read_bytes() == whole
    assert len(asked_of_cmake(tmp_path)) == 4


def test_the_key_changes_with_all_that_decides_what_comes_out(tmp_path: Path) -> None:
    base = recipe(tmp_path)
    patched = recipe(tmp_path, patches=(code.patch(tmp_path),))
    tools = ("cmake version 3.99",)
    keys = [
        source_build.key("a", base, tools=tools),
        source_build.key("b", base, tools=tools),
        source_build.key("a", patched, tools=tools),
        source_build.key("a", recipe(tmp_path, flags=("-DGGML_METAL=OFF",)), tools=tools),
        source_build.key("a", recipe(tmp_path, commit=None), tools=tools),
        source_build.key("a", base, tools=("cmake version 4.0",)),
    ]

    assert len(set(keys)) == len(keys)
    assert source_build.key("a", base, tools=tools) == keys[0]


@pytest.mark.usefixtures("cmake")
def test_what_a_killed_run_left_is_no_part_of_the_next(tmp_path: Path) -> None:
    left = tmp_path / "cache" / "source-builds" / "tree" / "source"
    left.mkdir(parents=True)
    (left / "half").write_text("done")

    made = built(tmp_path, recipe(tmp_path))

    assert (made.folder / "bin" / "llama-server").is_file()
    assert not left.exists()


@pytest.mark.usefixtures("cmake")
def test_steps_are_told(tmp_path: Path) -> None:
    path = code.archive(tmp_path)
    told: list[str] = []
    source_build.ensure(
        fetch.verified(path, wheels.asset(path)),
        recipe(tmp_path, patches=(code.patch(tmp_path),)),
        name=path.name,
        cache=tmp_path / "cache",
        phase=told.append,
    )

    assert told == ["unpack the source code", "patch", "configure",
                    f"build, {toolchain.jobs()} files at a time"]  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["[1/3] a", "noise", "[2/3] b", "[3/3] c"], [30, 60, 100]),
        (["[  1%] a", "[ 12%] b", "[ 13%] c", "[100%] d"], [10, 100]),
    ],
    ids=["ninja", "make"],
)
def test_each_tenth_of_a_build_is_told_once(lines: list[str], told: list[int]) -> None:
    said: list[str] = []
    tenths = Tenths(said.append)

    for line in lines:
        tenths(line)

    assert said == [f"build, {percent} % done" for percent in told]


@pytest.mark.usefixtures("cmake")
def test_an_archive_without_code_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VerificationError, match=r"no CMakeLists\.txt"):
        built(tmp_path, recipe(tmp_path), code.archive(tmp_path, {"README": b"hello"}))


def test_a_build_that_leaves_no_server_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = code.pretended_cmake(tmp_path, build="rm bin/llama-server")
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")

    with pytest.raises(VerificationError, match="no bin/llama-server"):
        built(tmp_path, recipe(tmp_path))


def test_a_build_that_fails_says_what_the_compiler_said_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = code.pretended_cmake(tmp_path, build="echo llama.cpp:7: no >&2; exit 2")
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")

    with pytest.raises(BuildError, match=r"llama\.cpp:7: no"):
        built(tmp_path, recipe(tmp_path))
    assert [p.name for p in (tmp_path / "cache" / "source-builds").iterdir() if p.is_dir()] == [
        "tree"
    ]


def test_a_machine_without_cmake_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(OutsideError, match="`cmake` could not be started") as caught:
        built(tmp_path, recipe(tmp_path))
    assert caught.value.hint == "install `cmake` or put it on PATH"


@pytest.mark.usefixtures("cmake")
def test_links_in_the_code_stay_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: None)
    links = {"docs/readme": "../LICENSE"}

    built(tmp_path, recipe(tmp_path), code.archive(tmp_path, links=links))

    link = tmp_path / "cache" / "source-builds" / "tree" / "source" / "docs" / "readme"
    assert link.is_symlink()
    assert link.read_bytes() == wheels.LICENCE


def requested(tmp_path: Path, asked: Recipe, files: Mapping[str, bytes] = code.FILES) -> Request:
    path = code.archive(tmp_path, files)
    return dataclasses.replace(
        wheels.request(tmp_path, wheels.asset(path), archive=path), recipe=asked, build=11434
    )


@pytest.mark.usefixtures("cmake")
def test_the_record_tells_source_commit_patches_flags_and_tools(tmp_path: Path) -> None:
    patch = code.patch(tmp_path)

    made = bundle.prepare(requested(tmp_path, recipe(tmp_path, patches=(patch,))))

    assert made.built is not None
    assert made.built.commit == COMMIT
    assert made.built.patched is not None
    assert made.built.patches == (patch,)
    assert made.built.flags[0] == "-DGGML_METAL=ON"
    assert made.provenance["ubuntu-x64"].asset == "toy_code-11434.0.0.tar.gz"
    assert {file.path for file in made.files} == {
        "llama-server", "libggml-cpu.so", "libllama.so.0", "LICENSE",
    }  # fmt: skip


@pytest.mark.usefixtures("cmake")
def test_ensure_makes_it_again_when_the_recipe_is_another(tmp_path: Path) -> None:
    one = wheels.ensured(requested(tmp_path, recipe(tmp_path)))
    same = wheels.ensured(requested(tmp_path, recipe(tmp_path)))
    other = wheels.ensured(requested(tmp_path, recipe(tmp_path, flags=("-DA=1",))))

    assert one.built == same.built
    assert other.built is not None
    assert other.built.flags[0] == "-DA=1"


@pytest.mark.skipif(shutil.which("cmake") is None, reason="CMake is not installed")
def test_real_code_becomes_a_bundle_that_tells_its_commit_and_no_place(tmp_path: Path) -> None:
    patch = code.patch(tmp_path)

    made = bundle.prepare(
        requested(tmp_path, recipe(tmp_path, flags=("-DCMAKE_BUILD_TYPE=Release",),
                                   patches=(patch,)))
    )  # fmt: skip

    assert made.commit == Commit(id=COMMIT)
    assert made.build == 11434
    assert {file.path for file in made.files} >= {
        "llama-server", "libggml-cpu.so", "libllama.so.0", "LICENSE",
    }  # fmt: skip
    assert not [finding for finding in made.findings if finding.level == "error"]
    for file in made.files:
        assert str(tmp_path).encode() not in (tmp_path / "bundle" / file.path).read_bytes()


@pytest.mark.usefixtures("cmake")
def test_the_archive_that_git_makes_of_a_tag_is_built(tmp_path: Path, home: Path) -> None:
    introduce(home)
    upstream = tmp_path / "upstream"
    git(tmp_path, "init", "--quiet", str(upstream))
    for name, content in code.FILES.items():
        (upstream / name).parent.mkdir(exist_ok=True)
        (upstream / name).write_bytes(content)
    git(upstream, "add", ".")
    git(upstream, "commit", "--quiet", "-m", "all")
    git(upstream, "tag", "b11434")
    commit = git(upstream, "rev-parse", "HEAD")
    path = tmp_path / "llama.cpp-b11434.tar"
    Tag(repository=upstream.as_uri(), name="b11434", commit=commit).bring(
        wheels.asset(code.archive(tmp_path)), into=path, told=print
    )
    patch = code.patch(tmp_path)

    made = built(tmp_path, recipe(tmp_path, commit=commit, patches=(patch,)), path)

    assert made.built.commit == commit
    (upstream / "llama.c").write_bytes(code.FILES["llama.c"].replace(b"41", b"42"))
    git(upstream, "add", ".")
    assert made.built.patched is not None
    parent_and_tree = f"tree {git(upstream, 'write-tree')}\nparent {commit}\n"
    who = "engine-ci <engine-ci@localhost> 0 +0000"
    text = f"{parent_and_tree}author {who}\ncommitter {who}\n\nanswer.patch\n"
    raw = f"commit {len(text)}\0{text}".encode()
    assert made.built.patched == hashlib.sha1(raw, usedforsecurity=False).hexdigest()
