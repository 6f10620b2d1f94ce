"""Pure. In what architectures differ, beyond what the tensors and facts of a file tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine_ci.gate.networks.activations import silu

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine_ci.gate.networks.model import Values


# What the step of each pair of RoPE is divided by. Files have the second for contexts longer than
# that of the training and the third for others; ours have one of them.
ROPE_FACTORS: Final = ("rope_freqs", "rope_factors_long", "rope_factors_short")
_BARE: Final = {"ssm_a", "ssm_d"}  # these names are complete


@dataclass(frozen=True, kw_only=True)
class Traits:
    """One architecture.

    Attributes:
        tensors: the names of a layer's tensors but that norm, each `.weight` where nothing else is
            said.
        rotates_halves: RoPE pairs the halves of a head, not neighbours.
        turns_if_told: RoPE only where the file says `rope.scaling.finetuned`.
        gates_attention: each query has a gate beside it, for what attention makes of that query.
        active: makes one of a feed-forward's gate and its other half, both (tokens, size).
        feed_forward_norm: what the norm before the feed-forward is called, or None without one.
        final_norm: what the norm after all layers is called.
        post_norms: what attention and the feed-forward say is normed before it is added.
        scales_embedding: by the root of the width.
        full_every: every so many layers one sees all tokens; the others, their window.
        window_base: of RoPE in the layers with a window, where it is not that of the file.
    """

    tensors: str
    rotates_halves: bool = True
    turns_if_told: bool = False
    gates_attention: bool = False
    active: Callable[[Values, Values], Values] = silu
    feed_forward_norm: str | None = "ffn_norm.weight"
    final_norm: str = "output_norm.weight"
    post_norms: bool = False
    scales_embedding: bool = False
    full_every: int = 1
    window_base: float | None = None

    def sees_all(self, layer: int) -> bool:
        """Whether a layer looks back to the first token."""
        return (layer + 1) % self.full_every == 0

    @property
    def keeps_a_state(self) -> bool:
        """Whether a layer sums up all that it has read; each has a convolution before the sum."""
        return "conv" in self.tensors

    @property
    def has_a_window(self) -> bool:
        """Whether some layers look back so far only."""
        return self.full_every > 1

    def names(self, layers: int) -> set[str]:
        """The full names of all tensors that are read."""
        parts = {
            part if "." in part or part in _BARE else f"{part}.weight"
            for part in self.tensors.split()
        }
        if self.feed_forward_norm is not None:
            parts.add(self.feed_forward_norm)
        ends = {"token_embd.weight", self.final_norm, "output.weight"}
        ends |= {f"{name}.weight" for name in ROPE_FACTORS}
        return ends | {f"blk.{layer}.{part}" for layer in range(layers) for part in parts}
