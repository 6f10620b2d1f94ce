"""The endpoints of llama-server that the package can fulfil, in llama-server's shapes."""

from __future__ import annotations

import base64
import codecs
import json
import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from .refusals import RefusedError, invalid, unsupported

if TYPE_CHECKING:
    from collections.abc import Generator

    from .loaded import Loaded

Wanted = Mapping[str, Any]
Piece = dict[str, Any]

_SAMPLING: Final = ("top_k", "top_p", "min_p")
# What the package could not do, or not as llama-server does it, is refused and not left out.
_NOT_COMPLETED: Final = ("stop", "grammar", "logit_bias")
_NOT_CHATTED: Final = ("stream", "logprobs", "grammar", "json_schema", "logit_bias")
_CHATTING: Final = ("max_tokens", "temperature", *_SAMPLING, "seed", "stop", "response_format")


class Endpoints:
    """What is answered to each request; a RefusedError where it is none that can be fulfilled."""

    def __init__(self, loaded: Loaded, *, metrics: bool) -> None:
        """`metrics` is whether the counters are told."""
        self._loaded = loaded
        self._metrics = metrics

    def health(self, _: Wanted) -> Piece:
        """`GET /health`."""
        return {"status": "ok"}

    def props(self, _: Wanted) -> Piece:
        """`GET /props`."""
        return {
            "model_path": self._loaded.path,
            "total_slots": 1,
            "build_info": f"llama-cpp-python-{self._loaded.version}",
            "chat_template": self._loaded.template,
            "default_generation_settings": {"n_ctx": self._loaded.context},
            "threads": self._loaded.threads,
        }

    def change(self, wanted: Wanted) -> Piece:
        """`POST /props`: `threads`, which the package can change while it runs."""
        threads = wanted.get("threads")
        if wanted.keys() != {"threads"} or type(threads) is not int or threads < 1:
            raise invalid("expected `threads`, 1 or more, and nothing else")
        self._loaded.compute_with(threads)
        return {"threads": self._loaded.threads}

    def metrics(self, _: Wanted) -> str:
        """`GET /metrics`, with llama-server's names."""
        if not self._metrics:
            raise unsupported("metrics. Start it with `--metrics`")
        counters = {
            "prompt_tokens_total": self._loaded.evaluated,
            "prompt_seconds_total": self._loaded.evaluating_s,
            "tokens_predicted_total": self._loaded.generated,
            "tokens_predicted_seconds_total": self._loaded.generating_s,
            "requests_deferred": self._loaded.waiting,
        }
        return "".join(f"llamacpp:{name} {value}\n" for name, value in counters.items())

    def slots(self, _: Wanted) -> list[Piece]:
        """`GET /slots`: the one that there is."""
        slot = {"id": 0, "n_ctx": self._loaded.context, "is_processing": self._loaded.busy}
        worked = {"id_task": self._loaded.requests, "n_prompt_tokens": self._loaded.cached}
        return [slot | worked if self._loaded.requests else slot]

    def erase(self, _: Wanted) -> Piece:
        """`POST /slots/0?action=erase`."""
        return {"id_slot": 0, "n_erased": self._loaded.erase()}

    def tokenize(self, wanted: Wanted) -> Piece:
        """`POST /tokenize`."""
        tokens = self._loaded.tokens(
            wanted["content"],
            bos=wanted.get("add_special", False),
            special=wanted.get("parse_special", True),
        )
        if not wanted.get("with_pieces"):
            return {"tokens": tokens}
        return {"tokens": [{"id": token, "piece": self._piece(token)} for token in tokens]}

    def detokenize(self, wanted: Wanted) -> Piece:
        """`POST /detokenize`."""
        text = self._loaded.spelt(self._checked(wanted["tokens"]))
        return {"content": text.decode(errors="replace")}

    def apply_template(self, wanted: Wanted) -> Piece:
        """`POST /apply-template`."""
        self._refuse_without_template()
        return {"prompt": self._loaded.prompt(wanted["messages"], tools=wanted.get("tools"))}

    def completion(self, wanted: Wanted) -> Piece:
        """`POST /completion`, whole."""
        pieces = list(self.stream(wanted))
        return pieces[-1] | {
            "content": "".join(piece["content"] for piece in pieces),
            "tokens": [token for piece in pieces for token in piece["tokens"]],
            "completion_probabilities": [
                each for piece in pieces for each in piece.get("completion_probabilities", ())
            ],
        }

    def stream(self, wanted: Wanted) -> Generator[Piece, None, None]:
        """`POST /completion` with `stream`: a piece for each token, and one for the end."""
        self._refuse_if_it_embeds()
        _refuse(wanted, _NOT_COMPLETED, where="completions")
        prompt, loaded = wanted["prompt"], self._loaded
        tokens = loaded.tokens(prompt) if isinstance(prompt, str) else self._checked(prompt)
        self._refuse_without_room(tokens)
        with loaded.working(cache=wanted.get("cache_prompt", True)):
            before, count, end = loaded.evaluated, 0, ""
            text = codecs.getincrementaldecoder("utf-8")("replace")
            found = self._generated(tokens, wanted)
            while not end:
                token, count = next(found), count + 1
                yield {
                    "content": text.decode(loaded.spelt([token], special=False)),
                    "tokens": [token],
                    "stop": False,
                    "tokens_predicted": count,
                } | self._likelihoods(token, wanted.get("n_probs", 0))
                end = self._end(token, last=count == wanted.get("n_predict"))
            yield {
                "content": text.decode(b"", final=True),
                "tokens": [],
                "stop": True,
                "stop_type": end,
                "truncated": count != wanted.get("n_predict") and end == "limit",
                "tokens_predicted": count,
                "timings": {"prompt_n": loaded.evaluated - before},
            }

    def chat(self, wanted: Wanted) -> object:
        """`POST /v1/chat/completions`, whole."""
        self._refuse_if_it_embeds()
        self._refuse_without_template()
        _refuse(wanted, _NOT_CHATTED, where="chats")
        tools, choice = wanted.get("tools"), wanted.get("tool_choice")
        if choice == "required":
            if not tools or len(tools) > 1:
                raise unsupported("a required call with other than one tool")
            choice = {"type": "function", "function": {"name": tools[0]["function"]["name"]}}
        how = {name: wanted[name] for name in _CHATTING if name in wanted}
        with self._loaded.working(cache=wanted.get("cache_prompt", True)):
            return self._loaded.chat(wanted["messages"], tools=tools, tool_choice=choice, **how)

    def embeddings(self, wanted: Wanted) -> Piece:
        """`POST /v1/embeddings`, of texts."""
        if not self._loaded.embeds:
            raise unsupported("embeddings. Start it with `--embeddings`")
        given = wanted["input"]
        texts = given if isinstance(given, list) else [given]
        if not texts or not all(isinstance(text, str) for text in texts):
            raise invalid("`input`: expected texts")
        if not self._loaded.makes_vectors():
            raise invalid("without pooling, a text has no vector")
        with self._loaded.working(cache=False):
            vectors = [self._loaded.vector(text) for text in texts]
        form = _packed if wanted.get("encoding_format") == "base64" else list
        data = [
            {"object": "embedding", "index": index, "embedding": form(vector)}
            for index, vector in enumerate(vectors)
        ]
        return {"object": "list", "data": data}

    def _generated(self, tokens: list[int], wanted: Wanted) -> Generator[int, None, None]:
        if "seed" in wanted:
            self._loaded.seed(wanted["seed"])
        schema = wanted.get("json_schema")
        return self._loaded.generate(
            tokens,
            endless=wanted.get("ignore_eos", False),
            schema=None if schema is None else json.dumps(schema),
            sampling={"temp": wanted.get("temperature", 0.8)}
            | {name: wanted[name] for name in _SAMPLING if name in wanted},
        )

    def _end(self, token: int, *, last: bool) -> str:
        """Why nothing comes after a token; "" where more may come."""
        if self._loaded.ends(token):
            return "eos"
        return "limit" if last or self._loaded.is_full() else ""

    def _likelihoods(self, token: int, top: int) -> Piece:
        if not top:
            return {}
        found = self._loaded.likelihoods(token, top=top)
        tops = [{"id": each, "logprob": likely} for each, likely in found.top]
        position = {"id": token, "logprob": found.own, "top_logprobs": tops}
        return {"completion_probabilities": [position]}

    def _checked(self, tokens: object) -> list[int]:
        size = self._loaded.vocabulary
        if not isinstance(tokens, list) or not all(
            type(token) is int and 0 <= token < size for token in tokens
        ):
            raise invalid("found invalid tokens")
        return tokens

    def _piece(self, token: int) -> str | list[int]:
        spelt = self._loaded.spelt([token])
        try:
            return spelt.decode()
        except UnicodeDecodeError:
            return list(spelt)

    def _refuse_without_room(self, tokens: list[int]) -> None:
        room = self._loaded.context
        if not tokens:
            raise invalid("the prompt has no tokens")
        if len(tokens) >= room:
            message = f"the prompt has {len(tokens)} tokens, and the context has room for {room}"
            raise RefusedError(400, "exceed_context_size_error", message)

    def _refuse_without_template(self) -> None:
        if not self._loaded.template:
            raise unsupported("chats with a model that has no chat template")

    def _refuse_if_it_embeds(self) -> None:
        if self._loaded.embeds:
            raise unsupported("completions. Start it without `--embeddings`")


def _refuse(wanted: Wanted, names: tuple[str, ...], *, where: str) -> None:
    if found := [name for name in names if wanted.get(name)]:
        raise unsupported(f"{', '.join(found)} in {where}")


def _packed(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
