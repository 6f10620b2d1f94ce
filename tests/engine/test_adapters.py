"""Every kind of engine is prepared, started, asked, changed and ended in the same way.

Each test is for all adapters, with real engines. `llama-cpp-python` is among them where it is
built (`make llama-cpp-python`), and skipped by name where it is not.
"""

from __future__ import annotations

import signal
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import psutil
import pytest

from engine_ci.engine import supervisor
from engine_ci.engine.adapters import features, kinds
from engine_ci.engine.adapters.contract import (
    Applied,
    Capability,
    NeedsRestart,
    Patch,
    Prepared,
    Refused,
)
from engine_ci.engine.adapters.options import SLOT_FILES
from engine_ci.engine.adapters.settings import Settings
from engine_ci.engine.tasks import Task
from engine_ci.errors import EngineDiedError, EngineRefusedError, EngineStartError
from engine_ci.gate import goldens, model_files, zoo
from engine_ci.records.runtime import Grade

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine_ci.engine.adapters.kinds import Server
    from engine_ci.engine.process import Stopped
    from engine_ci.engine.ready_engine import Engine

pytestmark = pytest.mark.engine

PLACE: Final = frozenset({"-m", "--host", "--port"})
NUMBERS: Final = frozenset({"-c", "-t", "-tb", "-b", "-ub", "-fa", "-ctk", "-ctv"})
# What the app of our configuration passes too, and the harness's own.
SERVERS: Final = frozenset(
    {"--parallel", "--fit", "--cache-ram", "--kv-unified", SLOT_FILES, "--jinja", "--offline"}
)
ALWAYS: Final = frozenset(
    {
        *(Capability.CACHE_REUSE, Capability.CHAT, Capability.JSON_SCHEMA, Capability.LOGPROBS),
        *(Capability.SLOTS, Capability.STREAMING),
    }
)
TWO: Final = Settings(context=1024, slots=2, slot_files=True, metrics=True)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What is expected of one adapter.

    Attributes:
        flags: among those that it knows.
        settings: with all that it can do.
        can: what it can, with these and a model of the zoo that chats.
        live: what a running engine changes.
        calls: whether a call comes from a model that would rather talk; newer builds let it talk.
    """

    adapter: Server
    flags: frozenset[str]
    settings: Settings
    can: frozenset[Capability]
    live: frozenset[str]
    calls: bool


def server(adapter: str, folder: Path, *, calls: bool) -> Kind:
    return Kind(
        adapter=kinds.server_in(folder, adapter=adapter),
        flags=PLACE | NUMBERS | SERVERS,
        settings=TWO,
        can=ALWAYS | {Capability.METRICS, Capability.MULTI_SLOT, Capability.SLOT_ERASE},
        live=frozenset(),
        calls=calls,
    )


def library(adapter: str, folder: Path) -> Kind:
    return Kind(
        adapter=kinds.server_in(folder, adapter=adapter),
        flags=PLACE | NUMBERS,
        settings=Settings(context=512, metrics=True),
        can=ALWAYS | {Capability.METRICS, Capability.SLOT_ERASE, Capability.TOOLS},
        live=frozenset({"threads"}),
        calls=True,
    )


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(("llama-server", "mineru", "0.1.3"), id="llama-server"),
        pytest.param(("xllamacpp", "xllamacpp", "2026.4.8929"), id="xllamacpp-hostname"),
        pytest.param(("xllamacpp", "xllamacpp", "2026.10.11549"), id="xllamacpp-hostnames"),
        pytest.param(("llama-cpp-python", "llama_cpp_python", None), id="llama-cpp-python"),
    ],
)
def kind(request: pytest.FixtureRequest) -> Kind:
    adapter, fixture, version = request.param
    found = request.getfixturevalue(fixture)
    if version is None:
        return library(adapter, found)
    return server(adapter, found(version), calls=version == "2026.4.8929")


@pytest.fixture
def adapter(kind: Kind) -> Server:
    return kind.adapter


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The models of our catalogue that ship, by role."""
    cache = tmp_path_factory.mktemp("models")

    def wheel(member: zoo.WheelMember) -> Path:
        pytest.fail(f"{member.file} is not needed here")

    wanted = {"stable", "embedding", "tools"}
    return {
        model.role: model_files.locate(model, cache=cache, fetch=wheel)
        for model in reversed(zoo.load_catalogue())
        if model.role in wanted
    }


@pytest.fixture
def model(models: dict[str, Path]) -> Path:
    return models["stable"]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("engine") / "log"


@contextmanager
def launched(
    adapter: Server, model: Path, settings: Settings, log: Path
) -> Iterator[tuple[Prepared, Engine]]:
    prepared = adapter.prepare(model, settings=settings)
    assert isinstance(prepared, Prepared), prepared
    with adapter.launch(prepared, log=log) as engine:
        yield prepared, engine


