from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine_ci.engine.adapters import llama_server
from engine_ci.engine.adapters.contract import Capability, Prepared, Refused
from engine_ci.engine.adapters.llama_server import LlamaServer
from engine_ci.engine.adapters.settings import Settings
from engine_ci.engine.tasks import Task
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


def chosen(server: LlamaServer, settings: Settings) -> tuple[str, ...]:
    """Its arguments, but for those that any start has."""
    return server.command(MODEL, settings=settings).arguments(1234)[6:]


def test_arguments_that_the_program_has_are_passed_in_order(
    offering: Callable[..., LlamaServer],
) -> None:
    server = offering("-t", "-c", "--jinja")

    assert server.command(MODEL, settings=Settings(context=64)).arguments(1234) == (
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

    assert chosen(server, settings) == (
        *("-c", "2048", "-t", "2", "-tb", "2", "--parallel", "3", "-b", "512", "-ub", "512"),
        *("--fit", "off", "--cache-ram", "0", "--jinja", "--offline", "--no-ui", "--no-webui"),
        "--metrics",
    )


def test_strict_mode_leaves_out_flash_attention_and_the_half_precision_cache(
    offering: Callable[..., LlamaServer],
) -> None:
    server = offering("-fa", "-ctk", "-ctv")

    assert chosen(server, Settings(strict=True)) == (*("-fa", "off", "-ctk", "f32", "-ctv", "f32"),)


def test_strict_mode_computes_on_the_processor_and_so_does_all_that_comes_with_the_model(
    offering: Callable[..., LlamaServer],
) -> None:
    server = offering(
        *("--device", "-ngl", "--no-op-offload", "--device-draft", "--no-mmproj-offload")
    )
    strict = Settings(strict=True)
    alone = ("--device", "none", "-ngl", "0", "--no-op-offload")

    assert chosen(server, Settings()) == ()
    assert chosen(server, strict) == alone
    assert chosen(server, replace(strict, draft=MODEL)) == (*alone, "--device-draft", "none")
    assert chosen(server, replace(strict, projector=MODEL)) == (*alone, "--no-mmproj-offload")


def test_flash_attention_and_small_batches_are_had_by_asking(
    offering: Callable[..., LlamaServer],
) -> None:
    server = offering("-fa", "-b", "-ub")
    settings = Settings(flash=True, batch=64, part=16)

    assert chosen(server, settings) == (*("-b", "64", "-ub", "16", "-fa", "on"),)


def test_slots_share_the_context_save_forget_and_are_counted_only_when_asked_to(
    offering: Callable[..., LlamaServer],
) -> None:
    server = offering("--kv-unified", "--slot-save-path", "--context-shift", "--metrics")
    settings = Settings(shared=True, slot_files=True, shifts=True, metrics=True)

    asked = ("--kv-unified", "--slot-save-path", ".", "--context-shift", "--metrics")
    assert chosen(server, settings) == asked
    assert chosen(server, Settings()) == ()


def test_a_server_of_embeddings_is_one_only_when_asked_to_be(
    offering: Callable[..., LlamaServer],
) -> None:
    server = offering("--embeddings")

    assert chosen(server, Settings(task=Task.VECTORS)) == ("--embeddings",)
    assert chosen(server, Settings()) == ()


def test_paths_do_not_depend_on_the_folder(
    offering: Callable[..., LlamaServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    server = offering("-c")
    model = Path("m.gguf")

    for command in (
        server.command(model, settings=Settings()),
        server.app_command(["-m", "{model}"], model=model),
    ):
        assert command.arguments(1)[1] == str(tmp_path / "m.gguf")


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

    assert server.app_command(own, model=MODEL).arguments(1234) == (
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


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF" + bytes(20))
    return path


def told(offering: Callable[..., LlamaServer], model: Path, settings: Settings) -> str:
    return str(offering("-c", "-fa").prepare(model, settings=settings))


def test_a_start_is_prepared_by_a_program_a_model_and_options(
    offering: Callable[..., LlamaServer], model: Path
) -> None:
    server = offering("-c", "-fa")
    settings = Settings(context=64, flash=True, extra=("-c", "32"))
    prepared = server.prepare(model, settings=settings)

    assert isinstance(prepared, Prepared)
    assert (prepared.program, prepared.model) == (server.program, model)
    place = ("-m", str(model), "--host", "127.0.0.1", "--port", "7")
    assert prepared.arguments(7) == (*place, "-c", "64", "-fa", "on", "-c", "32")
    assert prepared.settings is settings


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        pytest.param(Settings(extra=("--poetry", "-1", "-c")), "has no option --poetry", id="own"),
        pytest.param(Settings(slots=2), "cannot do several slots", id="slots"),
        pytest.param(Settings(task=Task.VECTORS), "cannot do vectors of texts", id="vectors"),
        pytest.param(
            Settings(task=Task.RANKS),
            "cannot do vectors of texts, ranks of documents",
            id="ranks",
        ),
        pytest.param(
            Settings(shared=True, metrics=True),
            "cannot do slots that share the context, counters",
            id="two",
        ),
    ],
)
def test_a_start_with_what_a_build_lacks_is_refused(
    offering: Callable[..., LlamaServer], model: Path, settings: Settings, reason: str
) -> None:
    assert told(offering, model, settings) == f"this build {reason}"


def test_a_start_without_a_model_is_refused(
    offering: Callable[..., LlamaServer], tmp_path: Path
) -> None:
    missing = tmp_path / "none.gguf"

    assert told(offering, missing, Settings()).startswith(f"{missing}: not readable")


def test_a_start_without_a_program_is_refused(tmp_path: Path, model: Path) -> None:
    program = tmp_path / "program"

    refused = LlamaServer(program).prepare(model, settings=Settings())

    assert refused == Refused(reason=f"{program}: there is no such program")


def test_a_start_of_a_program_that_cannot_tell_its_options_is_refused(
    program: Program, model: Path
) -> None:
    refused = program("exit 3").prepare(model, settings=Settings())

    assert str(refused).endswith("--help` ended with status 3")


def test_it_supports_what_it_has_an_option_for(
    offering: Callable[..., LlamaServer], model: Path
) -> None:
    server = offering("--embeddings", "--metrics")

    assert server.supports(model, features={Capability.EMBEDDINGS, Capability.METRICS}) == ()
    assert server.supports(model, features={Capability.CHAT}) == ()
    assert server.supports(model, features={Capability.SLOT_ERASE, Capability.MULTI_SLOT}) == (
        "multi-slot: this build has no option `--parallel`",
        "slot-erase: this build has no option `--slot-save-path`",
    )


def test_it_supports_the_context_that_a_model_was_trained_for(
    offering: Callable[..., LlamaServer], model: Path
) -> None:
    stable = Path(__file__).parents[4] / "fixtures" / "zoo" / "stable.gguf"
    server = offering("-c")

    assert server.supports(stable, context=2048) == ()
    (reason,) = server.supports(stable, context=2049)
    assert reason == "context: 2049 tokens, and the model was trained for 2048"
    assert server.supports(model, context=2049) == ()


DEVICES = """
case "$1" in
--help) echo '--list-devices  print';;
*) cat <<'end'
ggml_vulkan: Found 1 Vulkan devices:
Available devices:
  CUDA0: NVIDIA H200 (143771 MiB, 143120 MiB free)
  CUDA1: NVIDIA H200 (143771 MiB, 143120 MiB free)
  MTL0: Apple M4 (12124 MiB, 12123 MiB free)
  CPU: a processor
end
esac
"""


def test_it_supports_the_devices_that_it_lists(program: Program, model: Path) -> None:
    server = program(DEVICES)

    assert server.accelerators() == {"cuda", "metal"}
    assert server.supports(model, accelerator="cuda") == ()
    assert server.supports(model, accelerator="vulkan") == (
        "accelerator: no device for vulkan, found cuda, metal",
    )


def test_one_that_lists_no_devices_supports_a_processor_alone(
    offering: Callable[..., LlamaServer], model: Path
) -> None:
    server = offering("-c")

    assert server.supports(model, accelerator="cpu") == ()
    (reason,) = server.supports(model, accelerator="cuda")
    assert reason == "accelerator: no device for cuda, found none"
