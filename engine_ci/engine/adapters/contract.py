"""What every adapter does: the protocol, and the values that its methods take and give.

An adapter knows one kind of engine. `prepare` and `supports` decide, from files and from what the
program says of itself, before anything is started. `launch` and `shutdown` start and end one
engine. `health`, `metrics`, `capabilities` and `apply_patch` speak with one that runs: what they
say was found out by asking it, and what could not be found out is unknown, never assumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from engine_ci.engine.tasks import Task

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from engine_ci.engine.adapters.settings import Settings
    from engine_ci.engine.process import Stopped
    from engine_ci.engine.ready_engine import Engine
    from engine_ci.engine.supervisor import Start
    from engine_ci.records.runtime import Grade


CPU: Final = "cpu"


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """All that a start needs.

    Attributes:
        program: what is started; it runs in an empty temporary folder, which is its home too.
        arguments: its arguments for a port of loopback; paths in them are absolute.
        model: the file that it serves, and that `/props` must name.
        task: what it is there for, and does nothing else.
    """

    program: Path
    arguments: Callable[[int], tuple[str, ...]]
    model: Path
    task: Task = Task.TEXT


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared(Command):
    """A start with settings of ours.

    Attributes:
        settings: what it was prepared with.
    """

    settings: Settings


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """Something that is not done, and why; `str` is the reason, one line."""

    reason: str

    def __str__(self) -> str:
        return self.reason


@dataclass(frozen=True, kw_only=True, slots=True)
class Health:
    """A grade, and why it is no better; "" for `OK`."""

    grade: Grade
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Metrics:
    """What an engine has done since its start, and does now; None is unknown, 0 is none.

    Attributes:
        evaluated: tokens of prompts that were computed, so without those found in a cache.
        generated: tokens that were generated.
        evaluating_s, generating_s: seconds that each of it took.
        slots: requests that it can work on at the same time.
        busy: slots that work now.
        waiting: requests that wait for a slot.
        cached: tokens that all slots hold in the cache.
    """

    evaluated: int | None = None
    generated: int | None = None
    evaluating_s: float | None = None
    generating_s: float | None = None
    slots: int | None = None
    busy: int | None = None
    waiting: int | None = None
    cached: int | None = None


class Capability(StrEnum):
    """Something that an engine with a model may or may not do, as it was launched."""

    CACHE_REUSE = "cache-reuse"
    """Of a prompt that begins as the slot's last one did, only the rest is evaluated."""
    CHAT = "chat"
    """`/v1/chat/completions` answers messages."""
    EMBEDDINGS = "embeddings"
    """`/v1/embeddings` makes vectors of texts."""
    JSON_SCHEMA = "json-schema"
    """What is generated fits a given JSON schema."""
    LOGPROBS = "logprobs"
    """Each generated token comes with the likeliest ones in its place."""
    METRICS = "metrics"
    """It counts tokens and seconds."""
    MULTI_SLOT = "multi-slot"
    """Several requests are worked on at the same time."""
    SLOT_ERASE = "slot-erase"
    """What one slot has cached can be erased."""
    SLOTS = "slots"
    """It tells what each of its slots does."""
    STREAMING = "streaming"
    """Tokens come as they are generated."""
    TOOLS = "tools"
    """A chat that must call a tool calls it: so the model does its part."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Patch:
    """A change of a running engine's settings; None leaves what is there. See `Settings`."""

    context: int | None = None
    slots: int | None = None
    threads: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Applied:
    """The running engine has the change; launched again as `prepared` it has it too."""

    prepared: Prepared


@dataclass(frozen=True, kw_only=True, slots=True)
class NeedsRestart:
    """The running engine is as it was; launched as `prepared` it has the change."""

    prepared: Prepared


class Adapter(Protocol):
    """One engine build of one kind.

    Attributes:
        name: of its kind, as a pin calls it.
    """

    name: str

    def refusal(self, model: Path) -> str | None:
        """Why no start with this model could succeed, if so, by the program's and its first bytes.

        It is cheap, and asked before every start.
        """

    def prepare(self, model: Path, *, settings: Settings) -> Prepared | Refused:
        """What a start with this model needs, or why it would be in vain. Starts no server.

        Beside what `refusal` looks at it is asked whether the engine knows every
        option in `settings.extra`. Options that only make runs comparable are left out where a
        build lacks them.
        """

    def launch(
        self,
        command: Command,
        *,
        log: Path,
        port: int | None = None,
        ready_timeout_s: float = 60.0,
        grace_s: float = 5.0,
    ) -> Start:
        """One start. To enter is to wait until the engine is ready, to leave is to end it.

        Nothing is started before; a `Runtime` takes such starts, one for each try.

        Args:
            command: by `prepare`, or with the app's own arguments.
            log: where its output goes; replaced.
            port: of loopback; a free one when not given.
            ready_timeout_s: seconds for it to become ready, as `Patience` counts them.
            grace_s: seconds between SIGTERM and SIGKILL.

        Raises:
            EngineSilentError: on entering: it was not ready in time, or hangs.
            EngineStartError: on entering: it ended or answered wrongly.
        """

    def shutdown(self, engine: Engine) -> Stopped:
        """Ends an engine and all of its processes, and says how it ended; also when asked again.

        Status 0 is an engine that ended when it was asked to.
        """

    def health(self, engine: Engine, *, timeout_s: float = 15.0) -> Health:
        """How well an engine is; never an error. An engine that computes is waited for longer.

        Args:
            engine: a running one, or one that has ended.
            timeout_s: seconds for each of its answers, as `Patience` counts them.
        """

    def metrics(self, engine: Engine) -> Metrics:
        """What an engine says of its work; what it does not say is None.

        Raises:
            EngineAnswerError: it does not answer, or what it says cannot be read.
        """

    def capabilities(self, engine: Engine) -> frozenset[Capability]:
        """What an engine can do, each found by a small request that it did right.

        Takes a few dozen tokens, and what the engine's slots have cached is lost.

        Raises:
            EngineDiedError: it died of a request.
            EngineLateError: it hangs.
        """

    def supports(
        self,
        model: Path,
        *,
        features: AbstractSet[Capability] = frozenset(),
        context: int = 0,
        accelerator: str = CPU,
    ) -> tuple[str, ...]:
        """Why this engine cannot do what is wished with a model, a line each; none if none is seen.

        This is said before a start, so a feature that no option of a build stands for may still
        turn out to be missing: `capabilities` tells.

        Args:
            model: a GGUF file.
            features: that the engine must have.
            context: tokens that one slot must hold.
            accelerator: the kind of device, `cpu`, `cuda`, `metal`, `vulkan`, …

        Raises:
            EngineStartError: the program cannot even say what it offers.
        """

    def apply_patch(
        self, engine: Engine, patch: Patch, *, prepared: Prepared
    ) -> Applied | NeedsRestart | Refused:
        """Changes a running engine where it can be changed, else says what that takes.

        Args:
            engine: a running one.
            patch: the change.
            prepared: what the engine was launched with.

        Raises:
            EngineAnswerError: the engine does not answer.
        """
