"""The demo fails for an outcome that contradicts itself, and for no other."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from engine_ci.errors import Exit
from engine_ci.records.candidate import Refusal
from engine_ci.records.gate import Verdict
from examples.demo.outcome import Outcome, wrong
from fixtures.github.records import Pull

NOW = datetime(2026, 11, 21, tzinfo=UTC)
PULL = Pull(
    id=1,
    number=1,
    title="Bump",
    body="",
    author="bot",
    head="engine-ci/llama.cpp",
    base="main",
    draft=False,
    head_sha="0" * 40,
    base_sha="1" * 40,
    created=NOW,
    updated=NOW,
)
USUAL = Outcome(
    status=Exit.OK,
    refused=tuple(Refusal(version=version, reason="x") for version in ("0.1.4", "0.1.5", "0.2.0")),
    gated=("0.1.3", Verdict.PASS),
    pull=PULL,
    pinned="name: llama.cpp\nversion: 0.1.3\n",
    page=None,
    main_moved=False,
    merge_requests=0,
)
NOTHING = replace(USUAL, status=Exit.GATE_SAYS_NO, pull=None, pinned="", gated=None)


@pytest.mark.parametrize(
    "outcome",
    [
        pytest.param(USUAL, id="usual"),
        pytest.param(replace(USUAL, refused=()), id="nothing-refused"),
        pytest.param(
            replace(USUAL, gated=("0.1.3", Verdict.INCONCLUSIVE), pull=replace(PULL, draft=True)),
            id="inconclusive-draft",
        ),
        pytest.param(NOTHING, id="all-refused"),
    ],
)
def test_an_outcome_that_holds_together_is_not_wrong(outcome: Outcome) -> None:
    assert wrong(outcome) == []


@pytest.mark.parametrize(
    ("outcome", "fault"),
    [
        (replace(USUAL, main_moved=True), "something was merged"),
        (replace(USUAL, merge_requests=1), "something was merged"),
        (replace(NOTHING, status=Exit.OK), "no pull request, and exit status 0"),
        (replace(USUAL, status=Exit.BUG), "a pull request, and exit status 70"),
        (replace(USUAL, gated=None), "a pull request without a gate"),
        (
            replace(USUAL, gated=("0.1.3", Verdict.FAIL)),
            "a pull request for 0.1.3, about which the gate says fail",
        ),
        (
            replace(USUAL, gated=("0.1.3", Verdict.INCONCLUSIVE)),
            "verdict inconclusive, and draft is False",
        ),
        (replace(USUAL, pinned="version: 0.1.2\n"), "0.1.3 was gated, and the branch does not"),
        (
            replace(USUAL, gated=("0.2.0", Verdict.PASS), pinned="version: 0.2.0\n"),
            "0.2.0 was refused and is proposed all the same",
        ),
    ],
)
def test_an_outcome_that_contradicts_itself_is_told(outcome: Outcome, fault: str) -> None:
    assert any(told.startswith(fault) for told in wrong(outcome))


def test_another_outcome_than_the_usual_one_is_shown_as_such() -> None:
    assert USUAL.summary.startswith("as on other machines")
    assert NOTHING.summary == (
        "another outcome than on the machines known so far: "
        "refused 0.1.4, 0.1.5, 0.2.0, proposed nothing"
    )
