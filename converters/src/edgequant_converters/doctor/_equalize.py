"""Cross-layer equalization: channels of one tensor get like ranges, because they share one scale.

ReLU and linear operators let a factor through, f(s x) = s f(x) for s > 0, so a channel can be made smaller where it is
computed and its weights larger where it is read, and the network computes the same (Nagel et al., "Data-Free
Quantization Through Weight Equalization and Bias Correction", ICCV 2019). The factors come from the activations as well
as from the weights, as in Xiao et al., "SmoothQuant" (ICML 2023), eq. 4:

    s_c = a_c^alpha / w_c^(1 - alpha)

where a_c is the largest magnitude of channel c on the calibration samples, and w_c the largest weight that reads it,
each relative to the tensor's (the output channel's) largest. alpha = 1 evens out the activations alone. Output channels
of weights have scales of their own, so only the reading side's weights suffer. RELU6 does not let a factor through
and ends a group of channels; see `_relu6`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._edits import ScaleChannels
from ._network import Layer, Network, input_channel_axis
from ._statistics import TensorStatistics

ALPHAS = (0.5, 0.75, 1.0)
"""What is tried."""

LARGEST_FACTOR = 2.0**16
"""Factors stay between 1 / this and this, so that float32 weights lose nothing."""


@dataclass(slots=True)
class ChannelGroup:
    """Tensors whose channels can only be scaled together: all that is joined by additions, pooling and the like."""

    tensors: set[int] = field(default_factory=set)
    producers: list[Layer] = field(default_factory=list)
    consumers: list[Layer] = field(default_factory=list)
    fixed_by: str | None = None
    """Why the group cannot be scaled: an operator type, or the graph's edge; None if it can."""


def equalize(network: Network, statistics: Mapping[str, TensorStatistics], alpha: float) -> tuple[ScaleChannels, ...]:
    """Return the scalings of all groups of channels that can be scaled."""
    found = []
    for group in channel_groups(network):
        scales = group_scales(network, group, {name: seen.magnitude for name, seen in statistics.items()}, alpha)
        if scales is not None and np.any(scales != 1):
            producers, consumers = (tuple(layer.name for layer in side) for side in (group.producers, group.consumers))
            found.append(ScaleChannels(producers, consumers, tuple(float(s) for s in scales)))
    return tuple(found)


def channel_groups(network: Network) -> Iterator[ChannelGroup]:
    """Yield every group of channels that some layer computes and some layer reads, and that nothing fixes."""
    for group in _all_groups(network):
        if group.producers and group.consumers and group.fixed_by is None:
            yield group


def groups_fixed_by(network: Network, kind: str) -> list[ChannelGroup]:
    """Return the groups that could be scaled if it were not for operators or activations of this kind."""
    return [g for g in _all_groups(network) if g.producers and g.consumers and g.fixed_by == kind]


def group_scales(
    network: Network, group: ChannelGroup, magnitudes: Mapping[str, NDArray[np.float64]], alpha: float
) -> NDArray[np.float64] | None:
    """Return what to divide each channel of a group by; None if no sample has anything in it.

    `magnitudes` has the largest magnitude of each channel of tensors, by their names.
    """
    channels = network.shape(group.producers[0].output)[-1]
    names = [network.tensor_name(tensor) for tensor in sorted(group.tensors)]
    # After a flattening the channels repeat: (height, width, channels) in row-major order.
    seen = [magnitudes[name].reshape(-1, channels).max(axis=0) for name in names if name in magnitudes]
    activations = np.max([m / m.max() for m in seen if m.any()], axis=0) if any(m.any() for m in seen) else None
    if activations is None:
        return None
    weights = np.zeros_like(activations)
    for layer in group.consumers:
        if layer.type != "DEPTHWISE_CONV_2D":  # there each channel's weights have a scale of their own
            weights = np.maximum(weights, _reading_weights(network, layer, len(activations)))
    alpha = alpha if weights.any() else 1.0
    live = (activations > 0) & ((weights > 0) | (alpha == 1.0))
    scales = np.ones_like(activations)
    scales[live] = activations[live] ** alpha / (weights[live] if alpha < 1 else 1.0) ** (1 - alpha)
    if live.any():
        scales[live] /= np.exp(np.log(scales[live]).mean())
    return np.asarray(np.clip(scales, 1 / LARGEST_FACTOR, LARGEST_FACTOR), np.float64)


