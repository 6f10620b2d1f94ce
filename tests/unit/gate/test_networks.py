"""What makes an architecture differ vanishes where it should, and its parts are what they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine_ci.gate import reference, splitmix, zoo
from engine_ci.gate.networks import ARCHITECTURES, Cache, forward, rope, shift
from engine_ci.gate.networks.activations import (
    clamped_silu,
    gelu,
    sigmoid,
    silu,
    softcap,
    softmax,
    softplus,
)
from tests.unit.gate.sensitive import (
    EXACT,
    TOKENS,
    array,
    in_each_layer,
    load,
    logits,
    with_facts,
    with_weights,
    without,
)


@pytest.mark.parametrize("shipped", EXACT, ids=lambda model: model.name)
def test_with_a_cache_the_parts_of_a_text_give_what_the_whole_gives(shipped: zoo.Model) -> None:
    assert isinstance(shipped.source, zoo.ShippedFile)
    model = reference.load(zoo.data_root() / shipped.source.path)
    cache = Cache()

    parts = [
        reference.log_probabilities(model, part, cache)
        for part in (TOKENS[:1], TOKENS[1:37], TOKENS[37:])
    ]

    whole = reference.log_probabilities(model, TOKENS)
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=5e-3)


def test_halves_are_turned_as_neighbours_are() -> None:
    heads = splitmix.normal("heads", (2, 5, 8))
    turns = rope.turns(np.arange(3, 8), rope.steps(size=6, base=100.0))
    apart = [0, 2, 4, 1, 3, 5, 6, 7]

    found = rope.rotate(heads[..., apart], turns, halves=True)

    np.testing.assert_array_equal(found, rope.rotate(heads, turns, halves=False)[..., apart])


def test_a_turn_keeps_the_length_and_what_is_beyond_it() -> None:
    heads = splitmix.normal("heads", (2, 5, 8))

    turns = rope.turns(np.arange(5), rope.steps(size=6, base=10.0))

    found = rope.rotate(heads, turns, halves=True)

    np.testing.assert_allclose(
        np.linalg.norm(found, axis=-1), np.linalg.norm(heads, axis=-1), rtol=1e-6
    )
    np.testing.assert_array_equal(found[..., 6:], heads[..., 6:])
    np.testing.assert_array_equal(found[:, 0], heads[:, 0])


def test_yarn_slows_the_pairs_that_turn_seldom_and_leaves_those_that_turn_often() -> None:
    plain = rope.steps(size=128, base=10_000.0)

    found = plain / rope.yarn(plain, base=10_000.0, factor=4.0, context=4096)

    # By the formulas of the paper: 2.2 turns in 4,096 positions at pair 44, 32 at pair 20.95.
    assert found[:21].tolist() == [1.0] * 21
    np.testing.assert_allclose(found[46:], 4.0)
    assert (np.diff(found[20:47]) > 0).all()
    assert rope.yarn_magnitude(1.0) == 1.0
    assert rope.yarn_magnitude(4.0) == pytest.approx(1.138629)


def test_yarn_of_the_length_of_the_training_changes_nothing() -> None:
    plain = rope.steps(size=16, base=10_000.0)

    np.testing.assert_array_equal(rope.yarn(plain, base=10_000.0, factor=1.0, context=256), plain)
    # Nor does any other, where all pairs turn often.
    np.testing.assert_array_equal(rope.yarn(plain, base=10_000.0, factor=2.0, context=10**9), plain)


def test_a_scale_is_a_factor_of_every_pair() -> None:
    model = load("llama3")
    factors = model.weights["rope_freqs.weight"]
    same = with_weights(model, {"rope_freqs.weight": factors * 0 + 2})

    found = logits(with_facts(without(model, "rope_freqs"), {"rope.scaling.factor": 2.0}))

    np.testing.assert_array_equal(found, logits(same))
    assert not np.allclose(found, logits(model), atol=0.1)


def test_layers_with_a_base_of_their_own_are_not_scaled() -> None:
    model = load("gemma3")
    plain = with_facts(model, {"rope.scaling.factor": 1.0})

    assert not np.allclose(logits(model), logits(plain), atol=0.1)
    # None of the six then sees all.
    np.testing.assert_array_equal(logits(model, full_every=7), logits(plain, full_every=7))


@pytest.mark.parametrize("fact", ["rope.scaling.attn_factor", "rope.scaling.factor"])
def test_a_magnitude_sharpens_attention(fact: str) -> None:
    model = load("phi3" if "attn" in fact else "gpt-oss")

    assert not np.allclose(logits(model), logits(with_facts(model, {fact: 1.0})), atol=0.1)


def test_keys_that_move_up_keep_their_magnitude() -> None:
    model = load("phi3")
    told, moved = Cache(), Cache()
    # One layer, whose keys do not know of what was forgotten.
    one = with_facts(model, {"block_count": 1})
    reference.log_probabilities(one, TOKENS[10:], told)

    reference.log_probabilities(one, TOKENS, moved)
    shift(one, ARCHITECTURES["phi3"], moved, keep=0, discard=10)

    np.testing.assert_allclose(moved.keys[0], told.keys[0], atol=1e-4)


@pytest.mark.parametrize("window", [49, 50])
def test_a_window_counts_the_token_itself(window: int) -> None:
    model = load("gpt-oss")
    wide = replace(model, facts={**model.facts, "gpt-oss.attention.sliding_window": window})

    found, everything = logits(wide), logits(wide, full_every=1)

    same = np.all(found == everything, axis=1)
    assert same.tolist() == [True] * 49 + [window == 50]


def test_layers_with_a_window_may_turn_by_a_base_of_their_own() -> None:
    model = load("gemma3")

    assert not np.allclose(logits(model), logits(model, window_base=None), atol=0.1)
    np.testing.assert_array_equal(
        logits(model, full_every=1), logits(model, full_every=1, window_base=None)
    )


def test_a_sink_that_draws_nothing_is_none() -> None:
    model = load("gpt-oss")
    sinks = in_each_layer(model, "attn_sinks.weight")
    dry = with_weights(model, {name: value * 0 - 1000 for name, value in sinks.items()})
    others = {name: value for name, value in model.weights.items() if name not in sinks}

    found = logits(dry)

    np.testing.assert_array_equal(found, logits(replace(model, weights=others)))
    assert not np.allclose(found, logits(model), atol=0.1)


def test_one_matrix_says_what_three_and_two_do() -> None:
    apart = load("qwen2")
    plain = {name: value for name, value in apart.weights.items() if not name.endswith("bias")}
    fused = {
        f"blk.{layer}.{whole}.weight": np.concatenate(
            [plain[f"blk.{layer}.{part}.weight"] for part in parts.split()]
        )
        for layer in range(2)
        for whole, parts in {
            "attn_qkv": "attn_q attn_k attn_v",
            "ffn_up": "ffn_gate ffn_up",
        }.items()
    }
    kept = {name: value for name, value in plain.items() if "ffn_gate" not in name}

    found = logits(replace(apart, weights={**kept, **fused}))

    np.testing.assert_allclose(found, logits(replace(apart, weights=plain)), atol=1e-4)


def test_biases_are_added() -> None:
    model = load("qwen2")
    biases = in_each_layer(model, "attn_v.bias")

    none = with_weights(model, {name: value * 0 for name, value in biases.items()})

    others = {name: value for name, value in model.weights.items() if name not in biases}
    np.testing.assert_array_equal(logits(none), logits(replace(model, weights=others)))
    assert not np.allclose(logits(none), logits(model), atol=0.1)


def test_experts_that_are_all_the_same_are_one_feed_forward() -> None:
    model = load("mixtral")
    first = {
        name: value[:1] for name, value in model.weights.items() if name.endswith("_exps.weight")
    }
    alike = with_weights(
        model, {name: np.repeat(value, 4, axis=0) for name, value in first.items()}
    )
    dense = {name.replace("_exps", ""): value[0] for name, value in first.items()}
    others = {name: value for name, value in model.weights.items() if "ffn_gate_inp" not in name}

    found = logits(alike)

    np.testing.assert_allclose(
        found, logits(replace(model, weights={**others, **dense})), atol=1e-4
    )


def test_experts_that_are_not_among_the_best_have_no_say() -> None:
    model = load("mixtral")
    gates = in_each_layer(model, "ffn_gate_inp.weight")
    one = replace(model, facts={**model.facts, "llama.expert_used_count": 1})
    downs = {
        name: value * array([[[0]], [[1]], [[1]], [[1]]])
        for name, value in in_each_layer(model, "ffn_down_exps.weight").items()
    }
    biased = {name.replace("weight", "bias"): array([-1e6, 0, 0, 0]) for name in gates}

    silenced = with_weights(one, {**downs, **biased})

    np.testing.assert_array_equal(logits(silenced), logits(with_weights(one, biased)))
    assert not np.allclose(logits(one), logits(model), atol=0.1)


def test_a_state_that_decays_at_once_leaves_the_last_few_tokens_of_the_convolution() -> None:
    model = load("mamba")
    decays = in_each_layer(model, "ssm_a")
    forgetful = with_weights(model, {name: value - 1e6 for name, value in decays.items()})
    reach = 1 + 2 * (4 - 1)  # of two layers

    found, shorter = (
        forward(forgetful, ARCHITECTURES["mamba"], tokens, Cache())[-1]
        for tokens in (TOKENS, TOKENS[-reach:])
    )

    np.testing.assert_allclose(found, shorter, atol=1e-4)
    assert not np.allclose(found, logits(model)[-1], atol=0.1)


def test_what_a_state_space_says_is_added_to_what_it_was_given() -> None:
    model = load("mamba2")
    skips = in_each_layer(model, "ssm_d")
    outputs = in_each_layer(model, "ssm_out.weight")

    closed = with_weights(model, {name: value * 0 for name, value in outputs.items()})
    moved = with_weights(model, {name: value * 2 for name, value in skips.items()})

    embedded = model.weights["token_embd.weight"][TOKENS]
    expected = model.norm("output_norm.weight", embedded) @ model.weights["output.weight"].T
    np.testing.assert_allclose(logits(closed), expected, atol=1e-4)
    assert not np.allclose(logits(moved), logits(model), atol=0.1)


def test_a_cap_bends_large_values_and_hardly_small_ones() -> None:
    values = array([-1e4, -1, 0, 0.5, 1e4])

    np.testing.assert_allclose(softcap(values, 50.0), [-50, -1, 0, 0.5, 50], rtol=2e-4)
    assert softcap(values, None) is values


def test_shares_sum_to_one_and_nothing_has_none() -> None:
    shares = softmax(array([[1, 1, -np.inf], [100, 0, 0]]))

    np.testing.assert_allclose(shares, array([[0.5, 0.5, 0], [1, 0, 0]]), atol=1e-6)


def test_activations_have_the_values_of_their_definitions() -> None:
    gate, up = array([-20, -1, 0, 1, 9]), array([2, 2, 2, 2, -9])

    np.testing.assert_allclose(silu(gate, up), [0, -0.537883, 0, 1.462117, -80.99], atol=1e-3)
    np.testing.assert_allclose(gelu(gate, up), [0, -0.317616, 0, 1.682384, -81], atol=1e-3)
    np.testing.assert_allclose(clamped_silu(gate, up), [0, -0.462658, 0, 2.537342, -42], atol=1e-3)


def test_gates_have_the_values_of_their_definitions_without_a_warning() -> None:
    values = array([-1000, -1, 0, 1, 1000])

    np.testing.assert_allclose(sigmoid(values), [0, 0.268941, 0.5, 0.731059, 1], atol=1e-6)
    np.testing.assert_allclose(softplus(values), [0, 0.313262, 0.693147, 1.313262, 1000], rtol=1e-6)
