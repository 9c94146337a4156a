"""Channels that are always zero: their reading weights are never used, yet may set the scale of those that are.

A channel that ReLU holds at zero on every calibration sample contributes nothing. If the largest weight of an output
channel reads such an input, int8 spends its steps on a product that is always zero: the weight is set to zero.
"""

from collections.abc import Mapping

import numpy as np

from ._edits import SilenceChannels
from ._network import Network, channel_scales, input_channel_axis
from ._statistics import TensorStatistics


def silence(network: Network, statistics: Mapping[str, TensorStatistics]) -> tuple[SilenceChannels, ...]:
    """Return an edit for every layer whose weight scales shrink once the weights of dead channels are zero."""
    found = []
    for layer in network.layers:
        seen = statistics.get(network.tensor_name(layer.input))
        if seen is None or layer.type == "DEPTHWISE_CONV_2D":  # depthwise channels have scales of their own
            continue
        dead = np.flatnonzero(seen.magnitude == 0)
        weights, axis = network.weights(layer), input_channel_axis(layer)
        columns = np.isin(np.arange(weights.shape[axis]) % len(seen.magnitude), dead)
        silenced = weights.copy()
        silenced[(slice(None),) * axis + (columns,)] = 0
        if np.any(channel_scales(silenced, 0) < channel_scales(weights, 0)) and silenced.any():
            found.append(SilenceChannels(layer.name, tuple(int(c) for c in dead)))
    return tuple(found)
