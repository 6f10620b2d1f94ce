"""Networks whose layers mix tokens in more than one way: each way has its say, and no more."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine_ci.gate import splitmix
from engine_ci.gate.networks import ARCHITECTURES, Cache, Model, Values, forward
from engine_ci.gate.networks.delta_net import delta_net
from engine_ci.gate.networks.model import Layer
from engine_ci.gate.networks.short_convolution import short_convolution
from tests.unit.gate.sensitive import (
    TOKENS,
    array,
    in_each_layer,
    load,
    logits,
    scaled,
    with_facts,
    with_weights,
    without,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


@pytest.mark.parametrize(("output", "mixer"), [("ssm_out", "ssm_"), ("attn_output", "attn_output")])
def test_a_layer_with_two_mixers_adds_what_they_say(output: str, mixer: str) -> None:
    model = load("falcon-h1")

    found = logits(scaled(model, 0, f"{output}.weight"))

    np.testing.assert_array_equal(found, logits(without(model, mixer)))
    assert not np.allclose(found, logits(model), atol=0.1)


@pytest.mark.parametrize(
    ("fact", "power", "tensors"),
    [
        ("embedding_scale", 1, ("token_embd.weight",)),
        ("residual_scale", 1, ("ssm_out.weight", "attn_output.weight", "ffn_down.weight")),
        ("logit_scale", -1, ("output.weight",)),
        ("attention.scale", 0.5, ("attn_q.weight", "attn_k.weight")),
    ],
)
def test_a_scale_does_what_scaled_weights_would(
    fact: str, power: float, tensors: tuple[str, ...]
) -> None:
    model = load("granitehybrid")
    even = with_facts(model, {fact: 1.0})

    found = logits(scaled(even, model.fact(fact) ** power, *tensors))

    np.testing.assert_allclose(found, logits(model), atol=2e-3)
    assert not np.allclose(logits(even), logits(model), atol=0.1)


def test_attention_without_positions_turns_where_a_file_says_so() -> None:
    model = load("granitehybrid")
    told = with_facts(model, {"rope.scaling.finetuned": True})
    another_base = {"rope.freq_base": 100.0}

    np.testing.assert_array_equal(logits(with_facts(model, another_base)), logits(model))
    assert not np.allclose(logits(told), logits(model), atol=0.1)
    assert not np.allclose(logits(with_facts(told, another_base)), logits(told), atol=0.1)


def test_a_number_of_each_layer_is_that_of_all_where_they_have_one() -> None:
    model = load("lfm2")
    assert model.fact("attention.head_count_kv") == [0, 2, 0]

    found = logits(with_facts(model, {"attention.head_count_kv": 2}))

    np.testing.assert_array_equal(found, logits(model))


def test_a_short_convolution_reaches_as_far_as_its_kernel() -> None:
    model = scaled(load("lfm2"), 0, "attn_output.weight")
    reach = 1 + 2 * (3 - 1)  # of two layers

    found, enough, too_few = (
        forward(model, ARCHITECTURES["lfm2"], tokens, Cache())[-1]
        for tokens in (TOKENS, TOKENS[-reach:], TOKENS[1 - reach :])
    )

    np.testing.assert_allclose(found, enough, atol=1e-4)
    assert not np.allclose(found, too_few, atol=0.1)


def test_a_gate_of_attention_that_says_nothing_is_half_open() -> None:
    model = load("qwen3next")
    (name, joined), *_ = in_each_layer(model, "attn_q.weight").items()
    heads = joined.reshape(4, 2, 16, 64)
    silent = with_weights(model, {name: (heads * array([[[1]], [[0]]])).reshape(joined.shape)})
    ungated = with_weights(
        scaled(model, 0.5, "attn_output.weight"), {name: heads[:, 0].reshape(64, 64)}
    )

    found = logits(silent)

    np.testing.assert_allclose(found, logits(ungated, gates_attention=False), atol=1e-3)
    assert not np.allclose(found, logits(model), atol=0.1)


def test_a_shared_expert_alone_is_a_feed_forward_behind_a_gate() -> None:
    model = scaled(load("qwen3next"), 0, "ffn_down_exps.weight")
    dense = {
        name.replace("_shexp", ""): value
        for name, value in scaled(model, 0.5, "ffn_down_shexp.weight").weights.items()
        if "_exps" not in name and "ffn_gate_inp" not in name
    }

    found = logits(scaled(model, 0, "ffn_gate_inp_shexp.weight"))

    alone = Model(architecture="qwen3next", facts=model.facts, weights=dense)
    np.testing.assert_allclose(found, logits(alone), atol=1e-3)
    assert not np.allclose(found, logits(model), atol=0.1)


WIDTH, SIZE, TAPS, EPSILON = 6, 3, 4, 1e-6


def random_layer(
    architecture: str,
    sizes: Mapping[str, tuple[int, ...]],
    facts: Mapping[str, float],
    *,
    seed: int = 0,
) -> Layer:
    weights = {
        f"blk.0.{name}": splitmix.normal(f"layer/{seed}/{name}", size)
        for name, size in sizes.items()
    }
    model = with_facts(Model(architecture=architecture, facts={}, weights=weights), facts)
    return Layer(model=model, traits=ARCHITECTURES[architecture], number=0)


def in_float64(layer: Layer) -> dict[str, NDArray[np.float64]]:
    return {
        name.removeprefix("blk.0."): value.astype(np.float64)
        for name, value in layer.model.weights.items()
    }


@pytest.mark.parametrize("cut", [1, 2, 5])
def test_a_short_convolution_agrees_with_its_definition(cut: int) -> None:
    sizes = {
        "shortconv.in_proj.weight": (3 * WIDTH, WIDTH),
        "shortconv.conv.weight": (WIDTH, TAPS),
        "shortconv.out_proj.weight": (WIDTH, WIDTH),
    }
    layer, cache = random_layer("lfm2", sizes, {}), Cache()
    hidden = splitmix.normal("hidden", (7, WIDTH))

    found = [short_convolution(layer, part, cache) for part in (hidden[:cut], hidden[cut:])]

    tensor = in_float64(layer)
    before, after, inputs = np.split(hidden @ tensor["shortconv.in_proj.weight"].T, 3, axis=1)
    padded = np.concatenate([np.zeros((TAPS - 1, WIDTH)), before * inputs])
    windows = np.lib.stride_tricks.sliding_window_view(padded, TAPS, axis=0)
    mixed = after * (windows * tensor["shortconv.conv.weight"]).sum(axis=-1)
    expected = mixed @ tensor["shortconv.out_proj.weight"].T
    np.testing.assert_allclose(np.concatenate(found), expected, rtol=1e-3, atol=1e-3)


def delta_layer(*, groups: int, share: int, seed: int) -> Layer:
    inner, mixed = groups * share * SIZE, groups * (share + 2) * SIZE
    sizes = {
        "attn_qkv.weight": (mixed, WIDTH),
        "attn_gate.weight": (inner, WIDTH),
        "ssm_ba.weight": (2 * groups * share, WIDTH),
        "ssm_conv1d.weight": (mixed, TAPS),
        "ssm_dt.bias": (groups * share,),
        "ssm_a": (groups * share,),
        "ssm_norm.weight": (SIZE,),
        "ssm_out.weight": (WIDTH, inner),
    }
    facts = {
        "ssm.group_count": groups,
        "ssm.time_step_rank": groups * share,
        "ssm.state_size": SIZE,
        "attention.layer_norm_rms_epsilon": EPSILON,
    }
    layer = random_layer("qwen3next", sizes, facts, seed=seed)
    decays = {name: -np.abs(value) for name, value in in_each_layer(layer.model, "ssm_a").items()}
    return replace(layer, model=with_weights(layer.model, decays))


def written_out(layer: Layer, hidden: Values, *, groups: int, share: int) -> list[list[float]]:
    """The definition, one token and one head at a time, in float64."""
    tensor = in_float64(layer)
    projected = hidden @ tensor["attn_qkv.weight"].T
    padded = np.concatenate([np.zeros((TAPS - 1, projected.shape[1])), projected])
    states = np.zeros((groups * share, SIZE, SIZE))
    said = []
    for place, token in enumerate(hidden.astype(np.float64)):
        taps = padded[place : place + TAPS]
        mixed = swish((taps * tensor["ssm_conv1d.weight"].T).sum(axis=0)).reshape(-1, SIZE)
        rates = (tensor["ssm_ba.weight"] @ token).reshape(groups, 2 * share)
        gates = swish(tensor["attn_gate.weight"] @ token).reshape(-1, SIZE)
        answers = []
        for head in range(groups * share):
            group, member = divmod(head, share)
            query, key = (vector / np.linalg.norm(vector) for vector in mixed[group::groups][:2])
            beta = 1 / (1 + np.exp(-rates[group, member]))
            step = np.log1p(np.exp(rates[group, share + member] + tensor["ssm_dt.bias"][head]))
            forgetting = np.eye(SIZE) - beta * np.outer(key, key)
            states[head] = np.exp(tensor["ssm_a"][head] * step) * forgetting @ states[head]
            states[head] += beta * np.outer(key, mixed[2 * groups + head])
            answer = query @ states[head] / np.sqrt(SIZE)
            answer /= np.sqrt(np.mean(answer**2) + EPSILON)
            answers += list(answer * tensor["ssm_norm.weight"] * gates[head])
        said.append(list(tensor["ssm_out.weight"] @ answers))
    return said


def swish(values: NDArray[np.float64]) -> NDArray[np.float64]:
    active: NDArray[np.float64] = values / (1 + np.exp(-values))
    return active


@settings(max_examples=20, deadline=None)
@given(
    groups=st.integers(1, 2),
    share=st.integers(1, 3),
    seed=st.integers(0, 3),
    cut=st.integers(1, 6),
)
def test_a_delta_net_agrees_with_its_definition_written_out(
    groups: int, share: int, seed: int, cut: int
) -> None:
    layer = delta_layer(groups=groups, share=share, seed=seed)
    hidden = splitmix.normal(f"delta/{seed}/hidden", (7, WIDTH))
    cache = Cache()

    found = np.concatenate([delta_net(layer, part, cache) for part in (hidden[:cut], hidden[cut:])])

    expected = written_out(layer, hidden, groups=groups, share=share)
    np.testing.assert_allclose(found, expected, atol=2e-4)
