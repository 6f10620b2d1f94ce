"""Every section that states a figure names what made it: a script, a test, a module, a page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest

from tests.docs import console
from tests.docs.console import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGES: Final = console.pages()
_UNITS: Final = "s|ms|seconds|minutes|min|kB|MB|GB|KiB|MiB|GiB|nats"
_FIGURE: Final = re.compile(rf"(?<![\w.§-])\d[\d.,]*(?:e-\d+)? ?(?:(?:{_UNITS})\b(?!-)|%)")
_FILES: Final = r"(?:benchmarks|tests|engine_ci|fixtures|docs)/[\w/]+\.(?:py|yaml|json|md)"
_NAMED: Final = re.compile(rf"`(?:python -m )?benchmarks[/.]\w+|make backtest|{_FILES}")
_PAGES_OF_FIGURES: Final = re.compile(
    r"\]\((?:\.\./)?(?:benchmarks|backtest|fidelity|hardware|coverage|reliability|kv|workflows)\.md"
)
_FENCED: Final = re.compile(r"(?ms)^ *```.*?^ *```$")
# Sections whose figures nobody measured, and what they are.
UNMEASURED: Final = {
    ("docs/benchmarks.md", "# Measured figures"): "the memory of the host",
}


def sections(text: str) -> Iterator[tuple[str, str]]:
    """Heads with what stands below; what stands before the first `##` counts for all of them."""
    for part in re.split(r"(?m)^(?=## )", text):
        yield part.partition("\n")[0], part


def unsourced(text: str) -> list[str]:
    """The sections with a figure and without a word about where it is from."""
    intro = next(sections(text))[1]
    return [
        head
        for head, part in sections(text)
        if _FIGURE.search(_FENCED.sub("", part)) and not _sourced(part) and not _sourced(intro)
    ]


def _sourced(part: str) -> bool:
    return any(words.search(part) for words in (_NAMED, _PAGES_OF_FIGURES)) or "by hand" in part


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_section_with_figures_names_what_made_them(page: Path) -> None:
    name = str(page.relative_to(ROOT))

    assert unsourced(page.read_text(encoding="utf-8")) == [
        head for of, head in UNMEASURED if of == name
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_is_named_is_there(page: Path) -> None:
    files = set(re.findall(rf"`({_FILES})`", page.read_text(encoding="utf-8")))

    assert {each for each in files if not (ROOT / each).exists()} == set()


def test_a_figure_that_nobody_made_is_told() -> None:
    text = "# Page\n\n## Measured\n\n3 s: `tests/x/test_y.py`.\n\n## Claimed\n\nIt takes 3 s.\n"

    assert unsourced(text) == ["## Claimed"]
    assert unsourced("# Page\n\nAll of `python -m benchmarks.detect`.\n\n## One\n\n5 MB\n") == []
    assert unsourced("# Page\n\n```\n5 MB\n```\n\nBuild 5, in 3 steps.\n") == []