@pytest.fixture(scope="module")
def running(kind: Kind, models: dict[str, Path], log: Path) -> Iterator[tuple[Prepared, Engine]]:
    """An engine with all that its kind can do, which tests share that leave it as it was."""
    with launched(kind.adapter, models["stable"], kind.settings, log) as both:
        yield both


@pytest.fixture
def prepared(running: tuple[Prepared, Engine]) -> Prepared:
    return running[0]


@pytest.fixture
def engine(running: tuple[Prepared, Engine]) -> Engine:
    return running[1]


def test_it_knows_its_options_and_no_others(kind: Kind) -> None:
    assert kind.adapter.flags() >= kind.flags
    assert "--poetry" not in kind.adapter.flags()


# prepare


def test_a_launch_is_prepared_with_the_model_and_the_settings(adapter: Server, model: Path) -> None:
    prepared = adapter.prepare(model, settings=Settings(context=512))

    assert isinstance(prepared, Prepared)
    assert prepared.program.is_file()
    assert (prepared.model, prepared.settings.context) == (model, 512)
    assert {str(model), "4711", "512"} <= set(prepared.arguments(4711))


@pytest.mark.parametrize("content", [None, b"", b"not a model"], ids=["none", "empty", "text"])
def test_a_launch_without_a_model_is_refused(
    adapter: Server, tmp_path: Path, content: bytes | None
) -> None:
    model = tmp_path / "model.gguf"
    if content is not None:
        model.write_bytes(content)

    refused = adapter.prepare(model, settings=Settings())

    assert isinstance(refused, Refused)
    assert str(refused).startswith(f"{model}: ")


def test_a_launch_with_an_option_that_it_lacks_is_refused(adapter: Server, model: Path) -> None:
    refused = adapter.prepare(model, settings=Settings(extra=("--poetry", "-1")))

    assert refused == Refused(reason="this build has no option --poetry")


# launch, shutdown


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "default"])
def test_it_gives_the_golden_tokens_and_names_its_model(
    adapter: Server, model: Path, log: Path, strict: bool
) -> None:
    case = goldens.load(zoo.golden_folder() / "stable.json").cases[0]
    settings = Settings(strict=strict, context=512)

    with launched(adapter, model, settings, log) as (_, engine):
        found = engine.client.complete(case.prompt, count=len(case.tokens), ignore_eos=False)
        props = engine.client.props()

    assert found.tokens == case.tokens
    assert (props.model_path, props.total_slots) == (str(model), 1)


def test_a_prompt_that_has_no_room_is_refused_and_the_engine_lives(engine: Engine) -> None:
    with pytest.raises(EngineRefusedError) as refused:
        engine.client.complete([65] * 600, count=1)

    assert (refused.value.status, refused.value.kind) == (400, "exceed_context_size_error")
    assert engine.client.complete([65], count=1).tokens


def test_the_apps_own_arguments_start_it_and_one_that_it_lacks_does_not(
    adapter: Server, model: Path, log: Path
) -> None:
    def ends(*more: str) -> int | None:
        argv = ("-m", "{model}", "--port", "{port}", "-c", "512", *more)
        command = adapter.app_command(argv, model=model)
        with supervisor.running(command, log=log) as engine:
            return engine.stop().status

    assert ends() == 0
    with pytest.raises(EngineStartError) as refused:
        ends("--poetry")
    assert refused.value.status == 1
    assert "--poetry" in "\n".join(refused.value.log)


def test_it_ends_with_0_when_it_is_told_to_and_leaves_nothing(
    adapter: Server, model: Path, log: Path
) -> None:
    with launched(adapter, model, Settings(context=512), log) as (_, engine):
        family = [engine.pid, *(each.pid for each in psutil.Process(engine.pid).children())]
        stopped = adapter.shutdown(engine)

    assert (stopped.status, stopped.killed) == (0, False)
    assert not any(map(psutil.pid_exists, family))
    assert adapter.shutdown(engine) is stopped


def test_one_in_the_middle_of_a_stream_ends_too_by_itself_or_not(
    adapter: Server, model: Path, log: Path
) -> None:
    prepared = adapter.prepare(model, settings=Settings(context=512))
    assert isinstance(prepared, Prepared)
    with adapter.launch(prepared, log=log, grace_s=1.0) as engine:
        stream = engine.client.stream("Hello", count=500)
        next(stream)
        stopped = adapter.shutdown(engine)
        stream.close()

    assert stopped.killed is (stopped.status is None)
    assert not psutil.pid_exists(engine.pid)


