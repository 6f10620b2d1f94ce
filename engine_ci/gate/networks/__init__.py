"""Pure. The mathematics of each architecture, in numpy.

`ARCHITECTURES` says what there is. Another one is an entry, and a trait where it does something
that no other does; optional tensors (biases, norms of heads, experts, sinks) are used where a file
has them, and a tensor that is not named here is refused. `ENCODERS` make vectors of texts, `vision`
makes of a picture what a generating model can be shown.
"""

from __future__ import annotations

from typing import Final

from engine_ci.gate.networks import vision
from engine_ci.gate.networks.activations import clamped_silu, gelu
from engine_ci.gate.networks.encoder import ENCODERS, Encoder, embed, encode
from engine_ci.gate.networks.model import Cache, Model, Values
from engine_ci.gate.networks.operands import ROUNDING
from engine_ci.gate.networks.traits import ROPE_FACTORS, Traits
from engine_ci.gate.networks.transformer import decode, forward, shift

__all__ = [
    "ARCHITECTURES",
    "ENCODERS",
    "ROPE_FACTORS",
    "ROUNDING",
    "Cache",
    "Encoder",
    "Model",
    "Traits",
    "Values",
    "decode",
    "embed",
    "encode",
    "forward",
    "shift",
    "vision",
]

_ATTENTION: Final = "attn_norm attn_q attn_k attn_v attn_output"
_BIASES: Final = "attn_q.bias attn_k.bias attn_v.bias"
_HEAD_NORMS: Final = "attn_q_norm attn_k_norm"
_DENSE: Final = "ffn_gate ffn_up ffn_down"
_EXPERTS: Final = "ffn_gate_inp ffn_gate_exps ffn_up_exps ffn_down_exps"
_EXPERT_BIASES: Final = "ffn_gate_inp.bias ffn_gate_exps.bias ffn_up_exps.bias ffn_down_exps.bias"
_SHARED_EXPERT: Final = "ffn_gate_inp_shexp ffn_gate_shexp ffn_up_shexp ffn_down_shexp"
_STATE_SPACE: Final = "attn_norm ssm_in ssm_conv1d ssm_conv1d.bias ssm_dt.bias ssm_a ssm_d ssm_out"
_DELTA_NET: Final = "attn_qkv attn_gate ssm_ba ssm_conv1d ssm_dt.bias ssm_a ssm_norm ssm_out"
_POST_NORMS: Final = "post_attention_norm post_ffw_norm"

ARCHITECTURES: Final = {
    "llama": Traits(tensors=f"{_ATTENTION} {_DENSE} {_EXPERTS}", rotates_halves=False),
    "qwen2": Traits(tensors=f"{_ATTENTION} {_BIASES} {_DENSE}"),
    "qwen3": Traits(tensors=f"{_ATTENTION} {_HEAD_NORMS} {_DENSE}"),
    "qwen3moe": Traits(tensors=f"{_ATTENTION} {_HEAD_NORMS} {_EXPERTS}"),
    "phi3": Traits(tensors="attn_norm attn_qkv attn_output ffn_up ffn_down"),
    "gemma2": Traits(
        tensors=f"{_ATTENTION} {_DENSE} {_POST_NORMS}",
        active=gelu,
        post_norms=True,
        scales_embedding=True,
        full_every=2,
    ),
    "gemma3": Traits(
        tensors=f"{_ATTENTION} {_HEAD_NORMS} {_DENSE} {_POST_NORMS}",
        active=gelu,
        post_norms=True,
        scales_embedding=True,
        full_every=6,
        window_base=10_000.0,
    ),
    "gpt-oss": Traits(
        tensors=f"{_ATTENTION} {_BIASES} attn_output.bias attn_sinks {_EXPERTS} {_EXPERT_BIASES}",
        active=clamped_silu,
        feed_forward_norm="post_attention_norm.weight",
        full_every=2,
    ),
    "mamba": Traits(tensors=f"{_STATE_SPACE} ssm_x ssm_dt", feed_forward_norm=None),
    "mamba2": Traits(tensors=f"{_STATE_SPACE} ssm_norm", feed_forward_norm=None),
    "falcon-h1": Traits(
        tensors=f"{_ATTENTION} {_STATE_SPACE} ssm_norm {_DENSE}", feed_forward_norm="ffn_norm"
    ),
    "granitehybrid": Traits(
        tensors=f"{_ATTENTION} {_STATE_SPACE} ssm_norm {_DENSE}",
        rotates_halves=False,
        turns_if_told=True,
    ),
    "lfm2": Traits(
        tensors=f"{_ATTENTION} {_HEAD_NORMS} {_DENSE} "
        "shortconv.in_proj.weight shortconv.conv.weight shortconv.out_proj.weight",
        final_norm="token_embd_norm.weight",
    ),
    "qwen3next": Traits(
        tensors=f"{_ATTENTION} {_HEAD_NORMS} {_DELTA_NET} {_EXPERTS} {_SHARED_EXPERT}",
        gates_attention=True,
        feed_forward_norm="post_attention_norm.weight",
    ),
}
