"""Pure. The vocabulary of our own models: the 256 bytes, some merges, specials and more.

Tokens are spelled as GPT-2 spells them: a byte that does not print stands as another character. Or
as SentencePiece spells them: in characters, a space as another one, and single bytes by number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gguf import TokenType

END_OF_TEXT: Final = "<|endoftext|>"
START_OF_TURN: Final = "<|im_start|>"
END_OF_TURN: Final = "<|im_end|>"
SPECIALS: Final = (END_OF_TEXT, START_OF_TURN, END_OF_TURN)

CHATML: Final = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def byte_spelling() -> tuple[str, ...]:
    """How each of the 256 bytes is spelled in a token."""
    printing = {*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    spare = iter(range(0x100, 0x200))
    return tuple(chr(byte if byte in printing else next(spare)) for byte in range(0x100))


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """A byte-level BPE vocabulary; IDs are positions in `tokens`.

    Attributes:
        merges: pairs of spelled tokens, the most important first; never empty in a GGUF.
        specials: the first begins a text, the last ends a turn.
        tags: more special tokens, which engines do not show.
        marks: more special tokens, which they do.
    """

    merges: tuple[tuple[str, str], ...]
    specials: tuple[str, ...] = SPECIALS
    tags: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()

    @property
    def tokens(self) -> tuple[str, ...]:
        """Every token as it is spelled: bytes, merges, specials."""
        return (*self._ordinary, *self.specials, *self.tags, *self.marks)

    @property
    def types(self) -> tuple[TokenType, ...]:
        """Which kind of token each is."""
        hidden = len(self.specials) + len(self.tags)
        return (
            *(TokenType.NORMAL,) * len(self._ordinary),
            *(TokenType.CONTROL,) * hidden,
            *(TokenType.USER_DEFINED,) * len(self.marks),
        )

    @property
    def _ordinary(self) -> tuple[str, ...]:
        return (*byte_spelling(), *(left + right for left, right in self.merges))

    def id_of(self, token: str) -> int:
        """The ID of a spelled token."""
        return self.tokens.index(token)

    @property
    def printable(self) -> tuple[int, ...]:
        """IDs of the tokens that spell nothing but printable ASCII, the space among it.

        Some builds answer 500 when a model says anything else.
        """
        spelling = byte_spelling()
        allowed = {spelling[byte] for byte in range(ord(" "), ord("~") + 1)}
        return tuple(number for number, token in enumerate(self._ordinary) if set(token) <= allowed)

    def __len__(self) -> int:
        return len(self.tokens)


SPACE: Final = "\u2581"
_UNKNOWN: Final = ("<unk>",)
_ENDS: Final = ("<s>", "</s>")
_BYTES: Final = tuple(f"<0x{byte:02X}>" for byte in range(0x100))


@dataclass(frozen=True, kw_only=True)
class SentencePieces:
    """A vocabulary of characters and what they merge to; what is in neither falls back to bytes.

    Attributes:
        merges: pairs of tokens, the most important first.
        characters: every one that stands in `merges`, and others; never a control character.
    """

    merges: tuple[tuple[str, str], ...]
    characters: tuple[str, ...]

    @property
    def tokens(self) -> tuple[str, ...]:
        """Every token as it is spelled; IDs are positions."""
        merged = (left + right for left, right in self.merges)
        return (*_UNKNOWN, *_ENDS, *_BYTES, *merged, *self.characters)

    @property
    def scores(self) -> tuple[float, ...]:
        """What a merge to each token is worth: the more important, the nearer to 0."""
        pieces = len(self.merges) + len(self.characters)
        worthless = len(self) - pieces
        return (0.0,) * worthless + tuple(float(-place) for place in range(pieces))

    @property
    def types(self) -> tuple[TokenType, ...]:
        """Which kind of token each is."""
        pieces = len(self.merges) + len(self.characters)
        return (
            *(TokenType.UNKNOWN,) * len(_UNKNOWN),
            *(TokenType.CONTROL,) * len(_ENDS),
            *(TokenType.BYTE,) * len(_BYTES),
            *(TokenType.NORMAL,) * pieces,
        )

    @property
    def printable(self) -> tuple[int, ...]:
        """IDs of the tokens that spell nothing but printable ASCII."""
        kinds = zip(self.tokens, self.types, strict=True)
        return tuple(
            number
            for number, (token, kind) in enumerate(kinds)
            if kind is TokenType.NORMAL and token.replace(SPACE, " ").isascii()
        )

    def id_of(self, token: str) -> int:
        """The ID of a spelled token."""
        return self.tokens.index(token)

    def __len__(self) -> int:
        return len(self.tokens)
