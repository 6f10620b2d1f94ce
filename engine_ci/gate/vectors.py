"""What an embedding model must answer: the form of its `fixtures/golden/MODEL.json`.

The vectors are those that the numpy reference computed from the GGUF, never those of an engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Self

import numpy as np
from pydantic import Field, model_validator

from engine_ci.errors import GoldenError
from engine_ci.gate import goldens, reference
from engine_ci.gate.goldens import TokenID
from engine_ci.system import documents
from engine_ci.system.documents import Document, Sha256, Versioned

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from engine_ci.gate.networks import Model

# As of log-probabilities: on other processors numpy's kernels are 1.9e-5 apart at most.
TOLERANCE: Final = 4e-5
_DECIMALS: Final = 7
_LENGTH: Final = 1e-5  # how far rounding may take a length from 1


class Passage(Document):
    """What is embedded, and the unit vector that the model makes of it.

    Attributes:
        text: None where there are only token IDs, to be given to the engine as they are.
        tokens: with the special ones that begin and end a text.
    """

    id: str
    text: str | None = None
    tokens: Annotated[tuple[TokenID, ...], Field(min_length=1)]
    vector: Annotated[tuple[float, ...], Field(min_length=2)]

    @model_validator(mode="after")
    def _is_of_length_1(self) -> Self:
        if abs(float(np.linalg.norm(self.vector)) - 1) > _LENGTH:
            raise ValueError("the vector is not of length 1")
        return self


class VectorGolden(Versioned):
    """Everything that one embedding model must answer.

    Attributes:
        model: its name in the catalogue.
        sha256: of the GGUF that the numbers were computed from.
    """

    model: str
    sha256: Sha256
    passages: Annotated[tuple[Passage, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        if len({passage.id for passage in self.passages}) < len(self.passages):
            raise ValueError("two passages have the same id")
        if len({len(passage.vector) for passage in self.passages}) > 1:
            raise ValueError("two vectors differ in how many components they have")
        return self

    @property
    def texts(self) -> tuple[Passage, ...]:
        """The passages that are text."""
        return tuple(passage for passage in self.passages if passage.text is not None)

    @property
    def bare(self) -> tuple[Passage, ...]:
        """The passages that are token IDs only."""
        return tuple(passage for passage in self.passages if passage.text is None)


def load(path: Path) -> VectorGolden:
    """Reads a golden.

    Raises:
        GoldenError: it is missing, does not fit, or contradicts itself.
    """
    return documents.load_json(path, VectorGolden, error=GoldenError)


def record(
    path: Path, asked: Iterable[tuple[str, str | None, tuple[int, ...]]], *, name: str
) -> VectorGolden:
    """Computes the vectors of passages.

    Args:
        path: a verified GGUF.
        asked: of each passage its id, text and tokens.
        name: of the model, in the catalogue.
    """
    model = reference.load(path)
    passages = tuple(
        Passage(id=label, text=text, tokens=tokens, vector=_vector(model, tokens))
        for label, text, tokens in asked
    )
    sha256 = documents.sha256_of(path)
    return VectorGolden(schema=1, model=name, sha256=sha256, passages=passages)


def record_again(path: Path, golden: VectorGolden) -> VectorGolden:
    """The golden with its vectors computed anew from the model."""
    asked = [(passage.id, passage.text, passage.tokens) for passage in golden.passages]
    return record(path, asked, name=golden.model)


def differences(path: Path, golden: VectorGolden) -> tuple[str, ...]:
    """What the reference contradicts in a golden, in words; components may be `TOLERANCE` off."""
    if reason := goldens.not_from(path, golden.sha256):
        return (f"{golden.model}: {reason}",)
    return tuple(
        f"{golden.model}, passage {label}: a component moved by {by:.7f}"
        for label, by in distances(reference.load(path), golden).items()
        if by > TOLERANCE
    )


def distances(model: Model, golden: VectorGolden) -> dict[str, float]:
    """By how much the component of each passage that moved most is off, by the passage's id."""
    return {
        passage.id: float(np.abs(reference.embedding(model, passage.tokens) - passage.vector).max())
        for passage in golden.passages
    }


def _vector(model: Model, tokens: tuple[int, ...]) -> tuple[float, ...]:
    return tuple(round(float(value), _DECIMALS) for value in reference.embedding(model, tokens))
