"""Asks a `llama-server`: greedy, without caches, and with every answer checked."""

from __future__ import annotations

import base64
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from engine_ci.engine import answers, reading
from engine_ci.engine.patience import Patience
from engine_ci.errors import EngineAnswerError
from engine_ci.system.http import Loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from engine_ci.engine.patience import Effort
    from engine_ci.system.http import Answer

Message = Mapping[str, str]
Vector = tuple[float, ...]
EMBEDDINGS = "/v1/embeddings"
_COMPLETION = "/completion"
# One candidate survives top_k, so that nothing depends on what other samplers a build has.
GREEDY: dict[str, Any] = {
    "samplers": ["top_k"],
    "top_k": 1,
    "temperature": 0,
    "seed": 0,
    "cache_prompt": False,
    "id_slot": 0,
}
# The smallest float stands for a probability of zero; no real one comes near.
_ZERO_BELOW = -1e30


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One generated token: natural log-probability, and the `top` likeliest, likeliest first."""

    token: int
    logprob: float
    top: tuple[tuple[int, float], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Completion:
    """A finished completion; without `top` there are no `steps`.

    Attributes:
        evaluated: tokens of the prompt that were not in the cache; None where a build does not say.
        truncated: whether the context was full before the end.
        drafted: tokens that a second model guessed, rightly or not.
    """

    tokens: tuple[int, ...]
    text: str
    stop: str
    steps: tuple[Step, ...]
    evaluated: int | None = None
    truncated: bool = False
    drafted: int = 0


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
    """One engine on loopback. All methods but `health` raise EngineAnswerError."""

    def __init__(
        self, port: int, *, timeout_s: float = 60.0, effort: Callable[[], Effort] | None = None
    ) -> None:
        """`effort`, what the engine has had so far, lets it be waited for with `Patience`."""
        self._http = Loopback(port)
        self._timeout_s = timeout_s
        self._effort = effort

    def health(self) -> bool:
        """Whether `/health` says ok; no answer is no."""
        try:
            self.check_health()
        except EngineAnswerError:
            return False
        return True

    def check_health(self) -> None:
        """Returns when `/health` says ok."""
        status = self._get("/health", answers.Health).status
        if status != "ok":
            raise EngineAnswerError(f"GET /health: expected `ok`, found `{status[:200]}`")

    def props(self) -> answers.Props:
        """What the engine says about itself."""
        return self._get("/props", answers.Props)

    def complete(
        self,
        prompt: Sequence[int] | str,
        *,
        count: int,
        top: int = 0,
        cache: bool = False,
        slot: int = 0,
        ignore_eos: bool = True,
        fills: bool = False,
        keep: int = 0,
    ) -> Completion:
        """`count` tokens after `prompt`, or fewer where the end of the text counts as an end.

        Args:
            prompt: token IDs, or text that the engine tokenizes.
            count: at least 1.
            top: how many of the likeliest tokens to name at each step; at most the vocabulary.
            cache: whether the slot's cached prompt may be used.
            slot: which slot works on it; -1 is any that is free.
            ignore_eos: go on when the model wants to end.
            fills: the context may be full before there are `count` tokens.
            keep: tokens of the prompt that stay when an engine forgets others for want of room.

        Raises:
            EngineRefusedError: it does not want to, and says so in the documented form.
        """
        wanted = _generation(prompt, count=count) | {
            "n_probs": top,
            "cache_prompt": cache,
            "id_slot": slot,
            "ignore_eos": ignore_eos,
            "n_keep": keep,
        }
        found = self._post(_COMPLETION, wanted, answers.Completed)
        _check_length(len(found.tokens), count=count, exact=ignore_eos and not fills)
        return Completion(
            tokens=tuple(found.tokens),
            text=found.content,
            stop=found.stop_type,
            steps=_steps(found, top=top) if top else (),
            evaluated=found.timings.prompt_n,
            truncated=found.truncated,
            drafted=found.timings.draft_n,
        )

    def stream(self, prompt: Sequence[int] | str, *, count: int) -> Generator[Chunk, None, None]:
        """`count` tokens after `prompt`, as they come in.

        A chunk can have no token, and a token whose bytes are no character yet comes in none.
        To close the iterator is to break the connection.
        """
        wanted = _generation(prompt, count=count) | {"stream": True}
        endpoint = f"POST {_COMPLETION} (stream)"
        predicted = None
        for line in self.lines(_COMPLETION, body=wanted):
            at = time.perf_counter()
            piece = reading.fit(
                reading.event(line, endpoint=endpoint), answers.Piece, endpoint=endpoint
            )
            yield Chunk(at=at, tokens=len(piece.tokens))
            if piece.stop:
                predicted = piece.tokens_predicted
        if predicted != count:
            raise EngineAnswerError(f"{endpoint}: expected {count} tokens, found {predicted}")

    def tokenize(
        self, text: str, *, add_special: bool = False, parse_special: bool = True
    ) -> tuple[int, ...]:
        """The token IDs of a text."""
        wanted = {"content": text, "add_special": add_special, "parse_special": parse_special}
        return tuple(self._post("/tokenize", wanted, answers.Tokens).tokens)

    def pieces(
        self, text: str, *, add_special: bool = False, parse_special: bool = True
    ) -> tuple[tuple[int, bytes], ...]:
        """The token IDs of a text, each with the bytes that it spells."""
        wanted = {
            "content": text,
            "add_special": add_special,
            "parse_special": parse_special,
            "with_pieces": True,
        }
        found = self._post("/tokenize", wanted, answers.SpelledTokens).tokens
        return tuple((token.id, _bytes(token.piece)) for token in found)

    def detokenize(self, tokens: Sequence[int]) -> str:
        """The text of token IDs."""
        return self._post("/detokenize", {"tokens": list(tokens)}, answers.Content).content

    def apply_template(self, messages: Sequence[Message]) -> str:
        """The prompt that the model's chat template makes of messages (`role`, `content`)."""
        wanted = {"messages": [dict(message) for message in messages]}
        return self._post("/apply-template", wanted, answers.Prompt).prompt

    def chat(self, messages: Sequence[Message], *, count: int) -> Chat:
        """An answer of at most `count` tokens to messages (`role`, `content`)."""
        wanted = GREEDY | {
            "messages": [dict(message) for message in messages],
            "max_tokens": count,
        }
        found = self._post("/v1/chat/completions", wanted, answers.ChatCompletion)
        return Chat(
            text=found.choices[0].message.content,
            finish=found.choices[0].finish_reason,
            prompt_tokens=found.usage.prompt_tokens,
            completion_tokens=found.usage.completion_tokens,
        )

    def embed(self, *inputs: Sequence[int] | str, packed: bool = False) -> tuple[Vector, ...]:
        """The vectors of texts or token IDs, in the order of the answer.

        Args:
            inputs: one is sent by itself, several as a list.
            packed: ask for base64 in place of numbers.
        """
        plain = [item if isinstance(item, str) else list(item) for item in inputs]
        wanted = {
            "input": plain if len(plain) > 1 else plain[0],
            "encoding_format": "base64" if packed else "float",
        }
        found = self._post(EMBEDDINGS, wanted, answers.Embeddings).data
        if len(found) != len(inputs):
            raise EngineAnswerError(
                f"POST {EMBEDDINGS}: `data`: expected {len(inputs)} vectors, found {len(found)}"
            )
        return tuple(_vector(item.embedding, packed=packed) for item in found)

    def rank(
        self, query: str, documents: Sequence[str], *, best: int | None = None
    ) -> answers.Ranked:
        """Documents in the order in which they fit a question, all or the best of them."""
        wanted = {"query": query, "documents": list(documents), "top_n": best or len(documents)}
        return self._post("/v1/rerank", wanted, answers.Ranked)

    def call(
        self, method: str, path: str, *, body: Mapping[str, Any] | bytes | None = None
    ) -> Answer:
        """Whatever the engine answers, of any status and shape."""
        return self._http.request(method, path, body=body, left=self._left())

    def lines(self, path: str, *, body: Mapping[str, Any]) -> Generator[bytes, None, None]:
        """The lines of a stream as they come in, without empty ones; other statuses are errors."""
        return self._http.stream(path, body=body, left=self._left())

    def slot(
        self, action: Literal["save", "restore", "erase"], *, slot: int, file: str = ""
    ) -> None:
        """Has the cache of a slot written to a file of the engine's folder, read back, or erased.

        An engine erases a slot that works only when it is done.

        Raises:
            EngineRefusedError: the engine was started without such a folder.
        """
        path = f"/slots/{slot}?action={action}"
        self._post(path, {"filename": file}, answers.SlotDone)

    def slots(self) -> tuple[answers.SlotState, ...]:
        """What each slot holds and does."""
        return tuple(self._get("/slots", answers.Slots).slots)

    def _left(self) -> Callable[[], float]:
        return Patience(self._timeout_s, effort=self._effort).left

    def _get(self, path: str, shape: type[reading.ShapeT]) -> reading.ShapeT:
        return reading.read(self.call("GET", path), shape, endpoint=f"GET {path}")

    def _post(
        self, path: str, body: Mapping[str, Any], shape: type[reading.ShapeT]
    ) -> reading.ShapeT:
        return reading.read(self.call("POST", path, body=body), shape, endpoint=f"POST {path}")