def test_half_a_model_does_not_start(
    adapter: Server, model: Path, log: Path, tmp_path: Path
) -> None:
    half = tmp_path / "half.gguf"
    half.write_bytes(model.read_bytes()[: model.stat().st_size // 2])

    with pytest.raises(EngineStartError) as refused, launched(adapter, half, Settings(), log):
        pytest.fail("it is ready with half a model")

    assert refused.value.status == 1


def killed(adapter: Server, engine: Engine) -> Stopped:
    psutil.Process(engine.pid).kill()
    assert engine.process.ended(within_s=10)
    return adapter.shutdown(engine)


def test_a_crash_is_an_event_and_nothing_else_dies(
    adapter: Server, model: Path, engine: Engine, log: Path
) -> None:
    with launched(adapter, model, Settings(context=512), log) as (_, other):
        stopped = killed(adapter, other)

        assert (stopped.status, stopped.signal, stopped.killed) == (None, "SIGKILL", False)
        assert adapter.health(other).grade is Grade.DOWN
        with pytest.raises(EngineDiedError, match="the engine died of SIGKILL"):
            adapter.capabilities(other)

    assert adapter.health(engine).grade is Grade.OK
    assert engine.client.complete([65], count=1).tokens


# health


def test_an_engine_that_answers_is_well(adapter: Server, engine: Engine) -> None:
    health = adapter.health(engine)

    assert (health.grade, health.reason) == (Grade.OK, "")


def test_an_engine_that_hangs_is_degraded_until_it_goes_on(adapter: Server, engine: Engine) -> None:
    process = psutil.Process(engine.pid)
    process.suspend()
    try:
        hanging = adapter.health(engine, timeout_s=0.2)
    finally:
        process.resume()

    assert hanging.grade is Grade.DEGRADED
    # A thread may have answered before it heard of the signal: which question it was is chance.
    assert ": no whole answer within " in hanging.reason
    assert adapter.health(engine).grade is Grade.OK


# metrics


def test_metrics_move_as_requests_are_made(adapter: Server, engine: Engine) -> None:
    before = adapter.metrics(engine)
    assert before.evaluated is not None
    assert before.generated is not None
    engine.client.complete([65] * 300, count=100)
    after = adapter.metrics(engine)

    assert after.evaluated == before.evaluated + 300
    assert after.generated == before.generated + 100
    if before.generating_s is not None:
        assert after.generating_s is not None
        assert before.evaluating_s is not None
        assert after.evaluating_s is not None
        assert after.generating_s > before.generating_s
        # b8929 counts whole milliseconds of each request.
        assert after.evaluating_s >= before.evaluating_s
    assert (after.busy, after.waiting) == (0, 0)
    assert after.slots == engine.client.props().total_slots


def test_a_request_in_work_keeps_a_slot_busy(adapter: Server, engine: Engine) -> None:
    stream = engine.client.stream("Hello", count=400)
    next(stream)
    found = adapter.metrics(engine)
    stream.close()

    assert found.busy == 1


def test_what_an_engine_does_not_count_is_unknown(adapter: Server, model: Path, log: Path) -> None:
    with launched(adapter, model, Settings(context=512), log) as (_, engine):
        found = adapter.metrics(engine)

    assert (found.evaluated, found.generated, found.generating_s) == (None, None, None)
    assert (found.slots, found.busy) == (1, 0)


# capabilities, supports


def test_it_can_do_what_it_says_and_what_it_does_not_say_it_refuses(
    kind: Kind, engine: Engine
) -> None:
    can = kind.adapter.capabilities(engine)

    assert can == kind.can
    reasons = {each: features.why_not(engine.client, each) for each in Capability}
    assert {each for each, reason in reasons.items() if reason is None} == can
    assert "found 501" in str(reasons[Capability.EMBEDDINGS])


def test_it_can_do_less_when_less_was_asked_for(kind: Kind, model: Path, log: Path) -> None:
    with launched(kind.adapter, model, Settings(context=512), log) as (_, engine):
        can = kind.adapter.capabilities(engine)

    assert ALWAYS <= can < kind.can
    assert Capability.METRICS not in can


def test_a_model_for_vectors_makes_vectors_and_no_text(
    kind: Kind, models: dict[str, Path], log: Path
) -> None:
    settings = replace(kind.settings, task=Task.VECTORS, batch=512, part=512)

    with launched(kind.adapter, models["embedding"], settings, log) as (_, engine):
        can = kind.adapter.capabilities(engine)
        one, other = engine.client.embed("Hello", "Goodbye"), engine.client.embed("Goodbye")
        packed = engine.client.embed("Goodbye", packed=True)

    assert Capability.EMBEDDINGS in can
    assert not can & {Capability.CHAT, Capability.STREAMING, Capability.LOGPROBS}
    assert one[0] != one[1] == pytest.approx(other[0], abs=1e-5)
    assert packed[0] == pytest.approx(other[0], abs=1e-6)


def test_a_tool_is_called_only_where_it_says_so(
    kind: Kind, models: dict[str, Path], log: Path
) -> None:
    with launched(kind.adapter, models["tools"], Settings(context=2048), log) as (_, engine):
        can = kind.adapter.capabilities(engine)
        reason = features.why_not(engine.client, Capability.TOOLS)

    assert (Capability.TOOLS in can) is kind.calls
    assert (reason is None) is kind.calls


def test_what_it_supports_is_known_before_it_is_started(kind: Kind, model: Path) -> None:
    adapter = kind.adapter

    assert adapter.supports(model, features=kind.can, context=2048) == ()
    assert adapter.supports(model, context=2049) == (
        "context: 2049 tokens, and the model was trained for 2048",
    )
    assert "--list-devices" in adapter.flags()
    (reason,) = adapter.supports(model, accelerator="abacus")
    assert reason.startswith("accelerator: no device for abacus, found ")


# apply_patch


def test_a_patch_is_applied_or_needs_a_restart(
    kind: Kind, engine: Engine, prepared: Prepared
) -> None:
    adapter = kind.adapter
    done = adapter.apply_patch(engine, Patch(threads=2), prepared=prepared)

    if "threads" in kind.live:
        assert isinstance(done, Applied)
        assert engine.client.call("GET", "/props").json()["threads"] == 2
        adapter.apply_patch(engine, Patch(threads=1), prepared=done.prepared)
        assert engine.client.call("GET", "/props").json()["threads"] == 1
    else:
        assert isinstance(done, NeedsRestart)
    assert done.prepared.settings == replace(prepared.settings, threads=2)
    assert engine.client.complete([65], count=1).tokens


def test_another_context_needs_a_restart_and_is_there_afterwards(
    adapter: Server, engine: Engine, prepared: Prepared, tmp_path: Path
) -> None:
    prompt = [65] * 600
    done = adapter.apply_patch(engine, Patch(context=2048, threads=1), prepared=prepared)

    assert isinstance(done, NeedsRestart)
    with pytest.raises(EngineRefusedError):
        engine.client.complete(prompt, count=1)
    with adapter.launch(done.prepared, log=tmp_path / "log") as other:
        assert other.client.complete(prompt, count=1).tokens


def test_a_patch_that_makes_no_sense_or_that_it_cannot_have_is_refused(
    kind: Kind, engine: Engine, prepared: Prepared
) -> None:
    def refusal(patch: Patch) -> str:
        return str(kind.adapter.apply_patch(engine, patch, prepared=prepared))

    assert refusal(Patch(threads=0)) == "threads: expected at least 1"
    if Capability.MULTI_SLOT not in kind.can:
        assert refusal(Patch(slots=2)) == "this build cannot do several slots"


# the rest of what the gate asks


def test_a_stream_gives_the_tokens_of_a_completion(engine: Engine) -> None:
    chunks = list(engine.client.stream([65, 66, 67], count=4))

    assert sum(chunk.tokens for chunk in chunks) == 4


def test_tokens_and_text_are_each_others_reverse(engine: Engine) -> None:
    text = "Hello, wörld! 1234"
    pieces = engine.client.pieces(text)

    assert engine.client.detokenize(engine.client.tokenize(text)) == text
    assert b"".join(spelt for _, spelt in pieces) == text.encode()


def test_likelihoods_are_those_of_the_model(engine: Engine) -> None:
    (step,) = engine.client.complete([65, 66, 67], count=1, top=5).steps

    assert step.top[0] == (step.token, step.logprob)
    assert [likely for _, likely in step.top] == sorted(
        (likely for _, likely in step.top), reverse=True
    )


def test_a_chat_is_the_completion_of_its_template(engine: Engine) -> None:
    hello = [{"role": "user", "content": "Hello"}]
    prompt = engine.client.apply_template(hello)
    chat = engine.client.chat(hello, count=4)

    assert (chat.finish, chat.completion_tokens) == ("length", 4)
    assert chat.prompt_tokens == len(engine.client.tokenize(prompt))
    assert chat.text == engine.client.complete(prompt, count=4, ignore_eos=False).text


def test_ctrl_c_ends_it_well_too(adapter: Server, model: Path, log: Path) -> None:
    with launched(adapter, model, Settings(context=512), log) as (_, engine):
        psutil.Process(engine.pid).send_signal(signal.SIGINT)
        assert engine.process.ended(within_s=10)
        assert adapter.shutdown(engine).status == 0
