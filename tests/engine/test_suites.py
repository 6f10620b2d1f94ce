"""Every suite is green with a real engine, and red with a fault planted before it."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from engine_ci.config import EnginePolicy, PerformancePolicy
from engine_ci.engine.adapters.llama_server import LlamaServer
from engine_ci.gate import echo, jinja, model_files, zoo
from engine_ci.gate.api.dialects import COUNTS
from engine_ci.gate.context import Context, LocatedModel, Subject
from engine_ci.gate.suites import (
    api,
    chat,
    drift,
    embeddings,
    kv_pressure,
    lifecycle,
    loads,
    memory,
    pictures,
    real,
    tokenizer,
    tokens,
)
from engine_ci.records.gate import EngineFacts, FaultClass, Status
from tests.faults import proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import ModuleType

    from engine_ci.records.gate import Check

    Build = Callable[..., Context]
    Models = Mapping[str, LocatedModel]

pytestmark = pytest.mark.engine

# The checks that the reference lists.
LISTED = Path(__file__).parents[2] / "docs" / "generator" / "checks.json"
SUITES = (
    loads,
    tokens,
    drift,
    tokenizer,
    chat,
    embeddings,
    pictures,
    real,
    api,
    kv_pressure,
    lifecycle,
    memory,
)


@pytest.fixture(scope="module")
def models(smollm2: Path, tmp_path_factory: pytest.TempPathFactory) -> Models:
    cache = tmp_path_factory.mktemp("models")

    def wheel(member: zoo.WheelMember) -> Path:
        pytest.fail(f"{member.file} is not needed here")

    def path_of(model: zoo.Model) -> Path:
        real = model.role == "real"
        return smollm2 if real else model_files.locate(model, cache=cache, fetch=wheel)

    return {
        model.name: LocatedModel(model=model, path=path_of(model))
        for model in zoo.load_catalogue()
        if model.role != "performance"
    }


@pytest.fixture
def build(models: Models, mineru: Callable[[str], Path], tmp_path: Path) -> Iterator[Build]:
    """`build("stable", fault="slow", argument="2")`: 0.1.3 with a fault, and these models."""

    def subject(folder: Path, version: str) -> Subject:
        facts = EngineFacts(
            pin="test",
            version=version,
            tree_sha256="0" * 64,
            adapter="llama-server",
            platform="ubuntu-x64",
        )
        server = LlamaServer.in_folder(folder)
        return Subject(server=server, facts=facts, app_argv=EnginePolicy().argv)

    def make(
        *names: str,
        version: str = "0.1.3",
        fault: str = "",
        argument: str = "",
        baseline: bool = False,
    ) -> Context:
        def program(name: str, version: str, fault: str) -> Path:
            server = LlamaServer.in_folder(mineru(version)).program
            return proxy.plant(tmp_path / name, server=server, fault=fault, argument=argument)

        # Beside a fault nothing else may differ, and 0.1.2 has faults of its own.
        earlier = version if fault else "0.1.2"
        candidate, before = mineru(version), mineru(earlier)
        if fault:
            candidate = program("planted", version, fault)
            before = program("sound", earlier, "none")
        return Context(
            candidate=subject(candidate, version),
            baseline=subject(before, earlier) if baseline else None,
            models={name: models[name] for name in names},
            logs=tmp_path / "logs",
            goldens=zoo.golden_folder(),
            performance=PerformancePolicy(),
            seed=1,
        )

    yield make
    # Ends what outlives its engine.
    shutil.rmtree(tmp_path / "planted", ignore_errors=True)


def started_with(context: Context, *flags: str) -> Context:
    """The same, with more flags of the app's for the candidate."""
    candidate = context.candidate
    argv = (*candidate.app_argv, *flags)
    return replace(context, candidate=replace(candidate, app_argv=argv))


def with_status(status: Status, checks: list[Check]) -> set[str]:
    return {check.id for check in checks if check.status is status}


def test_every_suite_is_green_with_a_good_engine(build: Build, models: Models) -> None:
    context = build(*models, baseline=True)

    checks = [check for suite in SUITES for check in suite.run(context)]

    not_green = [check for check in checks if check.status is not Status.PASS]
    assert not_green == []
    assert {check.suite for check in checks} == {suite.SUITE for suite in SUITES}
    listed = {each[0] for each in json.loads(LISTED.read_text(encoding="utf-8"))}
    speed = {each for each in listed if each.startswith("performance/")}
    assert {check.id for check in checks} == listed - speed, "see docs/generator/checks.py"


# What 0.2.0 cannot load.
ABORTS = {
    f"bpe-{name}"
    for name in (
        *("smollm", "starcoder", "refact", "command-r", "seed-coder", "tekken", "gpt-4o", "llama4"),
        *("minimax-m2", "falcon", "deepseek-llm", "deepseek-coder", "deepseek-v3", "hunyuan-dense"),
    )
}
STABLE = ("stable",)
SMOL = ("smollm2-135m",)
TOKENS = {
    f"tokens/stable/{mode}"
    for mode in ("strict", "cached", "batches", "slots", "app", "guessed-right")
}
GUESSED = {"tokens/stable/guessed-right"}
BPE = ("bpe", "bpe-falcon")
TOKENIZE = {"tokenizer/bpe/tokenize", "tokenizer/bpe-falcon/tokenize"}
PIECES = {"tokenizer/bpe/pieces"}
SPECIAL = TOKENIZE | PIECES
STARTS = ("bpe-llama-bpe",)
SPM = ("spm", "spm-no-prefix", "unigram")
SPACED = {f"tokenizer/{name}/tokenize" for name in SPM} | {"tokenizer/spm/pieces"}
ADDED = {"tokenizer/bpe-llama-bpe/tokenize"}
COMPLETION = {"api/completion", "api/completion-stream"}
CHAT = {"api/chat", "api/chat-stream"}
STREAM = {"api/chat-stream", "api/stop-strings"}
SUSPECT = "drift/suspect"


