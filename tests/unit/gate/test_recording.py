from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from engine_ci.errors import VerificationError
from engine_ci.gate import goldens, model_files, recording, reference, zoo
from engine_ci.gate.goldens import Case, Chat, Golden, Message
from engine_ci.gate.recording import Prompt
from engine_ci.system import documents
from tests.unit.gate import tiny

if TYPE_CHECKING:
    from pathlib import Path

    from engine_ci.gate.goldens import Step

OURS = [model for model in zoo.load_catalogue() if model.role in ("stable", "sensitive")]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return tiny.write(tmp_path / "tiny.gguf")


def prompt(name: str = "abc", *, limit: int = 4) -> Prompt:
    return Prompt(id=name, tokens=(65, 66, 67), limit=limit, stop="limit")


@pytest.fixture
def golden(model: Path) -> Golden:
    return recording.record(model, [prompt()], name="tiny", margin_floor=0)


def with_step(golden: Golden, number: int, step: Step) -> Golden:
    (case,) = golden.cases
    steps = (*case.steps[:number], step, *case.steps[number + 1 :])
    changed = case.model_copy(update={"steps": steps})
    return golden.model_copy(update={"cases": (changed,)})


def test_a_golden_holds_what_the_reference_says(model: Path, golden: Golden) -> None:
    rows = list(reference.greedy(reference.load(model), [65, 66, 67], limit=4))

    (case,) = golden.cases
    assert golden.sha256 == documents.sha256_of(model)
    assert case.tokens == tuple(int(row.argmax()) for row in rows)
    assert [len(step.top) for step in case.steps] == [20] * 4
    found = [step.top[19][1] for step in case.steps]
    expected = [np.sort(row)[-20] for row in rows]
    assert found == pytest.approx(expected, abs=1e-6)


def test_a_thin_margin_is_refused_with_case_and_step(model: Path) -> None:
    with pytest.raises(
        VerificationError, match=r"model tiny, case abc, step \d: the margin is .* at least 9"
    ):
        recording.record(model, [prompt()], name="tiny", margin_floor=9)


def test_a_turn_that_does_not_end_is_refused(model: Path) -> None:
    endless = Prompt(id="endless", tokens=(65,), limit=3, stop="eos")

    with pytest.raises(VerificationError, match="case endless: no end of turn within 3 tokens"):
        recording.record(model, [endless], name="tiny", margin_floor=0)


def test_a_turn_stops_at_its_end(tmp_path: Path) -> None:
    (stable,) = [model for model in OURS if model.name == "stable"]
    path = model_files.locate(stable, cache=tmp_path, fetch=lambda wheel: tmp_path / wheel.file)
    stored = goldens.load(zoo.golden_folder() / "stable.json").cases
    prompts = [
        Prompt(id=case.id, tokens=case.prompt, limit=len(case.tokens) + 9, stop="eos")
        for case in stored
    ]

    recorded = recording.record(path, prompts, name="stable", margin_floor=2).cases

    assert [case.tokens for case in recorded] == [case.tokens for case in stored]


def test_recording_again_changes_nothing_and_keeps_the_chats(model: Path, golden: Golden) -> None:
    chat = Chat(id="abc", messages=(Message(role="user", content="?"),), prompt="?", answer="!")
    chatty = golden.model_copy(update={"chats": (chat,)})

    assert recording.record_again(model, chatty) == chatty


def test_a_fresh_golden_has_no_differences(model: Path, golden: Golden) -> None:
    assert recording.differences(model, golden) == ()


def test_another_file_is_named_as_such(tmp_path: Path, golden: Golden) -> None:
    other = tiny.write(tmp_path / "other.gguf", tiny.weights(seed=1))

    (difference,) = recording.differences(other, golden)

    assert difference.startswith(f"tiny: recorded from sha256 {golden.sha256}, the file has ")


def test_a_wrong_token_is_found(model: Path, golden: Golden) -> None:
    best, second, *others = golden.cases[0].steps[2].top
    swapped = goldens.step([(second[0], best[1]), (best[0], second[1]), *others])

    found = recording.differences(model, with_step(golden, 2, swapped))

    assert found[0] == (f"tiny, case abc, step 2: expected token {second[0]}, found {best[0]}")


@pytest.mark.parametrize(("by", "count"), [(2e-3, 0), (4e-3, 1)])
def test_a_log_probability_may_move_by_three_thousandths(
    model: Path, golden: Golden, by: float, count: int
) -> None:
    top = golden.cases[0].steps[1].top
    moved = goldens.step([*top[:-1], (top[-1][0], top[-1][1] - by)])

    found = recording.differences(model, with_step(golden, 1, moved))

    assert len(found) == count
    assert all("step 1: a log-probability moved by 0.00" in difference for difference in found)


@pytest.fixture
def halves(tmp_path: Path) -> Path:
    weights = {
        name: value.astype(np.float16) if value.ndim > 1 else value
        for name, value in tiny.weights().items()
    }
    return tiny.write(tmp_path / "halves.gguf", weights)


@pytest.mark.parametrize(("by", "count"), [(0.5, 0), (0.7, 1)])
def test_where_roundings_may_fall_otherwise_a_log_probability_may_jump(
    halves: Path, by: float, count: int
) -> None:
    golden = recording.record(halves, [prompt()], name="tiny", margin_floor=0)
    top = golden.cases[0].steps[1].top
    jumped = goldens.step([*top[:-1], (top[-1][0], top[-1][1] - by)])

    found = recording.differences(halves, with_step(golden, 1, jumped))

    assert len(found) == count
    assert all("step 1: a log-probability moved by 0.7" in difference for difference in found)


@pytest.mark.parametrize(("by", "count"), [(2e-3, 0), (5e-3, 1)])
def test_most_of_them_may_not(halves: Path, by: float, count: int) -> None:
    golden = recording.record(halves, [prompt()], name="tiny", margin_floor=0)
    (case,) = golden.cases
    steps = tuple(
        goldens.step([(token, logprob - by) for token, logprob in step.top]) for step in case.steps
    )
    moved = golden.model_copy(update={"cases": (case.model_copy(update={"steps": steps}),)})

    found = recording.differences(halves, moved)

    assert len(found) == count
    assert all("tiny: half of the log-probabilities moved by 0.00" in line for line in found)


def test_an_answer_that_does_not_end_is_found(model: Path, golden: Golden) -> None:
    (case,) = golden.cases
    ended = Case(id=case.id, prompt=case.prompt, stop="eos", steps=case.steps)

    (found,) = recording.differences(model, golden.model_copy(update={"cases": (ended,)}))

    assert found.endswith("does not end with the end of turn, token 259")


@pytest.mark.parametrize("ours", OURS, ids=lambda model: model.name)
def test_the_committed_goldens_hold(ours: zoo.Model, tmp_path: Path) -> None:
    path = model_files.locate(ours, cache=tmp_path, fetch=lambda wheel: tmp_path / wheel.file)

    stored = goldens.load(zoo.golden_folder() / f"{ours.name}.json")

    assert recording.differences(path, stored) == ()
