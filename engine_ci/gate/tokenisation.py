"""What a tokenizer must answer: the form of `fixtures/golden/tokenizer/MODEL.json`.

The token IDs come from the models' own rules, run by another library than llama.cpp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from engine_ci.errors import GoldenError
from engine_ci.gate.goldens import TokenID
from engine_ci.system import documents
from engine_ci.system.documents import Document, Sha256, Versioned

if TYPE_CHECKING:
    from pathlib import Path


class Tokenised(Document):
    """A text and its token IDs.

    Attributes:
        parse_special: whether special tokens that stand in the text count as such.
        add_special: whether what the model wants before a text is put there.
        back: the text of the token IDs, where that is another.
    """

    id: str
    text: str
    parse_special: bool = False
    add_special: bool = False
    tokens: tuple[TokenID, ...]
    back: str | None = None

    @property
    def spelled(self) -> str:
        """The text of the token IDs."""
        return self.text if self.back is None else self.back


class Tokenisation(Versioned):
    """Everything that one tokenizer must answer.

    Attributes:
        model: its name in the catalogue.
        sha256: of the GGUF that holds the vocabulary.
        repaired: the texts that older engines split otherwise, by their ids.
    """

    model: str
    sha256: Sha256
    repaired: tuple[str, ...] = ()
    texts: Annotated[tuple[Tokenised, ...], Field(min_length=1)]


def load(path: Path) -> Tokenisation:
    """Reads one; GoldenError when it is missing or does not fit."""
    return documents.load_json(path, Tokenisation, error=GoldenError)