def drifted(*names: str) -> set[str]:
    return {f"drift/sensitive/{name}" for name in names}


def drift_of(model: str) -> set[str]:
    """The checks of a model that is not asked in all modes."""
    return {f"drift/{model}/{to}" for to in ("reference", "baseline-strict", "baseline-app")}


BY_ITSELF = drifted("reference", "cached", "brim", "batches", "slots")
COMPARED = drifted("baseline-strict", "baseline-flash", "baseline-app")
DRIFT = BY_ITSELF | COMPARED


def pressed(*names: str) -> set[str]:
    return {f"kv-pressure/{name}" for name in names}


def lived(*names: str) -> set[str]:
    return {f"lifecycle/{name}" for name in names}


def embedded(*names: str) -> set[str]:
    return {f"embeddings/embedding-bert/{name}" for name in names}


BERT = ("embedding-bert",)
NEAR = ("reference", "baseline-strict", "baseline-app")


def talk(*names: str) -> set[str]:
    return {f"chat/stable/{name}" for name in names}


def called(*names: str) -> set[str]:
    return {f"chat/stable-tools/{name}" for name in names}


def seen(*names: str) -> set[str]:
    return {f"pictures/projector-gemma3/{name}" for name in names}


def thought(*names: str) -> set[str]:
    return {f"chat/stable-reasoning/{name}" for name in names}


def understood(*names: str) -> set[str]:
    return {f"chat/echo/{name}" for name in names}


def spoken(model: str, *names: str) -> set[str]:
    return {f"chat/echo-{model}/{name}" for name in names}


ECHO = ("echo",)
# Formats in which a turn has several calls, and those in which it has one.
SEVERAL = (
    *("deepseek", "gemma4", "glm", "granite", "hermes", "kimi-k2", "lfm2", "ministral"),
    *("mistral", "qwen3-coder"),
)
LANGUAGE = tuple(f"jinja-{topic}" for topic in jinja.topics())
FORMATS = tuple(sorted((*SEVERAL, "gpt-oss", "llama", "minimax")))
SAY = "/v1/chat/completions"
THIRD = f"{SAY} choices.0.logprobs.content.2"
STREAMED = talk("streams", "json-schema")
FORMED = ("json-schema", "form")
APART = thought("reasoning")
TOOLS = ("stable-tools",)
REASONING = ("stable-reasoning",)
CALLS = called("tool-call", "tool-choice")
CHOICE = called("tool-choice")
LONG_TEXT = called("long-text")
CALL = f"{SAY} choices.0.message.tool_calls.0"
CHUNK = f"{SAY} choices.0.delta.tool_calls.0"
SENSITIVE = ("sensitive",)
STATE = ("sensitive-falcon-h1",)
WINDOW = ("sensitive-gemma3",)
REPAIRED = ("bpe-deepseek-v3",)
LEFT = lived("client-leaves", "requests")
FILLS = ("sensitive-infill",)
SEES = ("projector-gemma3", "sensitive-gemma3")
LOOKS = ("reference", "baseline-strict", "cached", "baseline-app")
OTHERS = ("messages", "responses")
# These compare with a baseline, which is started in the same way.
COMPARING = (tokens, drift, tokenizer, chat, embeddings, pictures, real, api, lifecycle, memory)
NO_ROOM = "Context size has been exceeded."
REUSE = pressed("prefix-reuse", "turns", "slots")
FULL = pressed("brim", "shift")
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


# A fault in embeddings: its name and argument, and what fails for it.
EMBEDDINGS = (
    # A component is off by some thousandths.
    ("vectors-turned", "0.02", embedded(*NEAR, "text", "base64", "order")),
    ("vectors-stretched", "1.001", embedded("length")),
    ("vectors-cut", "", embedded(*NEAR, "text", "base64", "length", "order", "answer")),
    ("vectors-swapped", "", embedded("order")),
    ("encoding-ignored", "", embedded("base64")),
    ("tokenizer-altered", "", embedded("text")),
    ("reads-as", r"\u0301:\u0416", embedded("text")),
    ("value-set", "/v1/embeddings usage.prompt_tokens 7", embedded("answer")),
    ("value-set", "/v1/embeddings usage.total_tokens 7", embedded("answer")),
    ("value-set", "/v1/embeddings data.1.index 2", embedded("answer")),
    ("value-set", '/v1/embeddings data.0.object "vector"', embedded("answer")),
    ("value-gone", "/v1/embeddings model", embedded("answer")),
    ("value-set", '/v1/embeddings object "embedding"', embedded("answer")),
    ("value-gone", "/v1/embeddings data.3", embedded("order", "answer")),
    ("asked-otherwise", '/v1/rerank query "Why?"', embedded("rerank")),
    ("asked-otherwise", "/v1/rerank top_n 3", embedded("rerank")),
    ("value-set", "/v1/rerank results.0.index 9", embedded("rerank")),
    ("value-set", "/v1/rerank results.1.relevance_score -1.0", embedded("rerank")),
    ("value-set", "/v1/rerank usage.prompt_tokens 7", embedded("rerank")),
)

# A fault in what is filled in: its name and argument.
INFILL = (
    ("asked-otherwise", '/infill input_suffix "x"'),
    ("asked-otherwise", "/infill input_extra []"),
    ("asked-otherwise", '/infill prompt ""'),
    ("value-set", "/infill tokens.3 65"),
    ("value-gone", "/infill timings.prompt_n"),
    ("reads-as", "input_prefix:input_other"),
)

