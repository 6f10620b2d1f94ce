"""What the pages tell a person to type, read from them and run by a shell as a person would."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
_BLOCK: Final = re.compile(
    r"(?m)^(?:<!-- not run: (?P<why>.+) -->\n)?"
    r"(?P<indent> *)```console\n(?P<text>(?:.*\n)*?)(?P=indent)```$"
)
_STEP: Final = re.compile(r"(?m)^\$ (?P<command>(?:.*\\\n)*.*)\n(?P<shown>(?:(?!\$ ).*\n)*)")
_ENDED: Final = "@@ended"


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A command, and the lines that the page shows of what it says."""

    command: str
    shown: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """A block of a page; `why` says why no test runs it."""

    page: str
    steps: tuple[Step, ...]
    why: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Ran:
    """What a step printed, both streams, and its exit status."""

    step: Step
    printed: str
    status: int

    def missing(self) -> list[str]:
        """The shown lines that it did not print, in this order; `…` stands for anything."""
        lines = iter(self.printed.splitlines())
        return [
            shown
            for shown in self.step.shown
            if shown != "…" and not any(_pattern(shown).fullmatch(line.rstrip()) for line in lines)
        ]


def _pattern(shown: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in shown.rstrip().split("…")))


def pages() -> list[Path]:
    """Every page that a person may read."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]


def blocks(path: Path, *, root: Path = ROOT) -> list[Block]:
    """The blocks of a page, in their order."""
    page = str(path.relative_to(root))
    return [
        Block(page=page, steps=tuple(_steps(dedent(found["text"]))), why=found["why"])
        for found in _BLOCK.finditer(path.read_text(encoding="utf-8"))
    ]


def _steps(text: str) -> Iterator[Step]:
    for found in _STEP.finditer(text):
        yield Step(command=found["command"], shown=tuple(found["shown"].splitlines()))


def run(steps: Sequence[Step], *, at: Path, environment: Mapping[str, str]) -> list[Ran]:
    """Types the commands into one shell, one after the other, whatever becomes of each."""
    script = "".join(
        f"(exit ${{status:-0}})\n{step.command}\nstatus=$?; echo; echo {_ENDED} $status\n"
        for step in steps
    )
    ran = subprocess.run(
        ["bash", "-c", script],
        cwd=at,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    said = re.split(rf"(?m)\n^{_ENDED} (\d+)\n", ran.stdout)
    return [
        Ran(step=step, printed=printed, status=int(status))
        for step, printed, status in zip(steps, said[::2], said[1::2], strict=False)
    ]
