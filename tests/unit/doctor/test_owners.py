from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.doctor import owners
from engine_ci.records.doctor import Outcome

PIN, GATE = "pins/llama.cpp.yaml", ".github/workflows/engine-gate.yml"


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("*", PIN, True),
        ("*", GATE, True),
        ("*.yml", GATE, True),
        ("*.yml", PIN, False),
        ("/pins/", PIN, True),
        ("pins/", PIN, True),
        ("pins/", "apps/pins/x", True),
        ("/pins/", "apps/pins/x", False),
        ("pins", PIN, True),
        ("/pins", PIN, True),
        ("/pins", "pins2/x", False),
        ("pins/*", PIN, True),
        (".github/*", GATE, False),
        (".github/**", GATE, True),
        ("**/workflows/", GATE, True),
        ("**/engine-gate.yml", GATE, True),
        ("**/engine-gate.yml", "engine-gate.yml", True),
        (".github/workflows/engine-????.yml", GATE, True),
        (".github/**/*.yml", GATE, True),
        ("/workflows/", GATE, False),
        ("pins/llama.cpp.yaml", PIN, True),
        ("pins/llama-cpp.yaml", PIN, False),
    ],
)
def test_a_line_is_for_the_files_that_fit_its_pattern(
    pattern: str, path: str, *, fits: bool
) -> None:
    assert bool(owners.owners(f"{pattern} @ann\n", path=path)) is fits


def test_the_last_line_that_fits_counts_also_where_it_names_nobody() -> None:
    text = "# ours\n* @ann\n/pins/ @example/engines ben@example.invalid # both\n/pins/old/\n\n"

    assert owners.owners(text, path="README.md") == ("@ann",)
    assert owners.owners(text, path=PIN) == ("@example/engines", "ben@example.invalid")
    assert owners.owners(text, path="pins/old/x.yaml") == ()


def test_files_without_an_owner_are_named_with_what_to_write() -> None:
    whole = owners.named("/pins/ @ann\n/.github/ @ann\n", paths=(PIN, GATE))
    free = owners.named("/pins/ @ann\n", paths=(PIN, GATE))
    none = owners.named(None, paths=(PIN, GATE))

    assert (whole.outcome, whole.hint) == (Outcome.OK, "")
    assert (free.outcome, free.observed) == (Outcome.WARN, f"nobody owns {GATE}")
    assert (none.outcome, none.observed) == (Outcome.WARN, "there is no CODEOWNERS")
    assert "`/pins/ @owner/team`" in free.hint == none.hint


@given(st.text(), st.text(alphabet="abc/.*?", min_size=1))
def test_whatever_the_file_says_it_is_read(text: str, path: str) -> None:
    line = path.replace("*", "a").replace("?", "b").strip("/")

    assert isinstance(owners.owners(text, path=path), tuple)
    if line:
        assert owners.owners(f"{text}\n/{line} @ann\n", path=line) == ("@ann",)
