"""Stands in for the package `llama_cpp`: a model that goes on with the next letter.

Tokens are bytes; 256 begins a text and 257 ends one, which is the likeliest after `z`.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Scores = np.ndarray[tuple[int], np.dtype[np.float64]]
    Processors = Sequence[Callable[[list[int], Scores], Scores]]

__version__ = "0.0.1"
GGML_TYPE_F32 = 0
LLAMA_POOLING_TYPE_NONE = 0
BEGIN, END = 256, 257
VOCABULARY = 258
TEMPLATE = "{messages}"

LogitsProcessorList = list


class LlamaGrammar:
    """Keeps what it was made of."""

    @staticmethod
    def from_json_schema(schema: str, *, verbose: bool) -> str:
        """A grammar."""
        assert not verbose
        return f"grammar of {schema}"


class Llama:
    """One loaded model."""

    def __init__(self, *, model_path: str, **parameters: object) -> None:
        self.parameters = parameters
        self.model_path = model_path
        if "broken" in self.model_path:
            raise ValueError(f"Failed to load model from file: {self.model_path}")
        self.metadata = {"tokenizer.chat_template": TEMPLATE}
        if "plain" in self.model_path:
            self.metadata = {}
        self.chat_format = "guessed"
        self.model = "the model"
        self.ctx = self
        self.held: list[int] = []
        self.threads = 1
        self.asked: list[dict[str, Any]] = []
        self.closed = False
        self.seeds: list[int] = []
        self.before_eval: Callable[[], object] = lambda: None

    @property
    def n_tokens(self) -> int:
        return len(self.held)

    def n_ctx(self) -> int:
        size = self.parameters.get("n_ctx", 16)
        assert isinstance(size, int)
        return size

    def n_vocab(self) -> int:
        return VOCABULARY

    def token_eos(self) -> int:
        return END

    def token_bos(self) -> int:
        return -1

    def close(self) -> None:
        self.closed = True

    def reset(self) -> None:
        self.held.clear()

    def set_seed(self, seed: int) -> None:
        self.seeds.append(seed)

    def eval(self, tokens: list[int]) -> None:
        self.before_eval()
        self.held += tokens

    def tokenize(self, text: bytes, *, add_bos: bool, special: bool) -> list[int]:
        return [BEGIN] * (add_bos and special) + list(text)

    def detokenize(self, tokens: list[int], *, special: bool) -> bytes:
        names = {BEGIN: b"<s>" * special, END: b"</s>" * special}
        return b"".join(names.get(token) or bytes([token] * (token < BEGIN)) for token in tokens)

    def generate(
        self, tokens: list[int], *, logits_processor: Processors = (), **how: object
    ) -> Iterator[int]:
        self.asked.append(how)
        kept = 0
        for have, want in zip(self.held, tokens[:-1], strict=False):
            if have != want:
                break
            kept += 1
        del self.held[kept:]
        self.eval(tokens[kept:])
        while True:
            scores = np.array(_scores(self.held[-1]))
            for process in logits_processor:
                scores = process(self.held, scores)
            token = int(scores.argmax())
            yield token
            self.eval([token])

    def logits_to_logprobs(self, logits: list[float]) -> Scores:
        found: Scores = np.array(logits)
        likely: Scores = found - np.log(np.exp(found).sum())
        return likely

    def create_chat_completion(self, **how: object) -> dict[str, Any]:
        self.asked.append(how)
        if how["messages"] == ["too long"]:
            raise ValueError("Requested tokens (99) exceed context window of 16")
        return {"choices": [{"message": {"content": "Hello"}}]}

    def pooling_type(self) -> int:
        return LLAMA_POOLING_TYPE_NONE if "unpooled" in self.model_path else 1

    def embed(
        self, text: str, *, normalize: bool, truncate: bool, return_count: bool
    ) -> tuple[list[float], int]:
        assert (normalize, truncate, return_count) == (True, False, True)
        return [float(len(text)), 0.5], len(text)


def llama_model_get_vocab(model: str) -> str:
    return f"vocabulary of {model}"


def llama_n_threads(context: Llama) -> int:
    return context.threads


def llama_set_n_threads(context: Llama, threads: int, batch: int) -> None:
    assert threads == batch
    context.threads = threads


def llama_get_memory(context: Llama) -> Llama:
    return context


def llama_memory_clear(memory: Llama, data: int) -> None:
    assert data
    memory.held.clear()


def llama_vocab_is_eog(vocabulary: str, token: int) -> bool:
    assert vocabulary == "vocabulary of the model"
    return token == END


def llama_vocab_get_text(vocabulary: str, token: int) -> bytes:
    assert vocabulary == "vocabulary of the model"
    return b"<%d>" % token


def llama_get_logits_ith(context: Llama, index: int) -> list[float]:
    assert index == -1
    return [*_scores(context.held[-1]), 0.0]


def _formatter(*, template: str, eos_token: str, bos_token: str) -> Callable[..., SimpleNamespace]:
    def form(*, messages: list[Any], tools: list[Any] | None) -> SimpleNamespace:
        return SimpleNamespace(prompt=f"{template}{messages}{tools or ''}{bos_token}{eos_token}")

    return form


llama_chat_format = SimpleNamespace(Jinja2ChatFormatter=_formatter)


def _scores(last: int) -> list[float]:
    """The next letter, then the end, then all others."""
    scores = [0.0] * VOCABULARY
    scores[END] = 3.0
    scores[(last + 1) % VOCABULARY] = 2.0 if last == ord("z") else 5.0
    return scores
