from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine_ci.engine.adapters import llama_server
from engine_ci.engine.adapters.llama_server import LlamaServer, Settings
from engine_ci.errors import EngineStartError, RecordError, UsageError
from engine_ci.records.bundle import Bundle, Provenance
from engine_ci.system import documents

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine_ci.pins.model import Platform

    Program = Callable[[str], LlamaServer]

MODEL = Path("/models/m.gguf")
HELP = """\
----- common params -----

-h,    --help, --usage                  print usage and exit
-c,    --ctx-size N                     size of the prompt context (default: 0)
                                        --not-an-option-but-a-word of the text
-t,    --threads N                      number of threads, see -tb
-kvo,  --kv-offload, -nkvo, --no-kv-offload
                                        whether to enable KV cache offloading
--jinja, --no-jinja                     whether to use jinja
  -old, --older-form N                  with two spaces before it
"""


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """`program("exit 3")` is a server whose program is this shell script."""

    def write(script: str) -> LlamaServer:
        path = tmp_path / "llama-server"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return LlamaServer(path)

    return write


@pytest.fixture
def offering(program: Program) -> Callable[..., LlamaServer]:
    """`offering("-c", "-t")` is a server whose help lists these options."""
    return lambda *flags: program("\n".join(f"echo '{flag}  N  text'" for flag in flags))


def test_flags_are_every_name_of_every_option_of_the_help(program: Program) -> None:
    server = program(f"cat <<'end'\n{HELP}end")

    expected = {"-h", "--help", "--usage", "-c", "--ctx-size", "-t", "--threads", "-kvo"}
    expected |= {"--kv-offload", "-nkvo", "--no-kv-offload", "--jinja", "--no-jinja"}
    expected |= {"-old", "--older-form"}
    assert server.flags() == expected


def test_the_help_is_asked_for_once(program: Program, tmp_path: Path) -> None:
    server = program(f"echo x >> {tmp_path}/count; echo '-c N  context'")
    server.flags()
    server.flags()

    assert (tmp_path / "count").read_text() == "x\n"


def test_the_help_is_asked_for_without_our_environment(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "--secret")

    assert program('echo "-c N"; echo "$GITHUB_TOKEN"').flags() == {"-c"}


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        pytest.param("echo broken; exit 3", "--help` ended with status 3", id="status"),
        pytest.param("kill -ILL $$", "--help` died of SIGILL (illegal instruction)", id="signal"),
        pytest.param("true", "--help` lists no option", id="says-nothing"),
    ],
)
def test_a_program_without_help_cannot_be_started(
    program: Program, script: str, reason: str
) -> None:
    with pytest.raises(EngineStartError) as caught:
        program(script).flags()

    assert reason in str(caught.value)


def test_what_a_program_says_instead_of_its_help_comes_with_the_error(program: Program) -> None:
    with pytest.raises(EngineStartError) as caught:
        program("echo version GLIBC_2.38 not found; exit 1").flags()

    assert caught.value.log == ("version GLIBC_2.38 not found",)
    assert caught.value.status == 1