# A fault in what is seen: its name and argument, and what fails for it.
PICTURES = (
    ("picture-flipped", "", seen(*LOOKS, *OTHERS, "unreadable")),
    ("value-set", f"{THIRD}.top_logprobs.1.logprob -9.0", seen(*LOOKS)),
    ("value-set", f"{SAY} usage.prompt_tokens 7", seen(*LOOKS)),
    ("first-picture-kept", "", seen("cached")),
    ("value-set", '/v1/messages content.0.text "a"', seen("messages")),
    ("value-set", "/v1/messages usage.input_tokens 7", seen("messages")),
    ("asked-otherwise", "/v1/messages max_tokens 3", seen("messages")),
    ("reads-as", "input_image:input_other", seen("responses")),
    ("value-set", '/v1/responses delta "a"', seen("responses")),
    ("status-is", "400:422", seen("unreadable")),
    ("value-gone", f"{SAY} error.message", seen("unreadable", "refusal")),
    ("status-is", "500:200", seen("refusal")),
)

# A fault in the API: its name and argument, and what fails for it.
API = (
    ("asked-otherwise", "/completion ignore_eos false", {"api/ignore-eos"}),
    ("asked-otherwise", "/completion ignore_eos true", {"api/ignore-eos"}),
    ("asked-otherwise", "/completion seed 4294967295", {"api/sampling"}),
    ("asked-otherwise", "/completion seed 5", {"api/sampling"}),
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

PROMISES = (
    Planted(api, STABLE, "refuses-what-has", "null", {"api/nulls"}),
    Planted(chat, TOOLS, "refuses-what-has", "maxLength", LONG_TEXT),
    Planted(drift, STATE, "reads-again", "300", {"drift/sensitive-falcon-h1/edited"}),
    Planted(tokenizer, REPAIRED, "reads-as", "~:#", {"tokenizer/bpe-deepseek-v3/repaired"}),
)

PLANTED = (
    *PROMISES,
    Planted(loads, ("stable", "stable-smollm"), "aborts-on", "smollm", {"loads/stable-smollm"}),
    Planted(loads, STABLE, "flag-lost", "--parallel", {"loads/flags", "loads/stable"}),
    Planted(loads, STABLE, "other-model", "/other.gguf", {"loads/stable"}),
    Planted(tokens, STABLE, "token-swapped", "3", TOKENS),
    Planted(tokens, STABLE, "ends-early", "", TOKENS),
    Planted(tokens, STABLE, "runs-on", "", TOKENS),
    Planted(tokens, STABLE, "error-in-200", "", TOKENS),
    Planted(tokens, STABLE, "field-renamed", "tokens:ids", TOKENS),
    Planted(tokens, STABLE, "nothing-cached", "", {"tokens/stable/cached"}),
    Planted(tokens, STABLE, "wrong-when-cached", "", {"tokens/stable/cached"}),
    Planted(tokens, STABLE, "wrong-with", "-ub 16", {"tokens/stable/batches"}),
    Planted(tokens, STABLE, "wrong-with", "--model-draft", GUESSED),
    Planted(tokens, STABLE, "value-gone", "/completion timings.draft_n", GUESSED),
    Planted(tokens, STABLE, "mixes-up-slots", "", {"tokens/stable/slots"}),
    Planted(drift, SENSITIVE, "token-swapped", "3", DRIFT),
    Planted(drift, SENSITIVE, "logprobs-scaled", "1.02", DRIFT),
    Planted(drift, SENSITIVE, "field-renamed", "completion_probabilities:probs", DRIFT),
    Planted(drift, ("sensitive-f16",), "logprobs-scaled", "1.2", drift_of("sensitive-f16")),
    Planted(drift, ("sensitive-q4_k",), "logprobs-scaled", "1.2", drift_of("sensitive-q4_k")),
    Planted(drift, SENSITIVE, "wrong-past", "1000", DRIFT),
    Planted(drift, SENSITIVE, "nothing-cached", "", drifted("cached")),
    Planted(drift, SENSITIVE, "wrong-when-cached", "", drifted("cached")),
    Planted(drift, SENSITIVE, "wrong-with", "-ub 16", drifted("batches")),
    Planted(drift, SENSITIVE, "wrong-with", "-fa on", drifted("baseline-flash")),
    Planted(drift, SENSITIVE, "mixes-up-slots", "", drifted("slots")),
    Planted(drift, SENSITIVE, "stops-before-full", "", drifted("brim")),
    Planted(drift, SENSITIVE, "value-set", '/completion stop_type "eos"', drifted("brim")),
    Planted(drift, SENSITIVE, "refuses-with", "500", drifted("brim")),
    Planted(drift, SENSITIVE, "answers-what-is-too-long", "", drifted("brim")),
    Planted(drift, STATE, "dies-of-the-same", "", {"drift/sensitive-falcon-h1/again"}),
    Planted(drift, WINDOW, "wrong-when-back", "", {"drift/sensitive-gemma3/back"}),
    Planted(tokenizer, BPE, "tokenizer-altered", "", TOKENIZE | {"tokenizer/bpe/pieces"}),
    Planted(tokenizer, BPE, "detokenizer-altered", "", {"tokenizer/bpe/detokenize"}),
    Planted(tokenizer, BPE, "pieces-altered", "", {"tokenizer/bpe/pieces"}),
    Planted(tokenizer, BPE, "asked-otherwise", "/tokenize parse_special true", SPECIAL),
    Planted(tokenizer, BPE, "asked-otherwise", "/tokenize parse_special false", SPECIAL),
    Planted(tokenizer, BPE, "asked-otherwise", "/tokenize with_pieces false", PIECES),
    Planted(tokenizer, STARTS, "asked-otherwise", "/tokenize add_special false", ADDED),
    Planted(tokenizer, SPM, "asked-otherwise", "/tokenize add_special false", SPACED),
    Planted(tokenizer, SPM, "tokenizer-altered", "", SPACED),
    *(
        Planted(api, STABLE, "asked-otherwise", f"/completion {parameter}", {"api/samplers"})
        for parameter in (
            "top_k 9",
            "top_p 0.99",
            "min_p 0.001",
            "typical_p 0.9",
            "top_n_sigma 9.0",
            "xtc_probability 0.0",
            "dry_multiplier 0.0",
            "presence_penalty 0.0",
            "frequency_penalty 0.0",
            "repeat_penalty 1.0",
            "repeat_last_n 3",
        )
    ),
    *(
        Planted(api, STABLE, fault, f"/v1/{name} {what}", {f"api/{name}"})
        for name, fault, what in (
            ("completions", "value-set", 'choices.0.text "The"'),
            ("completions", "value-gone", "usage.completion_tokens"),
            ("completions", "asked-otherwise", "max_tokens 3"),
            ("responses", "value-set", 'output.0.content.0.text "Paris"'),
            ("responses", "value-gone", "usage"),
            ("responses", "value-set", 'delta "a"'),
            ("messages", "value-set", 'stop_reason "max_tokens"'),
            ("messages", "value-set", "usage.output_tokens 1"),
            ("messages", "value-set", 'delta.text "a"'),
        )
    ),
    *(
        Planted(api, STABLE, "value-set", f"{path} input_tokens 7", {"api/counts"})
        for path, _ in COUNTS
    ),
    Planted(chat, STABLE, "tokenizer-altered", "", {"chat/stable/template"}),
    Planted(chat, STABLE, "template-altered", "", talk("template", "awkward")),
    Planted(chat, STABLE, "template-in-content", "", talk("awkward")),
    Planted(chat, STABLE, "chat-says", "The capital is Paris.", talk("answers", *FORMED)),
    Planted(chat, STABLE, "chat-finishes", "length", talk("answers", "json-schema")),
    Planted(chat, STABLE, "asked-otherwise", f"{SAY} stream_options null", talk("streams")),
    Planted(chat, STABLE, "value-set", f'{SAY} choices.0.delta.content "b"', STREAMED),
    Planted(chat, STABLE, "value-gone", f"{THIRD}.top_logprobs.4", talk("logprobs")),
    Planted(chat, STABLE, "value-set", f"{THIRD}.logprob -1.0", talk("logprobs")),
    Planted(chat, STABLE, "value-set", f"{THIRD}.top_logprobs.1.id 0", talk("logprobs")),
    Planted(chat, STABLE, "value-gone", f"{THIRD}", talk("logprobs")),
    Planted(chat, STABLE, "asked-otherwise", f"{SAY} response_format null", talk(*FORMED)),
    Planted(chat, STABLE, "reads-as", "{2,3}:{4,5}", talk("form")),
    Planted(chat, TOOLS, "asked-otherwise", "/apply-template tools []", called("template")),
    Planted(chat, TOOLS, "asked-otherwise", f'{SAY} tool_choice "none"', CALLS),
    Planted(chat, TOOLS, "asked-otherwise", f'{SAY} tool_choice "required"', CHOICE),
    Planted(chat, TOOLS, "value-set", f'{CALL}.function.arguments "Paris"', called("tool-call")),
    Planted(chat, TOOLS, "value-set", f'{CALL}.function.name "town"', called("tool-call")),
    Planted(chat, TOOLS, "value-set", f'{CHUNK}.function.name "town"', CALLS),
    Planted(chat, TOOLS, "chat-finishes", "stop", called("tool-call")),
    Planted(chat, REASONING, "asked-otherwise", f'{SAY} reasoning_format "auto"', APART),
    Planted(chat, REASONING, "value-gone", f"{SAY} choices.0.message.reasoning_content", APART),
    Planted(chat, REASONING, "value-set", f'{SAY} choices.0.delta.reasoning_content "a"', APART),
    Planted(chat, REASONING, "chat-finishes", "length", APART),
    Planted(chat, REASONING, "reads-as", "enable_thinking:enable_other", thought("template")),
    Planted(chat, REASONING, "reads-as", "reasoning_content:reasoning_other", thought("template")),
    *(
        Planted(chat, REASONING, fault, f"/v1/{name} {what}", thought(name))
        for name, fault, what in (
            ("messages", "value-set", 'content.0.type "text"'),
            ("messages", "value-set", 'delta.thinking "a"'),
            ("messages", "value-set", "index 1"),
            ("messages", "event-twice", "content_block_start"),
            ("messages", "event-lost", "content_block_stop"),
            ("messages", "event-twice", "message_start"),
            ("messages", "asked-otherwise", "system null"),
            ("responses", "value-gone", "output.0"),
            ("responses", "value-set", 'item.content.0.text "a"'),
            ("responses", "value-set", 'response.status "incomplete"'),
            ("responses", "event-twice", "response.output_item.added"),
            ("responses", "event-lost", "response.output_item.done"),
            ("responses", "event-twice", "response.content_part.added"),
            ("responses", "event-twice", "response.created"),
            ("responses", "asked-otherwise", "instructions null"),
        )
    ),
    *(
        Planted(chat, TOOLS, fault, f"/v1/{name} {what}", called(name))
        for name, fault, what in (
            ("messages", "value-set", 'content.0.name "town"'),
            ("messages", "value-set", "content.0.input.year 2025"),
            ("messages", "value-set", 'stop_reason "end_turn"'),
            ("messages", "value-set", 'delta.stop_reason "end_turn"'),
            ("messages", "value-set", 'delta.partial_json "1"'),
            ("messages", "event-lost", "content_block_start"),
            ("responses", "value-set", 'output.0.arguments "Paris"'),
            ("responses", "value-gone", "output.0.call_id"),
            ("responses", "value-set", 'item.name "town"'),
            ("responses", "event-lost", "response.output_item.added"),
        )
    ),
    # Who offers several calls in this format gets them, asked for or not.
    Planted(
        chat,
        ECHO,
        "asked-otherwise",
        f"{SAY} parallel_tool_calls false",
        understood(*SEVERAL) - understood("hermes"),
    ),
    Planted(
        chat, ECHO, "value-gone", f"{SAY} choices.0.message.tool_calls.1", understood(*SEVERAL)
    ),
    Planted(
        chat, ECHO, "value-gone", f"{SAY} choices.0.delta.reasoning_content", understood(*FORMATS)
    ),
    Planted(chat, ECHO, "template-altered", "echo", understood(*FORMATS, *LANGUAGE)),
    Planted(chat, ECHO, "reads-as", "lists:maps", understood("jinja-lists")),
    Planted(chat, SMOL, "reads-as", "caf:tea", spoken("smollm2-135m", "template")),
    Planted(chat, SMOL, "reads-as", "<b>:(b)", spoken("smollm2-135m", "template", "text")),
    Planted(chat, TOOLS, "reads-as", "tool_result:text", called("messages")),
    Planted(chat, TOOLS, "reads-as", "function_call_output:message", called("responses")),
    Planted(chat, STABLE, "usage-off-by-one", "prompt_tokens", {"chat/stable/answers"}),
    Planted(chat, STABLE, "usage-off-by-one", "completion_tokens", {"chat/stable/answers"}),
    Planted(real, SMOL, "chat-says", "@@@@@@@@@@@@", {"real/smollm2-135m/sane"}),
    Planted(real, SMOL, "chat-says", "It is Rome.", {"real/smollm2-135m/sane"}),
    Planted(real, SMOL, "logprobs-scaled", "1.5", {"real/smollm2-135m/drift"}),
    *(Planted(api, STABLE, fault, argument, fails) for fault, argument, fails in API),
    *(Planted(pictures, SEES, fault, argument, fails) for fault, argument, fails in PICTURES),
    *(Planted(api, FILLS, fault, argument, {"api/infill"}) for fault, argument in INFILL),
    *(Planted(embeddings, BERT, fault, argument, fails) for fault, argument, fails in EMBEDDINGS),
    Planted(embeddings, STABLE, "status-is", "501:500", {"embeddings/refusal"}),
    Planted(embeddings, STABLE, "status-is", "501:200", {"embeddings/refusal"}),
    Planted(kv_pressure, SENSITIVE, "asked-otherwise", "/completion n_keep 96", pressed("shift")),
    Planted(kv_pressure, SENSITIVE, "nothing-cached", "", REUSE),
    Planted(kv_pressure, SENSITIVE, "wrong-when-cached", "", REUSE),
    Planted(kv_pressure, SENSITIVE, "logprobs-scaled", "1.02", REUSE | pressed("shift")),
    Planted(kv_pressure, SENSITIVE, "wrong-past", "1000", pressed("turns", "too-long", "brim")),
    Planted(kv_pressure, SENSITIVE, "refuses-with", "500", pressed("too-long")),
    Planted(kv_pressure, SENSITIVE, "answers-what-is-too-long", "", pressed("too-long")),
    Planted(kv_pressure, SENSITIVE, "slot-action-lost", "erase", pressed("slots")),
    Planted(kv_pressure, SENSITIVE, "slot-action-lost", "restore", pressed("slots")),
    Planted(kv_pressure, SENSITIVE, "stops-before-full", "", FULL),
    Planted(kv_pressure, SENSITIVE, "unwell-when-full", "", FULL),
    Planted(kv_pressure, SENSITIVE, "dies-when-full", "", FULL),
    Planted(kv_pressure, STABLE, "refuses-in-company", NO_ROOM, pressed("overlap")),
    Planted(kv_pressure, STABLE, "refuses-in-company", "Compute error.", TOGETHER),
    Planted(kv_pressure, STABLE, "wrong-in-company", "", TOGETHER),
    Planted(kv_pressure, STABLE, "writes-to-the-log", "GGML_ASSERT(n > 0)", pressed("log")),
    Planted(lifecycle, STABLE, "ignores-sigterm", "", lived("stops")),
    Planted(lifecycle, STABLE, "exits-with", "1", lived("stops")),
    Planted(lifecycle, STABLE, "listens-everywhere", "", lived("stays-here")),
    Planted(lifecycle, STABLE, "leaves-a-process", "", lived("leaves-nothing")),
    Planted(lifecycle, STABLE, "keeps-the-port", "", lived("starts-again")),
    Planted(lifecycle, STABLE, "loads-anything", "", lived("refuses-half-a-model")),
    Planted(lifecycle, STABLE, "always-content", "", lived("refuses-half-a-model")),
    Planted(lifecycle, STABLE, "dies-when-a-client-leaves", "", LEFT),
    Planted(lifecycle, STABLE, "unwell-when-a-client-leaves", "", LEFT),
    Planted(lifecycle, STABLE, "token-swapped", "3", LEFT),
    Planted(lifecycle, STABLE, "dies-after", "300", lived("requests")),
    Planted(lifecycle, STABLE, "starts-late", "1.5", lived("start-time")),
    Planted(lifecycle, STABLE, "log-says", "CPU:XPU", lived("backends")),
    Planted(memory, SENSITIVE, "leaks", "64", {"memory/growth", "memory/growth-app"}),
    Planted(memory, SENSITIVE, "hoards", "96", {"memory/peak"}),
)


@pytest.mark.parametrize("planted", PLANTED, ids=str)
def test_a_planted_fault_fails_exactly_the_checks_that_are_there_for_it(
    build: Build, models: Models, planted: Planted
) -> None:
    suite = planted.suite
    argument = planted.argument or str(models["stable"].path)
    context = build(
        *planted.models, fault=planted.fault, argument=argument, baseline=suite in COMPARING
    )

    checks = list(suite.run(context))

    hints = {SUSPECT} if suite is drift else set()
    others = {check.id for check in checks} - planted.fails - hints
    assert with_status(Status.FAIL, checks) == planted.fails
    assert with_status(Status.WARN, checks) == hints
    assert with_status(Status.PASS, checks) == others


@pytest.mark.parametrize("planted", PROMISES, ids=str)
def test_a_promise_that_the_baseline_breaks_too_is_warned_of(
    build: Build, planted: Planted
) -> None:
    fault, argument = planted.fault, planted.argument
    worse = build(*planted.models, fault=fault, argument=argument, baseline=True)
    same = replace(worse, baseline=worse.candidate)

    failed = list(planted.suite.run(worse))
    warned = [check for check in planted.suite.run(same) if check.id in planted.fails]

    assert with_status(Status.FAIL, failed) == planted.fails
    assert with_status(Status.WARN, warned) == planted.fails
    assert all(check.observed.endswith("; the baseline does so too") for check in warned)


def test_who_dies_of_a_model_as_the_baseline_does_is_warned_of_in_what_compares_them(
    build: Build,
) -> None:
    worse = build("sensitive-q4_0", fault="dies-after", argument="3", baseline=True)
    compared = {f"drift/sensitive-q4_0/baseline-{mode}" for mode in ("strict", "app")}

    failed = list(drift.run(worse))
    same = list(drift.run(replace(worse, baseline=worse.candidate)))

    assert with_status(Status.FAIL, failed) == {"drift/sensitive-q4_0/reference", *compared}
    assert with_status(Status.FAIL, same) == {"drift/sensitive-q4_0/reference"}
    assert with_status(Status.WARN, same) == {SUSPECT, *compared}
    died = [check for check in same if check.id in compared]
    assert {check.fault_class for check in died} == {FaultClass.CRASH_RUNTIME}
    assert all(check.observed.endswith("; the baseline does so too") for check in died)


@pytest.mark.parametrize(
    ("suite", "model", "option", "names"),
    [
        (tokens, "stable", "--model-draft", ("guessed-right",)),
        (chat, "stable-tools", "--logit-bias", ("messages", "responses")),
        (chat, "stable-reasoning", "--grammar", ("messages", "responses")),
        (chat, "echo", "--chat-template-file", (*FORMATS, *LANGUAGE)),
    ],
)
def test_a_build_without_an_option_is_not_asked_for_what_needs_it(
    build: Build, suite: ModuleType, model: str, option: str, names: tuple[str, ...]
) -> None:
    checks = list(suite.run(build(model, fault="flag-lost", argument=option, baseline=True)))

    skipped = [check for check in checks if check.status is Status.SKIP]
    assert [check.id.split("/")[1:] for check in skipped] == [[model, name] for name in names]
    assert {check.observed for check in skipped} == {f"not asked: this build has no {option}"}
    assert all(check.status is Status.PASS for check in checks if check not in skipped)


def test_a_build_that_takes_no_projector_is_asked_only_whether_it_says_so(build: Build) -> None:
    checks = list(pictures.run(build(*SEES, fault="flag-lost", argument="--mmproj")))

    skipped, passed = with_status(Status.SKIP, checks), with_status(Status.PASS, checks)
    assert skipped == seen("loads", *LOOKS, "messages", "responses", "unreadable")
    assert passed == seen("refusal")


def test_a_projector_that_cannot_be_loaded_says_nothing_of_its_language_model(
    build: Build, tmp_path: Path
) -> None:
    context = build(*SEES, baseline=True)
    projector = context.models["projector-gemma3"]
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(projector.path.read_bytes()[:4096])
    models = {**context.models, "projector-gemma3": replace(projector, path=cut)}

    checks = list(pictures.run(replace(context, models=models)))

    assert with_status(Status.FAIL, checks) == seen("loads")
    assert with_status(Status.PASS, checks) == seen("refusal")
    assert checks[0].fault_class is FaultClass.CRASH_LOAD
    assert context.candidate.refused.keys() == {"projector-gemma3"}


@pytest.mark.parametrize(
    ("names", "fault", "argument", "suspect"),
    [
        (("sensitive", "sensitive-mamba2"), "wrong-when-cached", "", "prompt cache"),
        (("sensitive", "sensitive-mamba2"), "wrong-with", "-ub 16", "prompts in many batches"),
        (("sensitive", "sensitive-mixtral"), "wrong-past", "1000", "more than 1,000 tokens"),
        (("sensitive", "sensitive-qwen3"), "aborts-on", "qwen3", "norms of heads"),
    ],
)
def test_what_moves_names_the_operation_to_suspect(
    build: Build, names: tuple[str, ...], fault: str, argument: str, suspect: str
) -> None:
    checks = list(drift.run(build(*names, fault=fault, argument=argument, baseline=True)))

    (hint,) = (check for check in checks if check.id == SUSPECT)
    assert hint.status is Status.WARN
    assert suspect in hint.observed.removeprefix("suspect: ").split(" (")[0].split(" or ")


def test_numbers_that_moved_a_little_warn_and_do_not_fail(build: Build) -> None:
    context = build("sensitive", fault="logprobs-scaled", argument="1.00003", baseline=True)

    checks = list(drift.run(context))

    assert with_status(Status.WARN, checks) == BY_ITSELF | {SUSPECT}
    assert with_status(Status.PASS, checks) == COMPARED
    kept = {check.id: check.margins for check in checks if check.margins}
    moved, same = kept["drift/sensitive/reference"], kept["drift/sensitive/baseline-strict"]
    assert all(moved.positions)
    assert len(moved.positions) == len(same.positions) == 16
    assert max(moved.positions) > (moved.passes or 1)
    assert max(same.positions) < (same.passes or 0)


@pytest.mark.parametrize("version", ["0.1.2", "0.1.3", "0.2.0"])
def test_a_good_engine_is_right_in_every_mode_by_itself(
    build: Build, models: Models, version: str
) -> None:
    long = [name for name in models if name in ("sensitive-gemma2", "sensitive-mamba2")]

    checks = list(drift.run(build(*long, version=version)))

    # Which kept one copy of a state and no more, until it was repaired.
    reads_again = {"drift/sensitive-mamba2/edited", SUSPECT} if version == "0.1.2" else set()
    assert len(checks) == 8 * len(long) + 4
    assert with_status(Status.FAIL, checks) == set()
    assert with_status(Status.WARN, checks) == reads_again
    assert all("baseline" in name for name in with_status(Status.SKIP, checks))


def test_an_older_good_engine_bears_pressure_on_its_cache_too(build: Build) -> None:
    checks = list(kv_pressure.run(build("sensitive", "stable", version="0.1.2")))

    alone = ("prefix-reuse", "turns", "too-long", "slots", "brim", "shift")
    names = (*alone, "overlap", "scarce", "log")
    assert [check.id for check in checks] == [f"kv-pressure/{name}" for name in names]
    assert with_status(Status.PASS, checks) == pressed(*names)


def test_an_engine_that_hangs_in_a_crowd_is_not_waited_for_without_end(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kv_pressure, "_ANSWER_S", 1.0)

    checks = list(kv_pressure.run(build("stable", fault="hangs-in-a-crowd")))

    (failed,) = (check for check in checks if check.status is Status.FAIL)
    assert failed.id == "kv-pressure/scarce"
    assert re.search(r"no whole answer within [1-4]\.\d s", failed.observed)


@pytest.mark.parametrize(
    ("flag", "name"), [("--slot-save-path", "slots"), ("--context-shift", "shift")]
)
def test_a_build_that_cannot_save_slots_or_forget_is_not_asked_to(
    build: Build, flag: str, name: str
) -> None:
    context = build("sensitive", fault="flag-lost", argument=flag)

    checks = list(kv_pressure.run(context))

    (skipped,) = (check for check in checks if check.status is not Status.PASS)
    assert (skipped.id, skipped.status) == (f"kv-pressure/{name}", Status.SKIP)
    assert skipped.observed == f"not asked: this build has no {flag}"


def test_the_tokenizers_are_those_of_the_models_with_an_older_good_engine_too(
    build: Build, models: Models
) -> None:
    names = [name for name, located in models.items() if located.model.role == "tokenizer"]

    checks = list(tokenizer.run(build(*names, version="0.1.2", baseline=True)))

    repaired = {
        f"tokenizer/bpe-{name}/repaired" for name in ("glm4", "deepseek-v3", "hunyuan-dense")
    }
    assert len(checks) == 2 * len(names) + 4 + len(repaired)
    assert with_status(Status.WARN, checks) == repaired
    assert len(with_status(Status.PASS, checks)) == 2 * len(names) + 4


def test_a_build_that_cannot_load_many_pre_tokenizers_is_told_which(
    build: Build, models: Models
) -> None:
    names = [name for name in models if name.startswith("bpe")]

    checks = list(tokenizer.run(build(*names, version="0.2.0")))

    failed = {check.id for check in checks if check.status is Status.FAIL}
    assert failed == {f"tokenizer/{name}/loads" for name in ABORTS}
    assert {check.fault_class for check in checks if check.id in failed} == {FaultClass.CRASH_LOAD}
    skipped = {check.id for check in checks if check.status is Status.SKIP}
    assert {name.removesuffix("/repaired") for name in skipped if "repaired" in name} == {
        "tokenizer/bpe-deepseek-v3",
        "tokenizer/bpe-hunyuan-dense",
    }
    assert {name for name in skipped if "repaired" not in name} == {
        f"tokenizer/{name}/tokenize" for name in ABORTS
    }


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

    first, *others, hint = drift.run(context)

    assert first.status is Status.FAIL
    assert "SIGABRT" in first.observed
    assert (hint.id, hint.status) == (SUSPECT, Status.WARN)
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

    checks = list(api.run(started_with(context, *flags)))

    assert [check for check in checks if check.status is not Status.PASS] == []
    assert len(checks) == 19


def test_a_field_that_is_gone_is_named(build: Build) -> None:
    fault = "/completion timings.predicted_n"
    context = build("stable", fault="value-gone", argument=fault)

    (check,) = (check for check in api.run(context) if check.id == "api/completion")

    assert check.observed.startswith("POST /completion: `timings.predicted_n`: expected, but found")


def test_an_app_that_passes_a_flag_which_is_gone_is_told(build: Build) -> None:
    def checks_of(version: str) -> list[Check]:
        context = build("stable", version=version)
        return list(loads.run(started_with(context, "--mlock")))

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

    assert with_status(Status.PASS, checks) == BY_ITSELF | {SUSPECT}
    assert with_status(Status.SKIP, checks) == COMPARED
    assert checks[1].observed == "not asked: there is no baseline that runs"


def test_a_baseline_that_does_not_answer_is_no_fault_of_the_candidate(build: Build) -> None:
    broken = build("sensitive", fault="error-in-200").candidate
    context = replace(build("sensitive"), baseline=broken)

    checks = list(drift.run(context))

    assert with_status(Status.PASS, checks) == BY_ITSELF | {SUSPECT}
    assert with_status(Status.SKIP, checks) == COMPARED
    assert "Compute error." in checks[1].observed


def test_an_engine_that_dies_while_it_is_asked_shows_its_last_lines(build: Build) -> None:
    context = build("stable", fault="dies-when-a-client-leaves")

    (check,) = (check for check in lifecycle.run(context) if check.id.endswith("client-leaves"))

    assert check.status is Status.FAIL
    assert check.detail


@pytest.mark.parametrize("version", ["0.1.2", "0.2.0"])
def test_embeddings_are_right_with_other_builds_and_flags_too(build: Build, version: str) -> None:
    context = build("embedding-bert", "embedding-nomic-bert", "stable", version=version)
    flags = ("-b", "64", "-ub", "64", "-fa", "on", "-t", "2")

    checks = list(embeddings.run(started_with(context, *flags)))

    assert len(checks) == 2 * 9 + 1
    assert with_status(Status.FAIL, checks) == set()
    skipped = [check.observed for check in checks if check.status is Status.SKIP]
    assert skipped == ["not asked: there is no baseline that runs"] * 4


def test_a_baseline_without_embeddings_is_no_fault_of_the_candidate(build: Build) -> None:
    broken = build("embedding-bert", fault="flag-lost", argument="--embeddings").candidate
    context = replace(build("embedding-bert"), baseline=broken)

    checks = list(embeddings.run(context))

    assert with_status(Status.FAIL, checks) == set()
    assert with_status(Status.SKIP, checks) == embedded("baseline-strict", "baseline-app")


def test_an_engine_that_makes_vectors_without_being_told_to_fails(build: Build) -> None:
    context = started_with(build("stable"), "--embeddings", "--pooling", "mean")

    (check,) = embeddings.run(context)

    assert (check.status, check.observed) == (Status.FAIL, "it gave a vector")


def in_use(context: Context) -> Context:
    """The same with all its models in use, and nothing known of them."""
    models = {
        name: replace(located, model=located.model.model_copy(update={"role": "real"}))
        for name, located in context.models.items()
    }
    return replace(context, models=models)


def test_a_model_of_which_nothing_is_known_is_held_against_the_baseline(build: Build) -> None:
    odd = {"fault": "chat-says", "argument": "????????"}
    good, bad = build("stable", baseline=True), build("stable", baseline=True, **odd)
    worse = list(real.run(in_use(bad)))
    as_odd = list(real.run(in_use(replace(bad, baseline=bad.candidate))))

    assert with_status(Status.PASS, list(real.run(in_use(good)))) == {
        "real/stable/sane",
        "real/stable/drift",
    }
    assert with_status(Status.FAIL, worse) == {"real/stable/sane"}
    assert with_status(Status.FAIL, as_odd) == set()


@pytest.mark.parametrize("fault", ["", "error-in-200"])
def test_a_model_in_use_is_compared_with_a_baseline_that_answers_only(
    build: Build, fault: str
) -> None:
    baseline = build("stable", fault=fault).candidate if fault else None

    sane, drifted = real.run(replace(in_use(build("stable")), baseline=baseline))

    assert (sane.status, drifted.status) == (Status.PASS, Status.SKIP)
    said = "the baseline gave no answer" if fault else "there is no baseline that runs"
    assert said in drifted.observed


def speaking(context: Context, path: Path) -> Context:
    """The same with its one model in use, which calls tools and thinks as Hermes does."""
    source = (zoo.template_folder() / "hermes.jinja").read_text(encoding="utf-8")
    echo.write(path, seed=1, echo=replace(echo.OURS, template=source))
    ((name, located),) = in_use(context).models.items()
    return replace(context, models={name: replace(located, path=path)})


TURNS = ("text", "call", "calls", "thoughts", "all")


def test_a_model_in_use_with_a_template_for_tools_is_asked_with_both(
    build: Build, tmp_path: Path
) -> None:
    context = speaking(build("stable"), tmp_path / "model.gguf")
    source = (zoo.template_folder() / "hermes.jinja").read_text(encoding="utf-8")
    two = replace(echo.OURS, tool_template=source)
    echo.write(tmp_path / "model.gguf", seed=1, echo=two)

    assert with_status(Status.PASS, list(chat.run(context))) == spoken("stable", "template", *TURNS)


@pytest.mark.parametrize(
    ("fault", "argument", "fails"),
    [
        ("", "", ()),
        ("value-gone", f"{SAY} choices.0.message.tool_calls.1", ("calls",)),
        ("value-gone", f"{SAY} choices.0.delta.reasoning_content", ("thoughts", "all")),
        ("value-set", f'{CALL}.function.name "town"', ("call", "calls", "all")),
        ("chat-finishes", "length", TURNS),
    ],
)
def test_what_a_model_in_use_says_is_read_in_its_format(
    build: Build, tmp_path: Path, fault: str, argument: str, fails: tuple[str, ...]
) -> None:
    context = build("stable", fault=fault, argument=argument, baseline=True)
    context = speaking(context, tmp_path / "model.gguf")
    everything, failed = spoken("stable", "template", *TURNS), spoken("stable", *fails)

    worse = list(chat.run(context))
    same = list(chat.run(replace(context, baseline=context.candidate)))

    assert with_status(Status.FAIL, worse) == with_status(Status.WARN, same) == failed
    assert with_status(Status.PASS, worse) == with_status(Status.PASS, same) == everything - failed


def test_of_a_model_in_use_without_a_chat_no_format_is_asked(build: Build, tmp_path: Path) -> None:
    context = speaking(build("stable"), tmp_path / "model.gguf")
    (tmp_path / "model.gguf").write_bytes(b"GGUF")

    assert list(chat.run(context)) == []
