"""The numpy reference and real engines agree, so a golden is mathematics and not one's habit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from engine_ci.engine.adapters.llama_server import LlamaServer, Settings
from engine_ci.engine.supervisor import start
from engine_ci.gate import goldens, zoo

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine_ci.engine.client import Client
    from engine_ci.gate.goldens import Case

pytestmark = pytest.mark.engine

OURS = [model for model in zoo.load_catalogue() if model.role in ("stable", "sensitive")]
ROUNDING = 3e-4  # measured: 1.2e-4 at most, 9.0e-6 on average
AVERAGE = 3e-5
# Gemma's GELU is rounded to F16, so that a last bit may become a thousandth.
ROUNDING_OF_GEMMA = 2e-3  # measured: 6.6e-4 at most, 5.3e-5 on average
AVERAGE_OF_GEMMA = 9e-5
# What quantised weights are multiplied by is rounded: a last bit that turns a rounding over may
# become 0.3, while most stay as exact. To F16, at almost every step one turns over a little.
JUMP = 0.6  # measured: 0.33 at most
MEDIAN = {"F16": 2e-3}  # measured: 6.7e-4; of others, 4e-6


def changes(client: Client, case: Case) -> list[float]:
    """How far the engine's log-probabilities are from the golden's, the tokens being the same."""
    found = client.complete(
        case.prompt, count=len(case.steps), top=20, ignore_eos=case.stop == "limit"
    )

    assert found.tokens == case.tokens
    assert found.stop == case.stop
    changes = []
    for step, expected in zip(found.steps, case.steps, strict=True):
        by_token = dict(step.top)
        changes += [
            abs(by_token[token] - logprob) for token, logprob in expected.top if token in by_token
        ]
    assert len(changes) > 19 * len(case.steps)
    return changes


@pytest.mark.parametrize("version", ["0.1.2", "0.1.3"])
@pytest.mark.parametrize("model", OURS, ids=lambda model: model.name)
def test_an_engine_in_strict_mode_says_what_the_reference_says(
    mineru: Callable[[str], Path], tmp_path: Path, version: str, model: zoo.Model
) -> None:
    path = zoo.locate(model, cache=tmp_path, fetch=lambda wheel: tmp_path / wheel.file)
    golden = goldens.load(zoo.golden_folder() / f"{model.name}.json")
    server = LlamaServer(mineru(version) / "bin" / "llama-server")
    settings = Settings(context=2048, strict=True)

    with start(server, model=path, settings=settings, log=tmp_path / "log") as engine:
        found = [change for case in golden.cases for change in changes(engine.client, case)]
        rendered = [
            engine.client.apply_template([message.model_dump() for message in chat.messages])
            for chat in golden.chats
        ]

    gemma = model.architecture.startswith("gemma")
    if model.weights == "F32":
        assert max(found) < (ROUNDING_OF_GEMMA if gemma else ROUNDING)
        assert np.mean(found) < (AVERAGE_OF_GEMMA if gemma else AVERAGE)
    else:
        assert max(found) < JUMP
        assert np.median(found) < MEDIAN.get(model.weights, AVERAGE)
    assert rendered == [chat.prompt for chat in golden.chats]
