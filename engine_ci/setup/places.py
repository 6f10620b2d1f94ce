"""Pure. Where an app's own files carry the engine: the build, its commit, a file's name or hash.

A build is told by upstream's way to write it, `b11194`, in a file that speaks of llama. Documents
tell of builds of the past and lock files of other things, so they are left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final, NamedTuple

from engine_ci.errors import UsageError
from engine_ci.pins.targets import Target

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine_ci.pins.model import Pin

_BUILD: Final = re.compile(r"(?<![0-9A-Za-z])b([1-9][0-9]{3,5})(?![0-9A-Za-z])")
_SPECIAL: Final = re.compile(r"([.^$*+?{}\[\]\\|()])")
_DOCUMENTS: Final = (".md", ".mdx", ".rst", ".txt", ".lock", ".svg")
_LOCKS: Final = ("package-lock.json", "pnpm-lock.yaml", "npm-shrinkwrap.json")
_OURS: Final = ("pins/", ".engine-ci/", "engine-ci.yaml", ".github/workflows/engine-")

# What a value may be in another release.
_LIKE: Final = {
    "build": r"b\d+",
    "commit": "[0-9a-f]{7,40}",
    "asset": "[A-Za-z0-9._+-]+",
    "sha256": "[0-9a-f]{64}",
}
# Lines before a value that a pattern may hold, where its own does not tell it from others.
_MOST_CONTEXT: Final = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What carries the pin.

    Attributes:
        targets: places that a proposal moves.
        left_out: places that no pattern fits once, each as `FILE:LINE`.
    """

    targets: tuple[Target, ...]
    left_out: tuple[str, ...]


class _Value(NamedTuple):
    """A value of the pin's on a line."""

    start: int
    stop: int
    group: str

    @property
    def like(self) -> str:
        return _LIKE[self.group.partition("_")[0]]


def relevant(files: Mapping[str, str]) -> dict[str, str]:
    """Of an app's files, by path, those that may carry the pin."""
    return {path: text for path, text in files.items() if _may_carry(path, text)}


def build(files: Mapping[str, str]) -> int:
    """The one build that these files name.

    Raises:
        UsageError: they name none, or several.
    """
    named = {int(found[1]): path for path, text in files.items() for found in _BUILD.finditer(text)}
    if len(named) == 1:
        return next(iter(named))
    hint = "name the build that the app uses now: `engine-ci init --build b11194`"
    if not named:
        raise UsageError("no file of this app names a build of llama.cpp", hint=hint)
    several = ", ".join(f"b{number} ({path})" for number, path in sorted(named.items())[:5])
    raise UsageError(f"this app's files name {len(named)} builds: {several}", hint=hint)


def targets(files: Mapping[str, str], *, pin: Pin) -> Found:
    """A pattern for every place that says what the pin says."""
    fitting: list[Target] = []
    left_out: list[str] = []
    for path, text in sorted(files.items()):
        for line, value in _in_lines(text, pin):
            patterns = _patterns(text, value, pin)
            tried = (Target(file=path, pattern=pattern) for pattern in patterns)
            found = next((target for target in tried if _fits(text, target, value)), None)
            if found:
                fitting.append(found)
            else:
                left_out.append(f"{path}:{line}")
    return Found(targets=tuple(fitting), left_out=tuple(dict.fromkeys(left_out)))


def _may_carry(path: str, text: str) -> bool:
    if path.startswith(_OURS) or path.endswith(_DOCUMENTS) or PurePosixPath(path).name in _LOCKS:
        return False
    return "llama" in path.lower() or "llama" in text.lower()


def _in_lines(text: str, pin: Pin) -> Iterator[tuple[int, _Value]]:
    """Every value in a text, with the number of its line."""
    begin = 0
    for number, line in enumerate(text.split("\n"), start=1):
        for value in _values(line, pin):
            yield number, _Value(begin + value.start, begin + value.stop, value.group)
        begin += len(line) + 1


def _fits(text: str, target: Target, value: _Value) -> bool:
    """Whether a pattern finds a value, and nothing else."""
    found = list(re.finditer(target.pattern, text, re.MULTILINE))
    return [match.span(value.group) for match in found] == [(value.start, value.stop)]


def _values(line: str, pin: Pin) -> list[_Value]:
    """The values of the pin's on a line, in order; a build in a file's name is part of that."""
    found: list[_Value] = []
    for group, written in _wanted(pin):
        for match in re.finditer(written, line):
            value = _Value(*match.span(), group)
            if all(value.stop <= other.start or other.stop <= value.start for other in found):
                found.append(value)
    return sorted(found)


def _wanted(pin: Pin) -> Iterator[tuple[str, str]]:
    """What a pin says: the name of its group and a pattern that finds it, the longest first."""
    for platform, asset in pin.platforms.items():
        ending = platform.replace("-", "_")
        yield f"asset_{ending}", rf"(?<![\w.-]){re.escape(asset.name)}(?![\w-])"
        yield f"sha256_{ending}", rf"(?<![0-9a-f]){asset.sha256}(?![0-9a-f])"
    yield "commit", rf"(?<![0-9a-f]){pin.commit.id}(?![0-9a-f])"
    yield "build", rf"(?<![0-9A-Za-z])b{pin.build}(?![0-9A-Za-z])"


def _patterns(text: str, value: _Value, pin: Pin) -> Iterator[str]:
    """Patterns for one value: of its line alone, then with more and more of those before it."""
    *lines, before = text[: value.start].split("\n")
    after = text[value.stop :].partition("\n")[0].rstrip()
    place = f"(?P<{value.group}>{value.like})"
    for context in range(min(_MOST_CONTEXT, len(lines)) + 1):
        above = "\n".join([*lines[len(lines) - context :], before]).lstrip()
        yield _edged(_general(above, pin) + place + _general(after, pin))


def _edged(pattern: str) -> str:
    """A pattern that begins or ends with a value finds it as a word of its own."""
    begins = pattern.startswith(("(?P<", *_LIKE.values()))
    ends = pattern.endswith((*_LIKE.values(), *(f"{like})" for like in _LIKE.values())))
    return r"\b" * begins + pattern + r"\b" * ends


def _general(text: str, pin: Pin) -> str:
    """A pattern for a text, whatever release it is of."""
    pieces, end = [], 0
    for value in _values(text, pin):
        pieces += [_SPECIAL.sub(r"\\\1", text[end : value.start]), value.like]
        end = value.stop
    return "".join([*pieces, _SPECIAL.sub(r"\\\1", text[end:])])
