"""Faults by class: how many are planted where, and of how many the gate or `prepare` names it.

The eighteen classes are those of 51 regressions that llama.cpp had. A fault's class is given where
it is planted: by name here for those of the proxy, in `bundles.py`, in a patch's first line. What
it was caught as is in the results. One fault counts once, however many suites it is tried on.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from benchmarks.gate import bundle_faults, bundles, catalogue, proxy_faults
from benchmarks.gate import results as gated
from engine_ci.errors import Exit
from engine_ci.records.gate import FaultClass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from benchmarks.gate.bundle_faults import BundleResult
    from benchmarks.gate.catalogue import Engine
    from benchmarks.gate.proxy_faults import ProxyResult
    from benchmarks.gate.results import Result

Place: TypeAlias = Literal["proxy", "process", "bundle", "source edit", "history"]

PLACES: Final[tuple[Place, ...]] = ("proxy", "process", "bundle", "source edit", "history")


class Kind(StrEnum):
    """The eighteen."""

    PACKAGING = "packaging"
    MINIMUM_OS = "minimum OS"
    CLI = "CLI, flags"
    DEFAULT = "default changed"
    CRASH_LOAD = "crash at load"
    CRASH_RUNTIME = "crash at run time, exit"
    FALSE_READY = "false ready"
    FALLBACK = "silent backend fallback"
    NUMERIC = "numeric"
    TOKENIZER = "tokenizer"
    TEMPLATE = "chat template, tool parser"
    API = "API"
    KV = "KV cache, slots"
    MEMORY = "memory growth"
    GENERATION = "speed of generation"
    PROMPT = "speed of prompts, first token"
    LOAD = "load time, size"
    STALE = "stale pin"


# What a check's class is among the eighteen; that of speed depends on what was measured.
REPORTED: Final[Mapping[FaultClass, Kind]] = {
    FaultClass.PACKAGING: Kind.PACKAGING,
    FaultClass.MINIMUM_OS: Kind.MINIMUM_OS,
    FaultClass.CLI: Kind.CLI,
    FaultClass.CRASH_LOAD: Kind.CRASH_LOAD,
    FaultClass.CRASH_RUNTIME: Kind.CRASH_RUNTIME,
    FaultClass.EXIT: Kind.CRASH_RUNTIME,
    FaultClass.ORPHAN: Kind.CRASH_RUNTIME,
    FaultClass.FALSE_READY: Kind.FALSE_READY,
    FaultClass.FALLBACK: Kind.FALLBACK,
    FaultClass.NUMERIC: Kind.NUMERIC,
    FaultClass.TOKENIZER: Kind.TOKENIZER,
    FaultClass.CHAT_TEMPLATE: Kind.TEMPLATE,
    FaultClass.API: Kind.API,
    FaultClass.KV: Kind.KV,
    FaultClass.MEMORY: Kind.MEMORY,
    FaultClass.LOAD_TIME: Kind.LOAD,
}
_GENERATION: Final = "performance/generation"

# Where a catalogue says only that an engine is slower.
_SLOWER: Final[Mapping[str, Kind]] = {
    "slow-attention": Kind.PROMPT,
    "slow-token": Kind.GENERATION,
    "b10429": Kind.GENERATION,
}

# Faults of the proxy by their name, with the beginning of the argument where that tells them apart.
_SAY: Final = "/v1/chat/completions"
_PROXY: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.CLI: ("flag-lost", "listens-everywhere"),
    Kind.DEFAULT: ("value-set /props total_slots",),
    Kind.CRASH_LOAD: ("aborts-on",),
    Kind.CRASH_RUNTIME: (
        "ignores-sigterm",
        "exits-with",
        "leaves-a-process",
        "keeps-the-port",
        "always-content",
        "dies-when-a-client-leaves",
        "unwell-when-a-client-leaves",
        "dies-after",
        "dies-when-full",
        "dies-of-the-same",
        "writes-to-the-log",
    ),
    Kind.FALSE_READY: ("other-model", "loads-anything"),
    Kind.FALLBACK: ("log-says",),
    Kind.NUMERIC: (
        "token-swapped",
        "ends-early",
        "runs-on",
        "logprobs-scaled",
        "wrong-with",
        "wrong-past",
        "chat-says",
        "vectors-turned",
        "vectors-stretched",
        "vectors-cut",
        "picture-flipped",
    ),
    Kind.TOKENIZER: (
        "tokenizer-altered",
        "detokenizer-altered",
        "pieces-altered",
        "asked-otherwise /tokenize",
        "reads-as",
    ),
    Kind.TEMPLATE: (
        "template-altered",
        "template-in-content",
        "asked-otherwise /apply-template",
        f"asked-otherwise {_SAY} tool_choice",
        f"asked-otherwise {_SAY} reasoning_format",
        f"asked-otherwise {_SAY} parallel_tool_calls",
        "reads-as enable_thinking",
        "reads-as reasoning_content",
        "reads-as caf",
        "reads-as lists",
        "reads-as <b>",
        f"value-set {_SAY} choices.0.message.tool_calls",
        f"value-set {_SAY} choices.0.delta.tool_calls",
        f"value-gone {_SAY} choices.0.message.tool_calls",
        f"value-gone {_SAY} choices.0.delta.reasoning_content",
    ),
    Kind.API: (
        "asked-otherwise /completion",
        "asked-otherwise /v1/completions",
        "asked-otherwise /v1/messages",
        "asked-otherwise /v1/responses",
        "reads-as tool_result",
        "reads-as function_call_output",
        "reads-as input_image",
        "reads-as input_prefix",
        "asked-otherwise /infill",
        "asked-otherwise /v1/rerank",
        "event-twice",
        "event-lost",
        "reads-as {",
        f"asked-otherwise {_SAY} stream_options",
        f"asked-otherwise {_SAY} response_format",
        "value-gone",
        "value-set",
        "field-renamed",
        "error-in-200",
        "status-is",
        "refuses-with",
        "refuses-what-has",
        "chat-finishes",
        "usage-off-by-one",
        "done-missing",
        "stop-ignored",
        "encoding-ignored",
        "vectors-swapped",
        "unwell-after-an-error",
    ),
    Kind.KV: (
        "wrong-with --model-draft",
        "value-gone /completion timings.draft_n",
        "nothing-cached",
        "wrong-when-cached",
        "wrong-when-back",
        "reads-again",
        "mixes-up-slots",
        "first-picture-kept",
        "stops-before-full",
        "answers-what-is-too-long",
        "refuses-in-company",
        "wrong-in-company",
        "slot-action-lost",
        "unwell-when-full",
    ),
    Kind.MEMORY: ("leaks", "hoards"),
    Kind.LOAD: ("starts-late",),
}
# Of these the proxy is the process at fault; the others are in what it says.
_OF_THE_PROCESS: Final = (
    *_PROXY[Kind.CRASH_LOAD],
    *_PROXY[Kind.CRASH_RUNTIME],
    *_PROXY[Kind.MEMORY],
    *_PROXY[Kind.LOAD],
    "flag-lost",
    "loads-anything",
)

# Why a class has no fault here, or the fault of it is not named.
WHY: Final[Mapping[Kind, str]] = {
    Kind.MINIMUM_OS: "`prepare` refuses a library that wants a newer glibc than its wheel promises "
    "(it counts as packaging); macOS, where it compares the two as well: none is planted here",
    Kind.DEFAULT: "no check says so: one of the fields or of the numbers that it changes fails",
    Kind.STALE: "no fault of an engine: `detect` says how far the pin is behind",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Caught:
    """A fault and what became of it.

    Attributes:
        refused: the gate or `prepare` did.
        named: the classes that were reported.
    """

    name: str
    place: Place
    kind: Kind
    refused: bool
    named: frozenset[Kind]

    @property
    def right(self) -> bool:
        """Its own class is among those reported."""
        return self.refused and self.kind in self.named


def every() -> tuple[Caught, ...]:
    """All planted faults of which there is a result."""
    return (
        *of_proxy(proxy_faults.load()),
        *of_bundles(bundle_faults.load_all()),
        *of_engines(catalogue.engines(), gated.load_all()),
    )


def of_proxy(results: Iterable[ProxyResult]) -> Iterator[Caught]:
    """Faults of the proxy; those of several suites are one."""
    failed: dict[str, set[Kind]] = {}
    for result in results:
        named = failed.setdefault(f"{result.fault} {result.argument}".strip(), set())
        named |= {reported(check.check, check.fault_class) for check in result.failed}
    for name, named in failed.items():
        yield Caught(
            name=name,
            place="process" if name.startswith(_OF_THE_PROCESS) else "proxy",
            kind=of_name(name),
            refused=bool(named),
            named=frozenset(named),
        )


def of_name(name: str) -> Kind:
    """The class of a fault of the proxy: that of the longest beginning that is listed."""
    found = [
        (len(begin), kind)
        for kind, listed in _PROXY.items()
        for begin in listed
        if name.startswith(begin)
    ]
    return max(found)[1]


def of_bundles(results: Iterable[BundleResult]) -> Iterator[Caught]:
    """Faults of packaging that do harm, and go on doing so after `prepare`, or are refused."""
    by_name = {result.fault: result for result in results}
    for fault in bundles.FAULTS:
        result = by_name.get(fault.name)
        if result is not None and fault.harm != "none" and not result.mended:
            checks = {reported(found.check, found.fault_class) for found in result.failed}
            named = {Kind.PACKAGING} if result.prepare == Exit.VERIFICATION else checks
            yield Caught(
                name=fault.name,
                place="bundle",
                kind=REPORTED[fault.fault_class],
                refused=result.refused,
                named=frozenset(named),
            )


def of_engines(engines: Iterable[Engine], results: Iterable[Result]) -> Iterator[Caught]:
    """Edits of the source, and history."""
    by_name = {result.engine: result for result in results}
    for engine in engines:
        if engine.fault_class and engine.name in by_name:
            failed = by_name[engine.name].failed
            yield Caught(
                name=engine.name,
                place="history" if engine.kind == "historic" else "source edit",
                kind=_SLOWER.get(engine.name) or REPORTED[FaultClass(engine.fault_class)],
                refused=bool(failed),
                named=frozenset(reported(found.check, found.fault_class) for found in failed),
            )


def reported(check: str, fault_class: FaultClass) -> Kind:
    """What a failed check reports."""
    if fault_class is FaultClass.PERFORMANCE:
        return Kind.GENERATION if check == _GENERATION else Kind.PROMPT
    return REPORTED[fault_class]