def _reading_weights(network: Network, layer: Layer, channels: int) -> NDArray[np.float64]:
    """Return the largest weight that reads each input channel, relative to the largest of its output channel."""
    weights = np.abs(network.weights(layer)).astype(np.float64)
    largest = weights.max(axis=tuple(range(1, weights.ndim)), keepdims=True)
    relative = weights / np.where(largest > 0, largest, 1)
    per_input = relative.max(axis=tuple(i for i in range(weights.ndim) if i != input_channel_axis(layer)))
    return np.asarray(per_input.reshape(-1, channels).max(axis=0))


PASS_THROUGH = ("RELU", "MAX_POOL_2D", "AVERAGE_POOL_2D", "PAD", "LEAKY_RELU", "RESIZE_BILINEAR",
                "RESIZE_NEAREST_NEIGHBOR")  # fmt: skip
"""Operators with one data input that treat every channel alike and let a positive factor through."""

HOMOGENEOUS = ("NONE", "RELU")
"""Fused activations that let a positive factor through."""


def _all_groups(network: Network) -> list[ChannelGroup]:
    groups = {i: ChannelGroup({i}) for i in range(len(network.graph.tensors))}

    def join(first: int, second: int) -> None:
        one, other = groups[first], groups[second]
        if one is other:
            return
        one.tensors |= other.tensors
        one.fixed_by = one.fixed_by or other.fixed_by
        for tensor in other.tensors:
            groups[tensor] = one

    def fix(tensor: int, why: str) -> None:
        groups[tensor].fixed_by = groups[tensor].fixed_by or why

    for edge in (*network.graph.inputs, *network.graph.outputs):
        fix(int(edge), "an input or output of the model")
    layers = {layer.position: layer for layer in network.layers}
    for position, operator in enumerate(network.graph.operators):
        if (kind := network.activation_of(operator)) not in HOMOGENEOUS:
            for tensor in operator.outputs:
                fix(int(tensor), kind)
        if position not in layers:
            _connect(network, operator, join, fix)
    unique = list({id(group): group for group in groups.values()}.values())
    for group in unique:
        group.producers = [layer for layer in network.layers if layer.output in group.tensors]
        group.consumers = [layer for layer in network.layers if layer.input in group.tensors]
    return unique


def _connect(network: Network, operator: Any, join: Any, fix: Any) -> None:
    kind = network.type_of(operator)
    inputs = [int(i) for i in operator.inputs if i >= 0]
    data = [i for i in inputs if network.constant(i) is None]
    outputs = [int(i) for i in operator.outputs]  # none of what sets a variable or calls a subgraph once
    passes = kind in PASS_THROUGH or (kind in ("MEAN", "SUM") and _keeps_channels(network, operator))
    passes = passes or (kind == "RESHAPE" and bool(data) and _flattens(network, data[0], outputs[0]))
    added = kind == "ADD" and len(data) == 2 and network.shape(data[0]) == network.shape(data[1])
    if (passes and len(data) == 1) or added:
        for tensor in data:
            join(outputs[0], tensor)
        return
    for tensor in (*data, *outputs):
        fix(tensor, kind)


def _keeps_channels(network: Network, operator: Any) -> bool:
    rank = len(network.shape(int(operator.inputs[0])))
    axes = network.constant(int(operator.inputs[1]))
    return axes is not None and all(int(axis) % rank != rank - 1 for axis in axes.ravel())


def _flattens(network: Network, source: int, target: int) -> bool:
    """Tell whether a reshape keeps the channels last, whole or repeated."""
    before, after = network.shape(source), network.shape(target)
    return bool(before and after) and after[-1] % before[-1] == 0 and before[0] == after[0]
