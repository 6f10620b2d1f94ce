"""Edits of llama.cpp that nobody chose: one operator, number, condition or statement at random.

Drawn from the files that answers of a CPU server go through; each number gives the same edit of
its area again. Asserts, names of tensors and what is logged are left alone.
"""

from __future__ import annotations

import difflib
import random
import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_SERVER: Final = ("chat", "common", "context", "http", "queue", "schema", "stream", "task")
_FORMATS: Final = (
    "chat-auto-parser-generator", "chat-auto-parser-helpers", "chat-diff-analyzer",
    "chat-peg-parser", "jinja/caps", "jinja/lexer", "jinja/parser", "jinja/runtime", "jinja/string",
    "jinja/value", "peg-parser",
)  # fmt: skip
_PICTURES: Final = ("clip", "models/siglip", "mtmd", "mtmd-helper", "mtmd-image")
_CONTEXT: Final = (
    "batch", "context", "graph", "hparams", "kv-cache", "kv-cache-iswa", "memory-hybrid",
    "memory-recurrent", "mmap", "model", "model-loader",
)  # fmt: skip
_ARCHITECTURES: Final = (
    "bert", "falcon-h1", "gemma2", "gemma3", "granite-hybrid", "lfm2", "llama", "mamba",
    "mamba-base", "mamba2", "nomic-bert", "openai-moe", "phi3", "qwen2", "qwen3", "qwen3moe",
    "qwen3next",
)  # fmt: skip
AREAS: Final[Mapping[str, tuple[str, ...]]] = {
    "server": tuple(f"tools/server/server-{name}.cpp" for name in _SERVER),
    "sampling and chat": (
        *(f"common/{name}.cpp" for name in ("chat", "json-schema-to-grammar", "sampling")),
        *(f"src/llama-{name}.cpp" for name in ("chat", "grammar", "sampler")),
    ),
    "tokenizer": ("src/llama-vocab.cpp", "src/unicode.cpp"),
    "context and cache": tuple(f"src/llama-{name}.cpp" for name in _CONTEXT),
    "architectures": tuple(f"src/models/{name}.cpp" for name in _ARCHITECTURES),
    "tensors": (
        *(f"ggml/src/{name}" for name in ("ggml.c", "ggml-alloc.c", "ggml-backend.cpp")),
        *(f"ggml/src/ggml-cpu/{name}.cpp" for name in ("binary-ops", "ops", "repack", "vec")),
        "ggml/src/ggml-cpu/ggml-cpu.c",
        "ggml/src/ggml-cpu/arch/x86/quants.c",
        "ggml/src/ggml-cpu/arch/x86/repack.cpp",
        "ggml/src/ggml-cpu/llamafile/sgemm.cpp",
    ),
    "formats": tuple(f"common/{name}.cpp" for name in _FORMATS),
    "pictures": tuple(f"tools/mtmd/{name}.cpp" for name in _PICTURES),
}

_SWAPS: Final[Mapping[str, str]] = {
    " < ": " <= ", " <= ": " < ", " > ": " >= ", " >= ": " > ", " == ": " != ", " != ": " == ",
    " + ": " - ", " - ": " + ", " * ": " / ", " / ": " * ", " += ": " -= ", " -= ": " += ",
    " && ": " || ", " || ": " && ",
}  # fmt: skip
_TIGHT: Final[Mapping[str, str]] = {"*": "/", "+": "-", "-": "+"}
_WORDS: Final[Mapping[str, str]] = {"true": "false", "false": "true"}
# A star after one of these declares a pointer.
_TYPE: Final = re.compile(
    r"(_t|>|\b(auto|bool|char|const|double|float|int|void|(block|common|ggml|llama|server)_\w+))\s*$"
)
_LITERAL: Final = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])+\'')
_LEFT_ALONE: Final = re.compile(
    r"^\S|^\s*(//|/\*|\*|#|$)|(?i:assert|abort|unused|printf)|LOG|\b(SRV|SLT|SRT|QUE)_"
    r"|throw |reserve\(|\bcb\("
)
_CONDITION: Final = re.compile(r"^(\s*(?:\} else )?if )\((.*)\) \{$")
_STATEMENT: Final = re.compile(
    r"^(\s+)(?!(?:return|delete|throw|using|goto|else|if|for|while)\b)"
    r"[A-Za-z_][\w.\[\]>:-]*(?:\(.*\)|\s[-+*/|&]?=\s.*);$"
)
_DEATH: Final = "__builtin_trap()"
_BEGINS: Final = re.compile(r"^\s*(\}|else\b|case\b|default\b|#)")
_ENDED: Final = re.compile(r"(^|[;{}:])\s*(//.*)?$")


