"""Asks a `llama-server`, reading defensively: a wrong answer is an error that names the field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Message = Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Props:
    """What the engine says about itself."""

    model_path: str
    total_slots: int
    build_info: str
    chat_template: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One generated token: natural log-probability, and the `top` alternatives, likeliest first."""

    token: int
    logprob: float
    top: tuple[tuple[int, float], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Completion:
    """A finished greedy completion; `steps` is empty when no alternatives were asked for."""

    tokens: tuple[int, ...]
    text: str
    stop: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Chunk:
    """A piece of a stream: when it came in (`time.perf_counter`, seconds), how many tokens."""

    at: float
    tokens: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Chat:
    """An answer of `/v1/chat/completions`."""

    text: str
    finish: str
    prompt_tokens: int
    completion_tokens: int


class Client:
    """One engine on loopback. Every method but `health` raises EngineAnswerError."""

    def __init__(self, port: int, *, timeout_s: float = 60.0) -> None:
        self.port = port
        self.timeout_s = timeout_s

    def health(self) -> bool:
        """Whether `/health` says ok."""
        raise NotImplementedError

    def props(self) -> Props:
        """`/props`."""
        raise NotImplementedError

    def complete(
        self,
        prompt: Sequence[int] | str,
        *,
        count: int,
        top: int = 0,
        cache: bool = False,
        slot: int = 0,
        ignore_eos: bool = True,
    ) -> Completion:
        """Greedy tokens after `prompt`, with the log-probabilities of the `top` likeliest."""
        raise NotImplementedError

    def stream(self, prompt: Sequence[int] | str, *, count: int) -> Iterator[Chunk]:
        """Greedy tokens as they come in."""
        raise NotImplementedError

    def tokenize(
        self, text: str, *, add_special: bool = False, parse_special: bool = True
    ) -> tuple[int, ...]:
        """The token IDs of a text."""
        raise NotImplementedError

    def detokenize(self, tokens: Sequence[int]) -> str:
        """The text of token IDs."""
        raise NotImplementedError

    def apply_template(self, messages: Sequence[Message]) -> str:
        """The prompt that the model's chat template makes of messages."""
        raise NotImplementedError

    def chat(self, messages: Sequence[Message], *, count: int) -> Chat:
        """A greedy answer to messages."""
        raise NotImplementedError
