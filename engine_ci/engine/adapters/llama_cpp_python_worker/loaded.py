"""A model that the package has loaded: what it is asked, one request at a time, and counted."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .refusals import RefusedError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping
    from types import ModuleType

    import numpy as np
    from numpy.typing import NDArray

_DEFAULT: Final = "chat_template.default"
_TEMPLATE: Final = "tokenizer.chat_template"


class Likelihoods(NamedTuple):
    """Natural log-probabilities of a token and of the likeliest ones, before any sampler."""

    own: float
    top: list[tuple[int, float]]


class Loaded:
    """One loaded model.

    Attributes:
        evaluated, generated: tokens so far.
        evaluating_s, generating_s: seconds so far.
        requests: that have begun.
        waiting: requests that wait for the one in work.
        embeds: it makes vectors of texts, and nothing else.
    """

    def __init__(self, package: ModuleType, parameters: Mapping[str, Any]) -> None:
        """Loads it.

        Args:
            package: `llama_cpp`.
            parameters: of `Llama`, types of numbers by their names in capitals.

        Raises:
            ValueError: the model cannot be loaded, or there is no such type.
        """
        self._package: Any = package
        types = {name: parameters[name] for name in ("type_k", "type_v") if name in parameters}
        numbers = {name: _type(package, text) for name, text in types.items()}
        self._llama: Any = package.Llama(**{**parameters, **numbers})
        self._vocabulary = package.llama_model_get_vocab(self._llama.model)
        self._lock = threading.Lock()
        self._ending = self._at_prompt = False
        self.requests = self.waiting = self.evaluated = self.generated = 0
        self.evaluating_s = self.generating_s = 0.0
        self.embeds = bool(parameters.get("embedding"))
        self._evaluate, self._llama.eval = self._llama.eval, self._counted
        if self.template:
            # The package would take a form of its own where it believes that it knows the template.
            self._llama.chat_format = _DEFAULT

    def close(self) -> None:
        """Has the request in work end at its next token, and frees the model."""
        self._ending = True
        with self._lock:
            self._llama.close()

    @property
    def path(self) -> str:
        """The model's file, as it was given."""
        return str(self._llama.model_path)

    @property
    def version(self) -> str:
        """Of the package."""
        return str(self._package.__version__)

    @property
    def template(self) -> str:
        """For chats; "" where the model has none."""
        return str(self._llama.metadata.get(_TEMPLATE, ""))

    @property
    def context(self) -> int:
        """How many tokens there is room for."""
        return int(self._llama.n_ctx())

    @property
    def vocabulary(self) -> int:
        """How many tokens there are."""
        return int(self._llama.n_vocab())

    @property
    def cached(self) -> int:
        """How many tokens are in the cache."""
        return int(self._llama.n_tokens)

    @property
    def busy(self) -> bool:
        """Whether a request is in work."""
        return self._lock.locked()

    @property
    def threads(self) -> int:
        """That compute."""
        return int(self._package.llama_n_threads(self._llama.ctx))

    def compute_with(self, threads: int) -> None:
        """Changes the number of threads, from the next request on."""
        with self._lock:
            self._package.llama_set_n_threads(self._llama.ctx, threads, threads)

    def erase(self) -> int:
        """Empties the cache; how many tokens were in it."""
        with self._lock:
            erased = self.cached
            self._llama.reset()
            memory = self._package.llama_get_memory(self._llama.ctx)
            self._package.llama_memory_clear(memory, 1)
        return erased

    def tokens(self, text: str, *, bos: bool = True, special: bool = True) -> list[int]:
        """The tokens of a text."""
        return list(self._llama.tokenize(text.encode(), add_bos=bos, special=special))

    def spelt(self, tokens: list[int], *, special: bool = True) -> bytes:
        """What tokens spell; those that stand for no text only where `special`."""
        return bytes(self._llama.detokenize(tokens, special=special))

    def prompt(
        self, messages: list[dict[str, Any]], *, tools: list[dict[str, Any]] | None = None
    ) -> str:
        """What the chat template makes of messages, and of tools on offer."""
        form = self._package.llama_chat_format.Jinja2ChatFormatter(
            template=self.template,
            eos_token=self._text_of(self._llama.token_eos()),
            bos_token=self._text_of(self._llama.token_bos()),
        )
        return str(form(messages=messages, tools=tools).prompt)

    def ends(self, token: int) -> bool:
        """Whether a token ends what is generated."""
        return bool(self._package.llama_vocab_is_eog(self._vocabulary, token))

    def is_full(self) -> bool:
        """Whether the context has no room behind the token that was generated last."""
        return self.cached + 1 >= self.context

    def generate(
        self, tokens: list[int], *, endless: bool, schema: str | None, sampling: Mapping[str, Any]
    ) -> Generator[int, None, None]:
        """The tokens that come after others, without an end. Only inside `working`.

        Args:
            tokens: of the prompt.
            endless: no token that ends a text is taken.
            schema: of JSON, that is kept to.
            sampling: as `Llama.generate` has it.
        """
        how = dict(sampling)
        if schema is not None:
            how["grammar"] = self._package.LlamaGrammar.from_json_schema(schema, verbose=False)
        if endless:
            how["logits_processor"] = self._package.LogitsProcessorList([self._without_ends])
        yield from self._llama.generate(tokens, **how)

    def likelihoods(self, token: int, *, top: int) -> Likelihoods:
        """Of the token that was generated last, and of the `top` likeliest in its place."""
        pointer = self._package.llama_get_logits_ith(self._llama.ctx, -1)
        likely = self._llama.logits_to_logprobs(pointer[: self.vocabulary])
        first = (-likely).argsort(kind="stable")[:top]
        return Likelihoods(
            own=float(likely[token]), top=[(int(each), float(likely[each])) for each in first]
        )

    def chat(self, messages: list[dict[str, Any]], **how: object) -> object:
        """What `Llama.create_chat_completion` answers. Only inside `working`."""
        return self._llama.create_chat_completion(messages=messages, **how)

    def makes_vectors(self) -> bool:
        """Whether the model's tokens are pooled to one vector."""
        return bool(self._llama.pooling_type() != self._package.LLAMA_POOLING_TYPE_NONE)

    def vector(self, text: str) -> list[float]:
        """The vector of a text, of length 1. Only inside `working`."""
        began = time.perf_counter()
        found, count = self._llama.embed(text, normalize=True, truncate=False, return_count=True)
        self.evaluating_s += time.perf_counter() - began
        self.evaluated += count
        return list(found)

    def seed(self, number: int) -> None:
        """What chance begins with. Only inside `working`."""
        self._llama.set_seed(number)

    @contextmanager
    def working(self, *, cache: bool) -> Iterator[None]:
        """Waits until no other request is in work; `cache` is whether what is there may be used."""
        self.waiting += 1
        with self._lock:
            self.waiting -= 1
            self.requests += 1
            self._at_prompt = True
            if not cache:
                self._llama.reset()
            yield

    def _counted(self, tokens: list[int]) -> None:
        """In place of `Llama.eval`, which comes once for a prompt, then once for each token."""
        if self._ending:
            raise RefusedError(503, "unavailable_error", "the server is ending")
        began = time.perf_counter()
        self._evaluate(tokens)
        seconds = time.perf_counter() - began
        if self._at_prompt:
            self.evaluated += len(tokens)
            self.evaluating_s += seconds
        else:
            self.generating_s += seconds
        self._at_prompt = False
        self.generated += 1  # from what was evaluated now, the next token is taken

    def _without_ends(self, _: NDArray[np.intc], scores: NDArray[np.single]) -> NDArray[np.single]:
        scores[[token for token in range(len(scores)) if self.ends(token)]] = float("-inf")
        return scores

    def _text_of(self, token: int) -> str:
        if token < 0:
            return ""
        return str(self._package.llama_vocab_get_text(self._vocabulary, token).decode())


def _type(package: ModuleType, text: str) -> int:
    name = f"GGML_TYPE_{text}"
    if not hasattr(package, name):
        raise ValueError(f"there is no {name}")
    return int(getattr(package, name))
