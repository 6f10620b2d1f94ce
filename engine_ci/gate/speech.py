"""Makes an echo speak as a model in use does: with its template, and the tokens that stand there.

So what an engine makes of that model's chats is asked at once, whatever the model's size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gguf import Keys, TokenType

from engine_ci.gate import gguf_header
from engine_ci.gate.echo import OURS, Echo
from engine_ci.gate.gguf_header import UnreadableError
from engine_ci.gate.vocabulary import Vocabulary

if TYPE_CHECKING:
    from pathlib import Path

_TEMPLATE: Final = Keys.Tokenizer.CHAT_TEMPLATE
_TOOL_TEMPLATE: Final = Keys.Tokenizer.CHAT_TEMPLATE_N.format(name="tool_use")
_TOKENS: Final = Keys.Tokenizer.LIST
_TYPES: Final = Keys.Tokenizer.TOKEN_TYPE
_BEGIN: Final = Keys.Tokenizer.BOS_ID
_END: Final = Keys.Tokenizer.EOS_ID
# Some formats take a thousand bytes for two calls of a tool, some templates as much for one tool.
DISTANCE: Final = 1024
CONTEXT: Final = 16_384


def echo_of(path: Path) -> Echo | None:
    """An echo that speaks as the model of a GGUF; None where that has no chat, or no header."""
    try:
        keys = {_TEMPLATE, _TOOL_TEMPLATE, _TOKENS, _TYPES, _BEGIN, _END}
        facts = gguf_header.facts(path, keys)
        template, tokens = facts[_TEMPLATE], facts[_TOKENS]
        end = tokens[facts[_END]]
        begin = tokens[facts.get(_BEGIN, facts[_END])]
    except (UnreadableError, LookupError):
        return None
    tool_template = facts.get(_TOOL_TEMPLATE)
    written = template + (tool_template or "")
    named = [
        (token, kind)
        for token, kind in zip(tokens, facts.get(_TYPES, ()), strict=False)
        if token in written and token not in {begin, end}
    ]
    return Echo(
        vocabulary=Vocabulary(
            merges=OURS.vocabulary.merges,
            specials=tuple(dict.fromkeys((begin, end))),
            tags=tuple(token for token, kind in named if kind == TokenType.CONTROL),
            marks=tuple(token for token, kind in named if kind == TokenType.USER_DEFINED),
        ),
        template=template,
        distance=DISTANCE,
        context=CONTEXT,
        tool_template=tool_template,
    )
