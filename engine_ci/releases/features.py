"""Pure. What llama.cpp's own source code says that a build knows, by the lists it is written in.

A list that does not look as expected is unknown, which is not the same as empty: upstream moves its
code about, and half a list would show as features lost.
"""

from __future__ import annotations

import re
from typing import Final

ARCHITECTURES: Final = "src/llama-arch.cpp"
CHAT_FORMATS: Final = "common/chat.cpp"

_LIST: Final = re.compile(r"\bLLM_ARCH_NAMES\s*=\s*\{(?P<entries>.*?)\n\};", re.DOTALL)
_COMMENT: Final = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_ENTRY: Final = re.compile(r'\{\s*(LLM_ARCH_[A-Z0-9_]+)\s*,\s*"([A-Za-z0-9_.()-]{1,64})"\s*,?\s*\}')
_NONE: Final = "LLM_ARCH_UNKNOWN"
_HANDLER: Final = re.compile(r"\bcommon_chat_params_init_([a-z0-9_]{1,64})\s*\(")


def architectures(code: str) -> frozenset[str] | None:
    """The names of model architectures in `src/llama-arch.cpp`; None where they cannot be told."""
    found = _LIST.search(code)
    if found is None:
        return None
    entries = _COMMENT.sub("", found["entries"])
    if _ENTRY.sub("", entries).strip(" \t\r\n,"):
        return None
    names = {name for key, name in _ENTRY.findall(entries) if key != _NONE}
    return frozenset(names) or None


def chat_formats(code: str) -> frozenset[str] | None:
    """The chat formats with a parser of their own in `common/chat.cpp`; None as above."""
    return frozenset(_HANDLER.findall(_COMMENT.sub("", code))) or None
