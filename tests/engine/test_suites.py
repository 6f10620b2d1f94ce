"""Every suite is green with a real engine, and red with a fault planted before it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import pytest

from engine_ci.config import EnginePolicy, PerformancePolicy
from engine_ci.engine.adapters.llama_server import LlamaServer
from engine_ci.gate import zoo
from engine_ci.gate.context import Context, LocatedModel, Subject
from engine_ci.gate.suites import api, chat, drift, kv_pressure, lifecycle, loads, tokens
from engine_ci.records.gate import EngineFacts, FaultClass, Status
from tests.faults import proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import ModuleType

    from engine_ci.records.gate import Check

    Build = Callable[..., Context]
    Models = Mapping[str, LocatedModel]

pytestmark = pytest.mark.engine

SUITES = (loads, tokens, drift, chat, api, kv_pressure, lifecycle)


@pytest.fixture(scope="module")
def models(smollm2: Path, tmp_path_factory: pytest.TempPathFactory) -> Models:
    cache = tmp_path_factory.mktemp("models")

    def wheel(member: zoo.WheelMember) -> Path:
        pytest.fail(f"{member.file} is not needed here")

    def path_of(model: zoo.Model) -> Path:
        real = model.role == "real"
        return smollm2 if real else zoo.locate(model, cache=cache, fetch=wheel)

    return {
        model.name: LocatedModel(model=model, path=path_of(model))
        for model in zoo.load_catalogue()
        if model.role != "performance"
    }


@pytest.fixture
def build(models: Models, mineru: Callable[[str], Path], tmp_path: Path) -> Build:
    """`build("stable", fault="slow", argument="2")`: 0.1.3 with a fault, and these models."""

    def subject(folder: Path, version: str) -> Subject:
        facts = EngineFacts(
            pin="test",
            version=version,
            tree_sha256="0" * 64,
            adapter="llama-server",
            platform="ubuntu-x64",
        )
        return Subject(server=LlamaServer.in_folder(folder), facts=facts)

    def make(
        *names: str,
        version: str = "0.1.3",
        fault: str = "",
        argument: str = "",
        baseline: bool = False,
    ) -> Context:
        candidate = mineru(version)
        if fault:
            server = LlamaServer.in_folder(candidate).program
            folder = tmp_path / "planted"
            candidate = proxy.plant(folder, server=server, fault=fault, argument=argument)
        return Context(
            candidate=subject(candidate, version),
            baseline=subject(mineru("0.1.2"), "0.1.2") if baseline else None,
            models={name: models[name] for name in names},
            app_argv=EnginePolicy().argv,
            logs=tmp_path / "logs",
            goldens=zoo.golden_folder(),
            performance=PerformancePolicy(),
            seed=1,
        )

    return make


def with_status(status: Status, checks: list[Check]) -> set[str]:
    return {check.id for check in checks if check.status is status}


def test_every_suite_is_green_with_a_good_engine(build: Build, models: Models) -> None:
    context = build(*models, baseline=True)

    checks = [check for suite in SUITES for check in suite.run(context)]

    not_green = [check for check in checks if check.status is not Status.PASS]
    assert not_green == []
    sensitive = [model for model in context.models if model.startswith("sensitive")]
    assert len(sensitive) == 15
    assert len(checks) == (6 + len(sensitive)) + 8 + 3 * len(sensitive) + 13 + 11 + 8 + 5


STABLE = ("stable",)
SMOL = ("smollm2-135m",)
TOKENS = {"tokens/stable/strict", "tokens/stable/app"}
TOKENIZER = {"chat/stable/tokenizer", "chat/stable/template"}
COMPLETION = {"api/completion", "api/completion-stream"}
CHAT = {"api/chat", "api/chat-stream"}
STREAM = {"api/chat-stream", "api/stop-strings"}
DRIFT = {
    "drift/sensitive/reference",
    "drift/sensitive/baseline-strict",
    "drift/sensitive/baseline-app",
}


def pressed(*names: str) -> set[str]:
    return {f"kv-pressure/{name}" for name in names}


SENSITIVE = ("sensitive",)
NO_ROOM = "Context size has been exceeded."
REUSE = pressed("prefix-reuse", "turns", "slots")
TOGETHER = pressed("overlap", "scarce")


class Planted(NamedTuple):
    """A fault, and the checks of a suite that must fail for it; no others may."""

    suite: ModuleType
    models: tuple[str, ...]
    fault: str
    argument: str
    fails: set[str]

    def __str__(self) -> str:
        return f"{self.suite.SUITE}: {self.fault} {self.argument}"


# A fault in the API: its name and argument, and what fails for it.
API = (
    ("value-gone", "/props default_generation_settings.params.temperature", {"api/props"}),
    ("value-set", "/props total_slots 2", {"api/props"}),
    ("value-gone", "/v1/models data.0.id", {"api/models"}),
    ("value-set", '/v1/chat/completions model "other"', {"api/models"}),
    ("value-gone", "/completion tokens_evaluated", COMPLETION),
    ("value-set", "/completion timings.prompt_n 26", COMPLETION),
    ("value-set", "/completion truncated true", COMPLETION),
    ("value-gone", "/completion stop", COMPLETION),
    ("value-gone", "/v1/chat/completions choices.0.message.role", {"api/chat"}),
    ("value-set", "/v1/chat/completions usage.total_tokens 41", CHAT),
    ("value-set", '/v1/chat/completions choices.0.delta.role "user"', STREAM),
    ("value-set", '/v1/chat/completions object "chat.completion"', STREAM),
    ("done-missing", "", STREAM),
    ("stop-ignored", "", {"api/stop-strings"}),
    ("value-gone", "/v1/chat/completions choices.0.logprobs", {"api/logprobs"}),
    (
        "value-gone",
        "/v1/chat/completions choices.0.logprobs.content.4.top_logprobs.2",
        {"api/logprobs"},
    ),
    ("status-is", "404:200", {"api/errors"}),
    ("status-is", "400:422", {"api/errors", "api/context-size"}),
    ("value-set", '/no-such-path error.type "server_error"', {"api/errors"}),
    ("value-set", "/no-such-path error.code 400", {"api/errors"}),
    ("value-gone", "/completion error.n_ctx", {"api/context-size"}),
    ("value-set", "/completion error.n_prompt_tokens 1", {"api/context-size"}),
    ("unwell-after-an-error", "", {"api/goes-on"}),
)

PLANTED = (
    Planted(loads, ("stable", "stable-smollm"), "aborts-on", "smollm", {"loads/stable-smollm"}),
    Planted(loads, STABLE, "flag-lost", "--parallel", {"loads/flags", "loads/stable"}),
    Planted(loads, STABLE, "other-model", "/other.gguf", {"loads/stable"}),
    Planted(tokens, STABLE, "token-swapped", "3", TOKENS),
    Planted(tokens, STABLE, "ends-early", "", TOKENS),
    Planted(tokens, STABLE, "runs-on", "", TOKENS),
    Planted(tokens, STABLE, "error-in-200", "", TOKENS),
    Planted(tokens, STABLE, "field-renamed", "tokens:ids", TOKENS),
    Planted(drift, SENSITIVE, "token-swapped", "3", DRIFT),
    Planted(drift, SENSITIVE, "logprobs-scaled", "1.02", DRIFT),
    Planted(drift, SENSITIVE, "field-renamed", "completion_probabilities:probs", DRIFT),
    Planted(
        chat, STABLE, "tokenizer-altered", "", {"chat/stable/tokenizer", "chat/stable/template"}
    ),
    Planted(chat, STABLE, "detokenizer-altered", "", {"chat/stable/tokenizer"}),
    Planted(chat, STABLE, "template-altered", "", {"chat/stable/template"}),
    Planted(chat, STABLE, "chat-says", "The capital of France is Paris.", {"chat/stable/answers"}),
    Planted(chat, STABLE, "chat-finishes", "length", {"chat/stable/answers"}),
    Planted(chat, STABLE, "usage-off-by-one", "prompt_tokens", {"chat/stable/answers"}),
    Planted(chat, STABLE, "usage-off-by-one", "completion_tokens", {"chat/stable/answers"}),
    Planted(chat, SMOL, "chat-says", "@@@@@@@@@@@@", {"chat/smollm2-135m/sane"}),
    *(Planted(api, STABLE, fault, argument, fails) for fault, argument, fails in API),
    Planted(kv_pressure, SENSITIVE, "nothing-cached", "", REUSE),
    Planted(kv_pressure, SENSITIVE, "wrong-when-cached", "", REUSE),
    Planted(kv_pressure, SENSITIVE, "logprobs-scaled", "1.02", REUSE),
    Planted(kv_pressure, SENSITIVE, "wrong-past", "1000", pressed("turns", "too-long", "brim")),
    Planted(kv_pressure, SENSITIVE, "refuses-with", "500", pressed("too-long")),
    Planted(kv_pressure, SENSITIVE, "answers-what-is-too-long", "", pressed("too-long")),
    Planted(kv_pressure, SENSITIVE, "slot-action-lost", "erase", pressed("slots")),
    Planted(kv_pressure, SENSITIVE, "slot-action-lost", "restore", pressed("slots")),
    Planted(kv_pressure, SENSITIVE, "stops-before-full", "", pressed("brim")),
    Planted(kv_pressure, SENSITIVE, "unwell-when-full", "", pressed("brim")),
    Planted(kv_pressure, SENSITIVE, "dies-when-full", "", pressed("brim")),
    Planted(kv_pressure, STABLE, "refuses-in-company", NO_ROOM, pressed("overlap")),
    Planted(kv_pressure, STABLE, "refuses-in-company", "Compute error.", TOGETHER),
    Planted(kv_pressure, STABLE, "wrong-in-company", "", TOGETHER),
    Planted(kv_pressure, STABLE, "writes-to-the-log", "GGML_ASSERT(n > 0)", pressed("log")),
    Planted(lifecycle, STABLE, "ignores-sigterm", "", {"lifecycle/stops"}),
    Planted(lifecycle, STABLE, "exits-with", "1", {"lifecycle/stops"}),
    Planted(lifecycle, STABLE, "leaves-a-process", "", {"lifecycle/leaves-nothing"}),
    Planted(lifecycle, STABLE, "keeps-the-port", "", {"lifecycle/starts-again"}),
    Planted(lifecycle, STABLE, "loads-anything", "", {"lifecycle/refuses-half-a-model"}),
    Planted(lifecycle, STABLE, "dies-when-a-client-leaves", "", {"lifecycle/client-leaves"}),
    Planted(lifecycle, STABLE, "unwell-when-a-client-leaves", "", {"lifecycle/client-leaves"}),
    Planted(lifecycle, STABLE, "token-swapped", "3", {"lifecycle/client-leaves"}),
)


@pytest.mark.parametrize("planted", PLANTED, ids=str)
def test_a_planted_fault_fails_exactly_the_checks_that_are_there_for_it(
    build: Build, models: Models, planted: Planted
) -> None:
    suite = planted.suite
    argument = planted.argument or str(models["stable"].path)
    context = build(
        *planted.models, fault=planted.fault, argument=argument, baseline=suite is drift
    )

    checks = list(suite.run(context))

    others = {check.id for check in checks} - planted.fails
    assert with_status(Status.FAIL, checks) == planted.fails
    assert with_status(Status.PASS, checks) == others


def test_an_older_good_engine_bears_pressure_on_its_cache_too(build: Build) -> None:
    checks = list(kv_pressure.run(build("sensitive", "stable", version="0.1.2")))

    names = ("prefix-reuse", "turns", "too-long", "slots", "brim", "overlap", "scarce", "log")
    assert [check.id for check in checks] == [f"kv-pressure/{name}" for name in names]
    assert with_status(Status.PASS, checks) == pressed(*names)


def test_an_engine_that_hangs_in_a_crowd_is_not_waited_for_without_end(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kv_pressure, "_ANSWER_S", 1.0)

    checks = list(kv_pressure.run(build("stable", fault="hangs-in-a-crowd")))

    (failed,) = (check for check in checks if check.status is Status.FAIL)
    assert failed.id == "kv-pressure/scarce"
    assert "no whole answer within 1 s" in failed.observed


def test_a_build_that_cannot_save_slots_is_not_asked_to(build: Build) -> None:
    context = build("sensitive", fault="flag-lost", argument="--slot-save-path")

    checks = list(kv_pressure.run(context))

    (skipped,) = (check for check in checks if check.status is not Status.PASS)
    assert (skipped.id, skipped.status) == ("kv-pressure/slots", Status.SKIP)
    assert skipped.observed == "not asked: this build has no --slot-save-path"


def test_a_build_that_cannot_load_a_pre_tokenizer_is_caught_with_its_last_words(
    build: Build,
) -> None:
    context = build("stable-smollm", version="0.2.0")

    (_, load) = loads.run(context)
    later = [*tokens.run(context), *chat.run(context), *lifecycle.run(context)]

    assert load.status is Status.FAIL
    assert load.fault_class is FaultClass.CRASH_LOAD
    assert "SIGABRT" in load.observed
    assert "free(): invalid pointer" in load.detail
    assert with_status(Status.FAIL, later) == set()
    assert with_status(Status.PASS, later) == {"lifecycle/refuses-half-a-model"}


def test_what_was_not_loaded_is_not_waited_for_again_and_the_reason_stands_there(
    build: Build,
) -> None:
    context = build("sensitive", fault="aborts-on", argument="sensitive", baseline=True)

    first, *others = drift.run(context)

    assert first.status is Status.FAIL
    assert "SIGABRT" in first.observed
    assert {check.observed for check in others} == {
        "not asked: the candidate did not start with sensitive"
    }
    assert {check.status for check in others} == {Status.SKIP}


@pytest.mark.parametrize("version", ["0.1.2", "0.1.3"])
@pytest.mark.parametrize("flags", [("--parallel", "3"), ("-np", "-1", "-c", "512")], ids=str)
def test_the_api_is_right_with_both_good_builds_and_other_flags(
    build: Build, version: str, flags: tuple[str, ...]
) -> None:
    context = build("stable", version=version)

    checks = list(api.run(replace(context, app_argv=(*context.app_argv, *flags))))

    assert [check for check in checks if check.status is not Status.PASS] == []
    assert len(checks) == 11


def test_a_field_that_is_gone_is_named(build: Build) -> None:
    fault = "/completion timings.predicted_n"
    context = build("stable", fault="value-gone", argument=fault)

    (check,) = (check for check in api.run(context) if check.id == "api/completion")

    assert check.observed.startswith("POST /completion: `timings.predicted_n`: expected, but found")


def test_an_app_that_passes_a_flag_which_is_gone_is_told(build: Build) -> None:
    def checks_of(version: str) -> list[Check]:
        context = build("stable", version=version)
        return list(loads.run(replace(context, app_argv=(*context.app_argv, "--mlock"))))

    before, after = checks_of("0.1.2"), checks_of("0.1.3")

    assert with_status(Status.FAIL, before) == set()
    assert with_status(Status.FAIL, after) == {"loads/flags", "loads/stable"}
    assert after[0].observed == "unknown: --mlock"


def test_a_model_for_measuring_speed_is_left_to_the_suite_that_does(
    build: Build, models: Models
) -> None:
    context = build("stable")
    stable = models["stable"]
    speed = replace(stable, model=stable.model.model_copy(update={"role": "performance"}))

    checks = list(loads.run(replace(context, models={"speed": speed})))

    assert [check.id for check in checks] == ["loads/flags"]


def test_without_a_baseline_the_reference_alone_judges(build: Build) -> None:
    context = build("sensitive")

    checks = list(drift.run(context))

    assert with_status(Status.PASS, checks) == {"drift/sensitive/reference"}
    assert with_status(Status.SKIP, checks) == DRIFT - {"drift/sensitive/reference"}
    assert checks[1].observed == "not asked: there is no baseline that runs"


def test_a_baseline_that_does_not_answer_is_no_fault_of_the_candidate(build: Build) -> None:
    broken = build("sensitive", fault="error-in-200").candidate
    context = replace(build("sensitive"), baseline=broken)

    checks = list(drift.run(context))

    assert with_status(Status.PASS, checks) == {"drift/sensitive/reference"}
    assert with_status(Status.SKIP, checks) == DRIFT - {"drift/sensitive/reference"}
    assert "Compute error." in checks[1].observed


def test_an_engine_that_dies_while_it_is_asked_shows_its_last_lines(build: Build) -> None:
    context = build("stable", fault="dies-when-a-client-leaves")

    (check,) = (check for check in lifecycle.run(context) if check.id.endswith("client-leaves"))

    assert check.status is Status.FAIL
    assert check.detail
