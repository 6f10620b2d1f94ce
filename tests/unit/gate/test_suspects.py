from __future__ import annotations

from functools import cache
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci.gate import goldens, modes, operations, zoo
from engine_ci.gate.asking import Mode
from engine_ci.gate.operations import FEATURES, LONG, PLACES, Marks
from engine_ci.gate.suspects import Pair, Suspect, suspects

LLAMA = frozenset({"architecture:llama", "attn_q", "rope.freq_base", "ffn_down", "type:F32"})
ZOO: dict[str, Marks] = {
    "llama": LLAMA | {LONG},
    "mixtral": (LLAMA | {"ffn_down_exps"}) - {"ffn_down"},
    "qwen3": (LLAMA | {"architecture:qwen3", "attn_q_norm"}) - {"architecture:llama"},
    "mamba": frozenset({"architecture:mamba", "ssm_conv1d", "type:F32", LONG}),
    "q4": LLAMA | {"type:Q4_K"},
}
ASKED = [
    (model, mode)
    for model, mode in product(ZOO, Mode)
    if LONG in ZOO[model] or mode in (Mode.STRICT, Mode.APP)
]
HITS = st.sets(st.sampled_from(ASKED), min_size=1)


def found(hits: set[Pair]) -> tuple[Suspect, ...]:
    return suspects({pair: pair in hits for pair in ASKED}, ZOO)


def names(hits: set[Pair]) -> set[str]:
    return {suspect.name for suspect in found(hits)}


def test_nobody_is_suspected_when_nothing_moved() -> None:
    assert found(set()) == ()


@given(hits=HITS)
def test_somebody_always_is_when_something_moved_and_accounts_for_all_of_it(
    hits: set[Pair],
) -> None:
    assert found(hits)
    assert all(hits <= suspect.reach for suspect in found(hits))


@given(hits=HITS, more=st.sampled_from(ASKED))
def test_one_more_move_acquits_whom_it_is_out_of_reach_of_and_nobody_else(
    hits: set[Pair], more: Pair
) -> None:
    before, after = found(hits), found(hits | {more})

    in_reach = {suspect for suspect in before if more in suspect.reach}
    assert set(after).isdisjoint(set(before) - in_reach)
    assert not in_reach or in_reach == set(after)


@given(feature=st.sampled_from((None, *FEATURES)), place=st.sampled_from((None, *PLACES)))
def test_whoever_disturbs_all_that_it_reaches_is_found(
    feature: operations.Feature | None, place: operations.Place | None
) -> None:
    reach = {
        (model, mode)
        for model, mode in ASKED
        if (feature is None or feature.is_of(ZOO[model])) and (place is None or mode in place.modes)
    }

    assert all(suspect.reach == reach for suspect in found(reach))


@pytest.mark.parametrize(
    ("hits", "expected"),
    [
        (set(ASKED), {"what every model does, such as norms and matrix products"}),
        ({pair for pair in ASKED if pair[0] != "mamba"}, {"attention or its mask", "RoPE"}),
        ({pair for pair in ASKED if LONG in ZOO[pair[0]]}, {LONG}),
        ({("q4", Mode.STRICT), ("q4", Mode.APP)}, {"kernels for Q4_K"}),
        ({("mixtral", Mode.STRICT), ("mixtral", Mode.APP)}, {"experts"}),
        ({pair for pair in ASKED if pair[1] is Mode.CACHED}, {"prompt cache"}),
        ({pair for pair in ASKED if pair[1] is Mode.BATCHES}, {"prompts in many batches"}),
        (
            {("mamba", Mode.CACHED)},
            {
                "state space or its convolution with prompt cache",
                "graph of mamba with prompt cache",
            },
        ),
        (
            {pair for pair in ASKED if pair[0] != "mamba" and pair[1] in (Mode.APP, Mode.FLASH)},
            {
                "attention or its mask with flash attention or F16 cache",
                "RoPE with flash attention or F16 cache",
            },
        ),
    ],
)
def test_the_narrowest_account_is_the_one_that_is_named(
    hits: set[Pair], expected: set[str]
) -> None:
    assert names(hits) == expected


@cache
def the_zoo() -> dict[str, Marks]:
    """The marks of our own sensitive models, as the suite sees them."""
    models = {}
    for model in zoo.load_catalogue():
        if model.role == "sensitive" and isinstance(model.source, zoo.ShippedFile):
            path = zoo.data_root() / "fixtures" / "zoo" / f"{model.name}.gguf"
            golden = goldens.load(zoo.golden_folder() / f"{model.name}.json")
            long = {LONG} if modes.filling(golden) else set()
            models[model.name] = operations.marks(path) | long
    return models


@pytest.mark.parametrize(
    "name", ["sliding window", "experts", "norms of heads", "state space or its convolution", LONG]
)
def test_the_zoo_tells_these_operations_from_all_others(name: str) -> None:
    models = the_zoo()
    (fault,) = (feature for feature in FEATURES if feature.name == name)
    moved = {(model, Mode.STRICT): fault.is_of(models[model]) for model in models}

    assert [suspect.name for suspect in suspects(moved, models)] == [name]
