"""Every command in the docs is typed by a test, or is at least one that the programs take."""

from __future__ import annotations

import importlib.util
import re
from typing import TYPE_CHECKING, Final

import pytest

from tests.docs import console, typer_lines
from tests.docs.console import DOCS, ROOT

if TYPE_CHECKING:
    from pathlib import Path

PAGES = console.pages()
# Pages whose commands tests type: `test_typed.py` here, and `tests/engine/test_offline.py`.
TYPED: Final = {DOCS / "tutorial.md", *(DOCS / "howto").glob("*.md"), DOCS / "offline.md"}
# What no test types, by page, and why.
NOT_RUN: Final = {
    "README.md": [
        "the demo is a command of its own, with a test in tests/examples; `make test` is this",
    ],
    "CONTRIBUTING.md": ["`make test` is this, and `make contract` asks the real GitHub"],
    "docs/tutorial.md": ["makes the environment that runs this page's test"],
    "docs/claims.md": [
        "an app's models and bundles; tests/unit/cli/test_engine.py reads its options",
    ],
    "docs/strategies.md": [
        "a clone of upstream's; tests/unit/system/test_git_source.py does it with one of ours"
    ],
}
_SPAN: Final = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_MAKE: Final = re.compile(r"(?m)^(?:\$ )?make ([^\s]+)")
_TARGETS: Final = set(re.findall(r"(?m)^([a-z./-]+):", (ROOT / "Makefile").read_text()))


def spans(page: Path, program: str) -> list[list[str]]:
    """The words behind a program's name in each `span of code` that begins with it."""
    text = page.read_text(encoding="utf-8")
    begin = f"{program} "
    return [span[len(begin) :].split() for span in _SPAN.findall(text) if span.startswith(begin)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_is_not_typed_is_listed_with_its_reason(page: Path) -> None:
    blocks = console.blocks(page)
    reasons = [block.why for block in blocks if block.why]

    assert reasons == NOT_RUN.get(str(page.relative_to(ROOT)), [])
    assert page in TYPED or len(reasons) == len(blocks)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_typed_line_is_one_that_the_program_takes(page: Path) -> None:
    lines = [step.command for block in console.blocks(page) for step in block.steps]
    calls = [call for line in lines for call in typer_lines.calls(line, "engine-ci")]

    assert [(call, why) for call in calls if (why := typer_lines.wrong(call))] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_in_a_sentence_exists_with_its_options(page: Path) -> None:
    named = [words for words in spans(page, "engine-ci") if not words[0].isupper()]

    assert [
        (words, wrong) for words in named if (wrong := typer_lines.unknown_options(words))
    ] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_target_and_module_that_is_named_is_there(page: Path) -> None:
    typed = _MAKE.findall(page.read_text(encoding="utf-8"))
    targets = {words[0] for words in spans(page, "make")} | set(typed)
    modules = {words[0] for words in spans(page, "python -m")} - {"pip", "pytest"}

    assert targets - _TARGETS == set()
    assert {each for each in modules if importlib.util.find_spec(each) is None} == set()


def test_a_line_that_the_program_does_not_take_is_told() -> None:
    assert typer_lines.wrong(["gate", "--candidate", "DIR"]) is None
    assert typer_lines.wrong(["engine", "run", "--model", "FILE"]) is None
    assert typer_lines.wrong(["gate", "--no-such-option"]) is not None
    assert typer_lines.wrong(["ensure"]) == "left over [], missing ['into']"
    assert typer_lines.wrong(["audit", "DIR", "OTHER"]) == "left over ['OTHER'], missing []"
    assert typer_lines.wrong(["merge"]) == "no such command: merge"
    assert typer_lines.unknown_options(["bump", "--open", "[--yes]"]) == ["--yes"]
    assert typer_lines.unknown_options(["merge"]) == ["merge"]


def test_calls_are_found_in_a_line_of_shell() -> None:
    line = "X=1 engine-ci detect --json | head && engine-ci audit 'a b' > out"

    assert list(typer_lines.calls(line, "engine-ci")) == [["detect", "--json"], ["audit", "a b"]]
