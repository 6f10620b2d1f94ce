"""The reference says what the code says, and says all of it."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import pytest
from pydantic import Field

from docs.generator import checks, commands, errors, models, pages, regions
from engine_ci.cli.schemas import DOCUMENTS
from engine_ci.config import ALL_SUITES
from engine_ci.errors import EngineCIError, Exit
from engine_ci.records.gate import FaultClass
from engine_ci.system.documents import Document
from tests.docs.console import DOCS
from tests.engine.test_suites import PLANTED

REFERENCE = DOCS / "reference"


def text(name: str) -> str:
    return (REFERENCE / f"{name}.md").read_text(encoding="utf-8")


def firsts(page: str, *, head: str) -> set[str]:
    """The first cells of the table below a head."""
    below = f"\n{page}".partition(f"\n{head}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"(?m)^\| `?([^`|]+?)`? \|", below)) - {"---"}


def test_the_pages_are_those_that_the_code_makes() -> None:
    stale = [path.name for path, made in pages.made().items() if made != path.read_text("utf-8")]

    assert stale == [], "run `make docs`"


def test_every_schema_is_linked_and_says_what_it_is_of() -> None:
    rows = re.findall(r"(?m)^\| \[`(.+?)`\]\((.+?)\) \| (.*) \|$", text("records"))

    assert [name for name, _, _ in rows] == list(DOCUMENTS)
    assert [
        name for name, link, about in rows if not (REFERENCE / link).is_file() or not about
    ] == []


def test_every_part_that_can_be_made_is_on_a_page() -> None:
    shown = [name for path in pages.made() for name in regions.names(path.read_text("utf-8"))]

    assert sorted(shown) == sorted(pages.PARTS)


def test_a_region_is_made_anew_and_the_rest_of_a_page_stays() -> None:
    page = "a\n<!-- made from the code: it -->\nold\n<!-- end -->\nb\n"

    made = regions.filled(page, {"it": lambda: "new\n"})

    assert made == "a\n<!-- made from the code: it -->\n\nnew\n\n<!-- end -->\nb\n"
    assert regions.filled(made, {"it": lambda: "new\n"}) == made
    with pytest.raises(KeyError, match="it"):
        regions.filled(page, {})


def test_what_would_end_a_cell_does_not() -> None:
    assert regions.table("a", "b", rows=[regions.row("x|y", "two\nlines")]) == (
        "| a | b |\n| --- | --- |\n| x\\|y | two lines |\n"
    )


class Inner(Document):
    """What is inside.

    Attributes:
        one, two: of a pair.
    """

    one: Annotated[int, Field(ge=1, lt=5)]
    two: str | None = None


class Outer(Document):
    """A file.

    Attributes:
        named: by a word
            or two.
    """

    named: dict[str, Inner]
    inner: Inner
    choice: Literal["a", "b"] = "a"
    many: tuple[Inner, ...] = ()
    share: float | Literal["all"] = 0.5


def test_every_key_of_a_model_is_told_with_what_it_may_be() -> None:
    rows = [line.split("|")[1:-1] for line in models.reference(Outer).splitlines()[2:]]
    told = {row[0].strip(): [cell.strip() for cell in row[1:]] for row in rows}

    assert told["`named`"] == ["mapping", "required", "By a word or two."]
    assert told["`named.*.one`"] == ["whole number, at least 1, below 5", "required", "Of a pair."]
    assert told["`named.*.two`"] == ["text", "", "Of a pair."]
    assert told["`inner`"] == ["mapping", "required", "What is inside."]
    assert told["`choice`"][:2] == ["`a`, `b`", '`"a"`']
    assert told["`many`"][:2] == ["list of mapping", "`[]`"]
    assert told["`share`"][0] == "number or `all`"
    assert {"`inner.one`", "`many[].two`"} <= told.keys()


def test_every_command_is_told_with_its_options() -> None:
    page = commands.reference()

    assert set(re.findall(r"(?m)^## `engine-ci (.+)`$", page)) == set(commands.tree())
    assert {"gate", "golden record", "engine run"} <= set(commands.tree())
    assert re.search(r"(?m)^engine-ci hold BUILD --reason [A-Z]+ \[OPTION\]\.\.\.$", page)
    assert "| `--api-url URL` | `$GITHUB_API_URL`, or `https://api.github.com` | " in page


def test_every_exit_code_and_every_error_is_told() -> None:
    page = text("errors")

    assert {int(code) for code in firsts(page, head="# Exit codes and errors") - {"code"}} == set(
        Exit
    )
    assert all(f"| `{each.__name__}` |" in page for each in EngineCIError.__subclasses__())
    assert "| 3 | `MachOError` | " in errors.reference()


def test_every_fault_class_is_told() -> None:
    assert firsts(text("checks"), head="## Fault classes") - {"class"} == {
        each.value for each in FaultClass
    }


def test_every_suite_and_every_check_with_a_planted_fault_is_listed() -> None:
    kept = checks.kept()
    ids = {each.id for each in kept}

    assert {each.suite for each in kept} == set(ALL_SUITES)
    assert {each for planted in PLANTED for each in planted.fails} - ids == set()


def test_a_check_that_is_asked_of_many_models_is_one_question() -> None:
    of_model = checks.Listed("tokens/stable/strict", "numeric", "the golden tokens")
    loads = checks.Listed("loads/stable", "crash-load", "ready with stable")
    alone = checks.Listed("api/props", "api", "settings")

    assert [each.question for each in (of_model, loads, alone)] == [
        "tokens/*/strict",
        "loads/*",
        "api/props",
    ]


def test_scope_says_that_github_was_never_asked_as_long_as_the_contract_does() -> None:
    """Once it was, the page that says what was seen where has to be written anew."""
    contract = (DOCS / "contract.md").read_text(encoding="utf-8")
    scope = (DOCS / "scope.md").read_text(encoding="utf-8")

    assert ("real GitHub: never" in contract) == ("**never** ([the contract]" in scope)