def test_a_help_that_never_ends_is_given_up(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(llama_server, "_HELP_TIMEOUT_S", 0.2)

    with pytest.raises(EngineStartError, match=r"--help` did not end within 0\.2 s"):
        program("sleep 60 & wait").flags()


def test_arguments_that_the_program_has_are_passed_in_order(
    offering: Callable[..., LlamaServer],
) -> None:
    server = offering("-t", "-c", "--jinja")

    assert server.arguments(model=MODEL, port=1234, settings=Settings(context=64)) == (
        *("-m", "/models/m.gguf", "--host", "127.0.0.1", "--port", "1234"),
        *("-c", "64", "-t", "1", "--jinja"),
    )


def test_what_a_build_would_choose_by_itself_is_fixed(
    offering: Callable[..., LlamaServer],
) -> None:
    server = offering(
        *("-c", "-t", "-tb", "--parallel", "-b", "-ub", "--fit", "--cache-ram", "--jinja"),
        *("--offline", "--no-ui", "--no-webui", "-fa", "-ctk", "-ctv", "--no-warmup"),
    )
    settings = Settings(threads=2, slots=3, extra=("--metrics",))

    assert server.arguments(model=MODEL, port=1234, settings=settings)[6:] == (
        *("-c", "2048", "-t", "2", "-tb", "2", "--parallel", "3", "-b", "512", "-ub", "512"),
        *("--fit", "off", "--cache-ram", "0", "--jinja", "--offline", "--no-ui", "--no-webui"),
        "--metrics",
    )


def test_strict_mode_leaves_out_flash_attention_and_the_half_precision_cache(
    offering: Callable[..., LlamaServer],
) -> None:
    server = offering("-fa", "-ctk", "-ctv")

    assert server.arguments(model=MODEL, port=1234, settings=Settings(strict=True))[6:] == (
        *("-fa", "off", "-ctk", "f32", "-ctv", "f32"),
    )


def test_flash_attention_and_small_batches_are_had_by_asking(
    offering: Callable[..., LlamaServer],
) -> None:
    server = offering("-fa", "-b", "-ub")
    settings = Settings(flash=True, batch=64, part=16)

    assert server.arguments(model=MODEL, port=1234, settings=settings)[6:] == (
        *("-b", "64", "-ub", "16", "-fa", "on"),
    )


def test_slots_share_the_context_save_their_cache_and_forget_only_when_asked_to(
    offering: Callable[..., LlamaServer],
) -> None:
    server = offering("--kv-unified", "--slot-save-path", "--context-shift")
    settings = Settings(shared=True, slot_files=True, shifts=True)
    arguments = partial(server.arguments, model=MODEL, port=1234)

    asked = ("--kv-unified", "--slot-save-path", ".", "--context-shift")
    assert arguments(settings=settings)[6:] == asked
    assert arguments(settings=Settings())[6:] == ()


def test_a_server_of_embeddings_is_one_only_when_asked_to_be(
    offering: Callable[..., LlamaServer],
) -> None:
    server = offering("--embeddings")
    arguments = partial(server.arguments, model=MODEL, port=1234)

    assert arguments(settings=Settings(embeddings=True))[6:] == ("--embeddings",)
    assert arguments(settings=Settings())[6:] == ()


def test_paths_do_not_depend_on_the_folder(
    offering: Callable[..., LlamaServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    server = offering("-c")
    arguments = server.arguments(model=Path("m.gguf"), port=1, settings=Settings())

    assert arguments[1] == str(tmp_path / "m.gguf")
    assert server.app_arguments(["-m", "{model}"], model=Path("m.gguf"), port=1)[1] == arguments[1]


@pytest.mark.parametrize(
    ("argv", "host"),
    [
        pytest.param([], ("--host", "127.0.0.1"), id="absent"),
        pytest.param(["--host", "127.0.0.1"], (), id="loopback"),
        pytest.param(["--host", "0.0.0.0"], ("--host", "127.0.0.1"), id="open-to-all"),  # noqa: S104 - an app's own
    ],
)
def test_the_apps_arguments_are_filled_in_and_kept_on_loopback(
    argv: list[str], host: tuple[str, ...]
) -> None:
    server = LlamaServer(Path("llama-server"))
    own = ["-m", "{model}", "--port", "{port}", "--chat-template-kwargs", '{"port": 1}', *argv]

    assert server.app_arguments(own, model=MODEL, port=1234) == (
        *("-m", "/models/m.gguf", "--port", "1234", "--chat-template-kwargs", '{"port": 1}'),
        *argv,
        *host,
    )


def bundle(*, adapter: str = "llama-server") -> Bundle:
    provenance = Provenance(
        source="package-index",
        asset="engine-1.0-py3-none-any.whl",
        size=1,
        published_sha256="0" * 64,
        measured_sha256="0" * 64,
    )
    platform: Platform = "ubuntu-x64"
    return Bundle(
        schema=1,
        pin="llama.cpp",
        adapter=adapter,
        platform=platform,
        version="1.0",
        provenance={platform: provenance},
        server="bin/server",
        files=(),
        tree_sha256="0" * 64,
    )


def test_a_bundle_names_its_server(tmp_path: Path) -> None:
    documents.write(tmp_path / "bundle.json", documents.dump_json(bundle()))

    assert LlamaServer.in_folder(tmp_path).program == tmp_path / "bin/server"


def test_a_bundle_of_another_kind_is_refused(tmp_path: Path) -> None:
    documents.write(tmp_path / "bundle.json", documents.dump_json(bundle(adapter="xllamacpp")))

    with pytest.raises(UsageError, match="expected adapter llama-server, found xllamacpp"):
        LlamaServer.in_folder(tmp_path)


def test_a_broken_bundle_is_refused_and_not_searched(tmp_path: Path) -> None:
    (tmp_path / "bundle.json").write_text("{}")
    (tmp_path / "llama-server").touch()

    with pytest.raises(RecordError, match=r"bundle\.json"):
        LlamaServer.in_folder(tmp_path)


def test_the_one_server_below_a_folder_is_found(tmp_path: Path) -> None:
    server = tmp_path / "App.app" / "Contents" / "MacOS" / "llama-server"
    server.parent.mkdir(parents=True)
    server.touch()
    (tmp_path / "share" / "llama-server").mkdir(parents=True)

    assert LlamaServer.in_folder(tmp_path).program == server


@pytest.mark.parametrize("places", [[], ["a", "b"]], ids=["none", "two"])
def test_no_server_and_several_are_refused_with_their_paths(
    tmp_path: Path, places: list[str]
) -> None:
    found = [tmp_path / place / "llama-server" for place in places]
    for path in found:
        path.parent.mkdir()
        path.touch()

    with pytest.raises(UsageError) as caught:
        LlamaServer.in_folder(tmp_path)

    listed = ", ".join(str(path) for path in found) or "none"
    assert str(caught.value).endswith(f"expected one `llama-server` at any depth, found {listed}")
