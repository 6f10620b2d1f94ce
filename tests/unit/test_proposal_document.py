"""`docs/proposal.md` says what was measured: its figures are held to where they come from."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from benchmarks import minutes
from benchmarks.backtest import document
from benchmarks.gate import catalogue
from benchmarks.gate.results import load_all
from benchmarks.minutes import BUMP, CHANGE, SCREEN, SPEED, SUITES
from engine_ci.config import Policy
from engine_ci.gate import zoo
from engine_ci.records.gate import Verdict
from tests.unit.releases import history

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
TEXT = " ".join((DOCS / "proposal.md").read_text(encoding="utf-8").split())
WORDS = {2: "two", 3: "three", 15: "fifteen"}
LINKS = sorted(set(re.findall(r"\]\(([^)]+)\)", TEXT)))
# What the proposal rests on and another page measured: the words here, and those there.
MEASURED = [
    ("120 requests and 564 MB", "benchmarks.md", "| cold | 120, for tags and releases"),
    ("needs 2 and 67 MB", "benchmarks.md", "| 2 | 586 kB | 0.49 s | 1.5 s | 67 MB |"),
    ("at least 10.56 nats behind", "benchmarks.md", "| 10.56 nats |"),
    ("9.0e-6 from mathematics", "benchmarks.md", "mean 9.0e-6"),
    ("stays 19 times below", "benchmarks.md", "19 times below what fails"),
    ("refused in 100 and 99.8 of 100", "benchmarks.md", "| 97.6, 100, 100 % | 85.6, 99.8, 100 % |"),
    ("338 MB measured, 468 MB", "benchmarks.md", "| 335 and 338 MB, 79 of them the gate's own; "),
    ("0.36 nats", "benchmarks.md", "led by 0.36 nats"),
    ("6 to 34 minutes", "fidelity.md", "6 to 34 minutes"),
    ("caught **one**", "fidelity.md", "the gate refused **one**"),
    ("8e-4 to 4e-3", "hardware.md", "8e-4 to 4e-3"),
    ("three requests", "how-it-works.md", "costs three requests"),
]


def test_real_builds_are_those_of_the_backtest() -> None:
    outcomes = document.stored()
    failed = sum(each.verdict is Verdict.FAIL for each in outcomes)
    packages = WORDS[len({each.package for each in outcomes})]

    assert f"of {len(outcomes)} real builds of {packages} packages, {failed} fail" in TEXT


def test_releases_are_those_of_the_replay() -> None:
    assert f"whole life of {len(history.published()):,} builds" in TEXT


def test_models_are_those_of_the_zoo() -> None:
    models = zoo.load_catalogue()
    exact = {each.architecture for each in models if each.role == "sensitive"}
    embedding = {each.architecture for each in models if each.role == "embedding"}

    # Mixtral's experts are an architecture of their own, though llama.cpp has no name for it.
    assert f"one of each of {WORDS[len(exact) + 1]} architectures" in TEXT
    assert f"and {WORDS[len(embedding)]} models for embeddings" in TEXT


def test_engines_with_one_line_edited_are_those_that_were_built() -> None:
    planted = {each.name for each in catalogue.engines() if each.kind == "planted"}
    found = [each for each in load_all() if each.engine in planted]
    refused = sum(each.verdict is Verdict.FAIL for each in found)

    assert f"refused {refused} of {len(found)} engines" in TEXT


def test_commits_are_those_that_were_looked_at() -> None:
    told = json.loads((ROOT / "benchmarks" / "relevance.json").read_text())

    assert f"({told['history']['commits']:,} real commits" in TEXT


def test_minutes_and_seconds_are_those_that_are_reckoned_with() -> None:
    change, bump = CHANGE.minutes(), BUMP.minutes()

    assert f"takes {change} billed minutes of a Mac and a bump {bump}, from" in TEXT
    assert f"ten times, {10 * change} and {10 * bump} (" in TEXT
    assert f"take {SUITES.seconds} s for both engines" in TEXT
    assert f"`performance` {SPEED.seconds} s" in TEXT
    assert f"refused in {SCREEN.seconds:.0f} s" in TEXT
    assert (change, bump) == (minutes.ORDINARY_LIMIT, minutes.BUMP_LIMIT)


def test_the_cadence_is_that_of_a_new_app() -> None:
    policy = Policy()

    told = f"polled {policy.poll}, proposed {policy.propose}, after {policy.cooldown_hours} hours"
    assert told in TEXT


@pytest.mark.parametrize(("claim", "page", "measured"), MEASURED)
def test_a_figure_of_another_page_still_stands_there(claim: str, page: str, measured: str) -> None:
    assert claim in TEXT
    assert measured in " ".join((DOCS / page).read_text(encoding="utf-8").split())


@pytest.mark.parametrize("link", LINKS)
def test_every_figure_leads_to_where_it_is_told(link: str) -> None:
    name, _, place = link.partition("#")
    page = (DOCS / name).read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}

    assert not place or place in anchors


def test_it_says_what_the_gate_proves_and_what_not() -> None:
    assert "It proves that no regression was seen" in TEXT
    assert "It does not prove the absence of regressions" in TEXT
    assert "It does not prove an honest engine" in TEXT
    assert "nothing has run on macOS or against GitHub itself yet" in TEXT
