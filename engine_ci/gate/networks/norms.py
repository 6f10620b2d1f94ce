"""Pure. Norms over the last axis, with a weight and, of those with a mean, a bias."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from engine_ci.gate.networks.model import Values


def rms_norm(hidden: Values, weight: Values, *, epsilon: float) -> Values:
    """Each at the length that its weight gives, the mean as it is."""
    size = np.sqrt(np.mean(hidden**2, axis=-1, keepdims=True) + np.float32(epsilon))
    normed: Values = hidden / size
    return normed * weight


def layer_norm(hidden: Values, weight: Values, bias: Values, *, epsilon: float) -> Values:
    """The same around the mean, moved by the bias."""
    centred: Values = hidden - hidden.mean(axis=-1, keepdims=True)
    return rms_norm(centred, weight, epsilon=epsilon) + bias