def _generation(prompt: Sequence[int] | str, *, count: int) -> dict[str, Any]:
    return {
        **GREEDY,
        "prompt": prompt if isinstance(prompt, str) else list(prompt),
        "n_predict": count,
        "return_tokens": True,
        "ignore_eos": True,
    }


def _bytes(piece: str | list[int]) -> bytes:
    return piece.encode() if isinstance(piece, str) else bytes(piece)


def _check_length(found: int, *, count: int, exact: bool) -> None:
    if found != count if exact else not 1 <= found <= count:
        expected = f"{count}" if exact else f"1 to {count}"
        raise EngineAnswerError(f"POST {_COMPLETION}: expected {expected} tokens, found {found}")


def _steps(found: answers.Completed, *, top: int) -> tuple[Step, ...]:
    endpoint = f"POST {_COMPLETION}: `completion_probabilities`"
    steps = tuple(step(position) for position in found.completion_probabilities)
    if [one.token for one in steps] != found.tokens:
        raise EngineAnswerError(
            f"{endpoint}: expected one for each of the {len(found.tokens)} tokens, "
            f"found {len(steps)}, or other tokens"
        )
    if lengths := {len(one.top) for one in steps} - {top}:
        raise EngineAnswerError(f"{endpoint}: expected {top} likeliest, found {min(lengths)}")
    return steps


def step(position: answers.Position) -> Step:
    """One generated token, as the engine tells it."""
    return Step(
        token=position.id,
        logprob=_log(position.logprob),
        top=tuple((likely.id, _log(likely.logprob)) for likely in position.top_logprobs),
    )


def _vector(embedding: list[float] | str, *, packed: bool) -> Vector:
    """The components; EngineAnswerError when they do not come as they were asked for."""
    if isinstance(embedding, str) != packed:
        wanted = "base64" if packed else "numbers"
        found = "a text" if isinstance(embedding, str) else "a list"
        raise EngineAnswerError(
            f"POST {EMBEDDINGS}: `data.embedding`: expected {wanted}, found {found}"
        )
    return tuple(embedding) if isinstance(embedding, list) else _unpacked(embedding)


def _unpacked(text: str) -> Vector:
    try:
        data = base64.b64decode(text, validate=True)
        return struct.unpack(f"<{len(data) // 4}f", data)
    except (ValueError, struct.error) as problem:
        raise EngineAnswerError(
            f"POST {EMBEDDINGS}: `data.embedding`: not float32 in base64: {problem}"
        ) from problem


def _log(logprob: float) -> float:
    return logprob if logprob > _ZERO_BELOW else float("-inf")