class Edit(NamedTuple):
    """One line of one file, as it is and as it is to be."""

    area: str
    file: str
    number: int
    before: str
    after: str


def draw(area: str, number: int, *, root: Path) -> Edit:
    """The edit of that number, of the source code in `root`.

    Each line of the area that can be broken is as likely as the others.
    """
    choice = random.Random(number)  # noqa: S311 - to be drawn again the same, no secret
    lines = [
        (file, place, line, ways)
        for file in AREAS[area]
        for place, line in enumerate(_lines(root / file), start=1)
        if (ways := tuple(edits(line)))
    ]
    file, place, line, ways = choice.choice(lines)
    return Edit(area, file, place, line, choice.choice(ways))


def edits(line: str) -> Iterator[str]:
    """Every way to break a line of C or C++."""
    if _LEFT_ALONE.search(line):
        return
    # Of the same length, so that places in it are places in the line.
    code = _LITERAL.sub(lambda found: '"' * len(found.group()), line)
    code = code.partition("//")[0].rstrip()
    for begin, end, new in (*_operators(code), *_atoms(code)):
        yield line[:begin] + new + line[end:]
    if condition := _CONDITION.match(code):
        begin, end = condition.span(2)
        yield f"{line[:begin]}!({line[begin:end]}){line[end:]}"
    if statement := _STATEMENT.match(code):
        yield f"{statement.group(1)};"


def _operators(code: str) -> Iterator[tuple[int, int, str]]:
    for found in re.finditer(r" (?:[<>]=?|[!=]=|[-+*/]|[-+]=|&&|\|\|) ", code):
        if found.group() != " * " or not _TYPE.search(code[: found.start()]):
            yield *found.span(), _SWAPS[found.group()]
    for found in re.finditer(r"(?<=[\w)\]])[-+*](?=[\w(])", code):
        yield *found.span(), _TIGHT[found.group()]


def _atoms(code: str) -> Iterator[tuple[int, int, str]]:
    for found in re.finditer(r"(?<![\w.])\d+(?![\w.])", code):
        yield *found.span(), str(int(found.group()) + 1)
    for found in re.finditer(r"\b(?:true|false)\b", code):
        yield *found.span(), _WORDS[found.group()]


def patch(edit: Edit, *, root: Path) -> str:
    """The edit as a diff."""
    old = _lines(root / edit.file)
    new = [*old[: edit.number - 1], *edit.after.split("\n"), *old[edit.number :]]
    names = (f"a/{edit.file}", f"b/{edit.file}")
    return "\n".join([*difflib.unified_diff(old, new, *names, lineterm=""), ""])


def trap(edit: Edit, *, root: Path) -> Edit | None:
    """An edit that kills whoever comes to the line; None where nothing can stand before it."""
    lines = _lines(root / edit.file)
    if condition := _CONDITION.match(edit.before):
        begin = condition.start(2)
        return edit._replace(after=f"{edit.before[:begin]}{_DEATH}, {edit.before[begin:]}")
    before = lines[edit.number - 2]
    if _BEGINS.match(edit.before) or not _ENDED.search(before):
        return None
    return edit._replace(after=f"{_DEATH};\n{edit.before}")


def _lines(file: Path) -> Sequence[str]:
    return file.read_text(encoding="utf-8").removesuffix("\n").split("\n")
