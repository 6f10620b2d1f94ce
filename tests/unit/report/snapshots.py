"""The renderings that are committed. `python -m tests.unit.report.snapshots` writes them anew."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine_ci.report import html, markdown
from tests.unit.report import build

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = Path(__file__).with_suffix("")
RENDERED: dict[str, Callable[[], str]] = {
    "refused.md": lambda: markdown.render(build.REFUSED),
    "passed.md": lambda: markdown.render(build.PASSED),
    "unsure.md": lambda: markdown.render(build.UNSURE),
    "refused.html": lambda: html.render(build.REFUSED),
    "passed.html": lambda: html.render(build.PASSED),
}

if __name__ == "__main__":
    for name, render in RENDERED.items():
        (FOLDER / name).write_text(render(), encoding="utf-8")
