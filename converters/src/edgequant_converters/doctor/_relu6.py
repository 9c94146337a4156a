"""RELU6 that never clips becomes RELU, so that equalization can pass through it.

relu6(s x) is not s relu6(x), so RELU6 ties the hands of equalization; Nagel et al. (2019) replace it by RELU. Here only
layers whose values stay below 6 on every calibration sample are taken: on those samples the network computes the same.
"""

from collections.abc import Mapping

from ._edits import UnclipRelu6
from ._equalize import groups_fixed_by
from ._network import Network
from ._statistics import TensorStatistics

CLIP = 6.0


def unclip(network: Network, statistics: Mapping[str, TensorStatistics]) -> UnclipRelu6 | None:
    """Return the edit for all layers that RELU6 alone keeps from being equalized and that never reach 6."""
    names = {
        layer.name
        for group in groups_fixed_by(network, "RELU6")
        for layer in group.producers
        if layer.activation == "RELU6" and statistics[layer.name].range[1] < CLIP
    }
    return UnclipRelu6(tuple(sorted(names))) if names else None
