"""Tensors whose readers saturate need only the part of their range in which the readers do not.

HARD_SWISH is 0 below -3; RELU is 0 below 0; RELU6 is constant outside 0 to 6; LOGISTIC and TANH are within half a step
of their own int8 outputs (1/256, 1/128) of their limits beyond about 6.2 and 3.1. Nothing is lost where the range of
their input ends there, and the steps that are saved make the rest finer.
"""

import math
from collections.abc import Mapping

from ._network import Network

LIMITS = {
    "HARD_SWISH": (-3.0, math.inf),
    "RELU": (0.0, math.inf),
    "RELU6": (0.0, 6.0),
    "RELU_N1_TO_1": (-1.0, 1.0),
    "LOGISTIC": (-6.5, 6.5),
    "TANH": (-3.5, 3.5),
}
"""The part of its input that each operator tells apart."""


def saturated_ranges(network: Network, ranges: Mapping[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """Return narrower ranges for tensors that only saturating operators read."""
    outputs = {int(i) for i in network.graph.outputs}
    found = {}
    for index in range(len(network.graph.tensors)):
        name = network.tensor_name(index)
        kinds = [network.type_of(operator) for operator in network.consumers(index)]
        if name not in ranges or index in outputs or not kinds or any(kind not in LIMITS for kind in kinds):
            continue
        low, high = ranges[name]
        narrow = max(low, min(LIMITS[kind][0] for kind in kinds)), min(high, max(LIMITS[kind][1] for kind in kinds))
        if narrow != (low, high) and narrow[0] < narrow[1]:
            found[name] = narrow
    return found
