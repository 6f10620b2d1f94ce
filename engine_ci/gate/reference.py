"""What a model must answer, computed with numpy from the GGUF, without any engine.

Quantised weights are dequantised, and what they are multiplied by is rounded as engines do;
`networks` has the mathematics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from gguf import GGUFReader
from gguf.quants import dequantize

from engine_ci.errors import UnsupportedError
from engine_ci.gate.networks import (
    ARCHITECTURES,
    ENCODERS,
    ROUNDING,
    Cache,
    Model,
    decode,
    embed,
    encode,
    forward,
    shift,
    vision,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from engine_ci.gate.networks import Encoder, Traits, Values


def load(path: Path) -> Model:
    """Reads a GGUF that has been verified (see `model_files.locate`).

    Raises:
        UnsupportedError: the reference does not know the architecture, or one of its tensors or
            their types.
    """
    architectures: dict[str, Traits | Encoder] = {**ARCHITECTURES, **ENCODERS}
    model = _read(path, known=architectures)
    _check(path, model, architectures[model.architecture].names(model.fact("block_count")))
    return model


def load_projector(path: Path) -> Model:
    """Reads the GGUF of what shows pictures to a language model; raises as `load` does."""
    model = _read(path, known=(vision.ARCHITECTURE,))
    _check(path, model, vision.names(model))
    return model


def _read(path: Path, *, known: Collection[str]) -> Model:
    reader = GGUFReader(path)
    facts = {key: entry.contents() for key, entry in reader.fields.items()}
    architecture = str(facts["general.architecture"])
    if architecture not in known:
        expected = ", ".join(known)
        raise UnsupportedError(f"{path}: the reference knows {expected}, not {architecture}")
    kinds = {tensor.name: tensor.tensor_type for tensor in reader.tensors}
    if unknown := {kind.name for kind in kinds.values() if kind not in ROUNDING}:
        raise UnsupportedError(f"{path}: the reference does not know type {min(unknown)}")
    weights = {
        tensor.name: dequantize(tensor.data, tensor.tensor_type).astype(np.float32, copy=False)
        for tensor in reader.tensors
    }
    return Model(architecture=architecture, facts=facts, weights=weights, kinds=kinds)


def _check(path: Path, model: Model, names: Collection[str]) -> None:
    if strangers := model.weights.keys() - set(names):
        raise UnsupportedError(f"{path}: the reference has no use for {min(strangers)}")


def log_probabilities(model: Model, tokens: Sequence[int], cache: Cache | None = None) -> Values:
    """Teacher-forced log-probabilities, (tokens, vocabulary).

    Row `i` is what the model expects after `tokens[:i + 1]`. With a cache, `tokens` continue what
    was given before.
    """
    traits = ARCHITECTURES[model.architecture]
    return _log_softmax(forward(model, traits, tokens, cache or Cache()))


def overflowing(model: Model, tokens: Sequence[int], *, context: int, keep: int) -> Values:
    """The same of a text that is longer than the context, as llama.cpp goes on with it.

    Whenever one place is left, half of the tokens behind the first `keep` are forgotten. `keep` is
    under `context - 2`.
    """
    traits, cache = ARCHITECTURES[model.architecture], Cache()
    rows = []
    while tokens:
        if cache.length:
            shift(model, traits, cache, keep=keep, discard=(cache.length - keep) // 2)
        room = context - 1 - cache.length
        rows.append(log_probabilities(model, tokens[:room], cache))
        tokens = tokens[room:]
    return np.concatenate(rows)


def embedding(model: Model, tokens: Sequence[int]) -> Values:
    """The unit vector of a text, (width,), from a model that is an encoder."""
    return embed(model, ENCODERS[model.architecture], tokens)


def relevance(model: Model, tokens: Sequence[int]) -> float:
    """How well a document fits a question, by an encoder that has no head for that.

    As llama.cpp says it: the first component of what the first token becomes.
    """
    return float(encode(model, ENCODERS[model.architecture], tokens)[0, 0])


def show(model: Model, picture: Values, cache: Cache) -> None:
    """Gives a model what a projector made of a picture; each piece of it sees all of it."""
    decode(model, ARCHITECTURES[model.architecture], picture, cache, looks_ahead=True)


def greedy(
    model: Model,
    prompt: Sequence[int],
    *,
    limit: int,
    until: Collection[int] = (),
    cache: Cache | None = None,
) -> Iterator[Values]:
    """The row of log-probabilities at each greedy step; its first maximum is the token chosen.

    Ends after `limit` rows, or after the row that chooses a token of `until`. With a cache, the
    prompt continues what was given before.
    """
    cache = cache or Cache()
    tokens = list(prompt)
    for _ in range(limit):
        row = log_probabilities(model, tokens, cache)[-1]
        yield row
        tokens = [int(row.argmax())]
        if tokens[0] in until:
            return


def top(row: Values, count: int) -> list[tuple[int, float]]:
    """The most probable tokens, best first, the lower ID first among equals."""
    order = np.argsort(-row, kind="stable")[:count]
    return [(int(token), float(row[token])) for token in order]


def _log_softmax(logits: Values) -> Values:
    logits = logits - logits.max(axis=-1, keepdims=True)
    total: Values = np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    return logits - total
