"""What a language model must say of pictures: the form of a projector's `fixtures/golden`.

A picture is noise of three colours, every pixel of which counts; the steps are those that the numpy
reference computed from the two GGUFs, never those of an engine.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Annotated, Final, Self

import numpy as np
from pydantic import Field, model_validator

from engine_ci.errors import GoldenError
from engine_ci.gate import splitmix
from engine_ci.gate.goldens import Step, TokenID
from engine_ci.pins.model import Name
from engine_ci.system import documents
from engine_ci.system.documents import Document, Sha256, Versioned

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_COLOURS: Final = 3
_DEPTH, _RGB = 8, 2  # bits of a colour, and the colour type of PNG


class Glance(Document):
    """A message with pictures in it, and what the model says to it.

    Attributes:
        texts: before the first picture, between two of them, and behind the last.
        pictures: their names; one fewer than texts.
        tokens: what the template and the projector make of each text, as token IDs.
        steps: generated tokens.
    """

    id: str
    texts: Annotated[tuple[str, ...], Field(min_length=2)]
    pictures: Annotated[tuple[Name, ...], Field(min_length=1)]
    tokens: tuple[Annotated[tuple[TokenID, ...], Field(min_length=1)], ...]
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _alternates(self) -> Self:
        if not len(self.texts) == len(self.tokens) == len(self.pictures) + 1:
            raise ValueError("expected a text before, between and behind the pictures")
        return self

    def prompted(self, *, each: int) -> int:
        """Tokens of the prompt, where a picture takes so many."""
        return sum(map(len, self.tokens)) + each * len(self.pictures)


class PictureGolden(Versioned):
    """Everything that a language model must say to pictures.

    Attributes:
        model: the projector's name in the catalogue.
        sha256: of its GGUF.
        language_model: that of the model which is shown what the projector makes.
        language_sha256: of that one's GGUF.
        side: of a picture, in pixels.
        each: tokens that a picture takes.
        glances: with different names.
    """

    model: Name
    sha256: Sha256
    language_model: Name
    language_sha256: Sha256
    side: Annotated[int, Field(ge=1)]
    each: Annotated[int, Field(ge=1)]
    glances: Annotated[tuple[Glance, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        if len({glance.id for glance in self.glances}) < len(self.glances):
            raise ValueError("two glances have the same id")
        return self


def load(path: Path) -> PictureGolden:
    """Reads a golden.

    Raises:
        GoldenError: it is missing, does not fit, or contradicts itself.
    """
    return documents.load_json(path, PictureGolden, error=GoldenError)


def pixels(name: str, *, side: int) -> NDArray[np.uint8]:
    """The picture of that name, (height, width, 3)."""
    shape = (side, side, _COLOURS)
    numbers = splitmix.integers(f"picture/{name}", side * side * _COLOURS, below=256)
    return np.array(numbers, dtype=np.uint8).reshape(shape)


def png(picture: NDArray[np.uint8]) -> bytes:
    """A picture as apps send it; whoever reads the file gets its very pixels."""
    height, width, _ = picture.shape
    header = struct.pack(">IIBBBBB", width, height, _DEPTH, _RGB, 0, 0, 0)
    rows = b"".join(b"\0" + row.tobytes() for row in picture)  # no row is told by another
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
